//! The game: what happens when someone joins, asks for something, or leaves.

use daystar::prelude::*;

use crate::messages::{Event, Request};
use crate::settings::{ACT_EVERY, AUDIT_EVERY, ORDERS_LAST};
use crate::wild::Wild;
use crate::{
    auditor, chat, crafting, creatures, daylight, expiry, fights, gathering, giving, guilds, items,
    leaderboard,
};
use crate::{looking, market, mint, players, regions, rules, trade, walking};

/// The island.
#[derive(Clone, Debug)]
pub struct Tideland {
    /// How soon a tree, vein or shoal that has nothing left may come back. It takes up to half as long again, by chance.
    pub regrow_after: Duration,
    /// How soon a player can take the next step or stroke, if they do not stop.
    pub act_every: Duration,
    /// The hour at which a new island's first day begins.
    pub first_hour: u8,
    /// What lives on a new island beside the players.
    pub wild: Wild,
    /// How long orders are on offer at least at a new island's market.
    pub orders_last: Duration,
    /// How often the auditor looks at a new island.
    pub audit_every: Duration,
}

impl Default for Tideland {
    fn default() -> Self {
        Self {
            regrow_after: Duration::from_secs(10),
            act_every: ACT_EVERY,
            first_hour: 8,
            wild: Wild::default(),
            orders_last: ORDERS_LAST,
            audit_every: AUDIT_EVERY,
        }
    }
}

impl Game for Tideland {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "tideland";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        daylight::begin(ctx, self.first_hour)?;
        mint::open(ctx)?;
        leaderboard::put_up(ctx)?;
        market::open(ctx)?;
        expiry::begin(ctx, self.orders_last)?;
        regions::lay_out(ctx)?;
        gathering::lay_out(ctx)?;
        self.wild.keep(ctx)?;
        creatures::settle(ctx)?;
        auditor::employ(ctx, self.audit_every)
    }

    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        players::join(ctx, session)
    }

    fn only_reads(&self, request: &Request) -> bool {
        matches!(request, Request::Leaders | Request::Market(market::Ask::Book(_)))
    }

    fn received(&self, ctx: &Ctx, session: Session, request: Request) -> Result<()> {
        let me = ctx.attached(session)?;
        match request {
            Request::Me => players::describe(ctx, me),
            Request::Walk(direction) => walking::walk(ctx, session, me, direction, self.act_every),
            Request::Look => looking::look(ctx, me),
            Request::Say(text) => chat::say(ctx, me, text),
            Request::Shout(text) => chat::shout(ctx, me, text),
            Request::GiveGold { to, gold } => giving::give_gold(ctx, me, &to, gold),
            Request::GiveItem { to, item } => giving::give_item(ctx, me, &to, item),
            Request::ThrowAway { item } => items::throw_away(ctx, me, item),
            Request::Gather { source } => {
                gathering::gather(ctx, me, source, self.act_every, self.regrow_after)
            }
            Request::Craft(recipe) => crafting::craft(ctx, me, recipe),
            Request::Leaders => leaderboard::tell(ctx),
            Request::Hour => daylight::tell(ctx),
            Request::Trade(ask) => trade::asked(ctx, me, ask),
            Request::Market(ask) => market::asked(ctx, me, ask),
            Request::Guild(ask) => guilds::asked(ctx, session, me, ask),
            Request::Fight(ask) => fights::asked(ctx, me, ask),
        }
    }

    fn left(&self, ctx: &Ctx, session: Session, _why: Left) -> Result<()> {
        players::leave(ctx, session)
    }

    fn verify(&self, world: &World) -> Result<()> {
        rules::check(world)
    }
}
