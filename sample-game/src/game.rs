//! The game: what happens when someone joins, asks for something, or leaves.

use daystar::prelude::*;

use crate::messages::{Event, Request};
use crate::{chat, giving, items, looking, players, regions, rules, trees, walking};

/// The island.
#[derive(Clone, Debug)]
pub struct Tideland {
    /// How soon a felled tree may grow again. It takes up to half as long again, by chance.
    pub regrow_after: Duration,
}

impl Default for Tideland {
    fn default() -> Self {
        Self { regrow_after: Duration::from_secs(10) }
    }
}

impl Game for Tideland {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "tideland";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        regions::lay_out(ctx)?;
        trees::plant(ctx)
    }

    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        players::join(ctx, session)
    }

    fn received(&self, ctx: &Ctx, session: Session, request: Request) -> Result<()> {
        let me = ctx.attached(session)?;
        match request {
            Request::Me => players::describe(ctx, me),
            Request::Walk(direction) => walking::walk(ctx, session, me, direction),
            Request::Look => looking::look(ctx, me),
            Request::Say(text) => chat::say(ctx, me, text),
            Request::Shout(text) => chat::shout(ctx, me, text),
            Request::GiveGold { to, gold } => giving::give_gold(ctx, me, &to, gold),
            Request::GiveItem { to, item } => giving::give_item(ctx, me, &to, item),
            Request::ThrowAway { item } => items::throw_away(ctx, me, item),
            Request::Chop { tree } => trees::chop(ctx, me, tree, self.regrow_after),
        }
    }

    fn left(&self, ctx: &Ctx, session: Session, _why: Left) -> Result<()> {
        players::leave(ctx, session)
    }

    fn verify(&self, world: &World) -> Result<()> {
        rules::check(world)
    }
}
