//! What `verify` says of a world in which people played, and of worlds that were broken on purpose.

use std::net::{Ipv4Addr, SocketAddr};

use daystar::Server;
use daystar::prelude::*;
use sample_game::Tideland;
use sample_game::gathering::Source;
use sample_game::island::Position;
use sample_game::items::{Holder, Item, Kind};
use sample_game::leaderboard;
use sample_game::messages::{Event, Request};
use sample_game::players::{self, Player};
use sample_game::regions::Place;
use sample_game::settings::{FAME_STEP, PACK_GRAMS_MAX};

use crate::visit::{Visitor, on_a_checked_island, problems, with_clients};

#[test]
fn a_world_in_which_people_played_holds_every_rule() {
    on_a_checked_island(Tideland::default(), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let bob = Visitor::join(server, "bob").await;
        ann.walk_to(bob.at, 2).await;
        ann.ask(Request::GiveGold { to: "bob".to_owned(), gold: 5 }).await;
        ann.ask(Request::GiveItem { to: "bob".to_owned(), item: ann.pack[0].item }).await;
        bob.ask(Request::ThrowAway { item: bob.pack[0].item }).await;
        bob.leave().await;
    });
}

#[test]
fn every_broken_rule_is_found() {
    let breaks: [Break; 11] = [
        (|ctx, ann| set(ctx, ann, |ann| ann.gold += 1), "there are 101 gold, but 100 was minted"),
        (
            |ctx, ann| {
                ctx.insert(Item { kind: Kind::Wood, holder: Holder::Player(ann) })?;
                Ok(())
            },
            "is listed by []",
        ),
        (
            |ctx, ann| {
                let shell = ctx.get(ann)?.pack[0];
                set(ctx, ann, |ann| ann.pack.push(shell))
            },
            "is listed by [Player(#",
        ),
        (
            |ctx, ann| {
                let shell = ctx.get(ann)?.pack[0];
                ctx.remove(shell)
            },
            "does not exist, but is listed by",
        ),
        (
            |ctx, ann| set(ctx, ann, |ann| ann.at = Position { x: 0, y: 0 }),
            "stands at 0,0, where the sea is",
        ),
        (
            |ctx, ann| {
                let elsewhere = Place { column: 0, row: 0 };
                ctx.get_mut(elsewhere.region(ctx)?)?.players.push(ann);
                Ok(())
            },
            "but is in [Place { column: 0, row: 0 }",
        ),
        (
            |ctx, _| {
                let at = Position { x: 0, y: 0 };
                ctx.insert(Source { at, kind: Kind::Wood, left: 1 })?;
                Ok(())
            },
            "at 0,0 is not on the map",
        ),
        (
            |ctx, _| {
                for place in Place::all() {
                    ctx.get_mut(place.region(ctx)?)?.sources.clear();
                }
                Ok(())
            },
            "is listed in []",
        ),
        (
            |ctx, ann| {
                for _ in 0..=PACK_GRAMS_MAX / Kind::Ore.weight() {
                    let ore = Item { kind: Kind::Ore, holder: Holder::Player(ann) };
                    let ore = ctx.insert(ore)?;
                    set(ctx, ann, |ann| ann.pack.push(ore))?;
                }
                Ok(())
            },
            "carries 12 items that weigh 33050 g",
        ),
        (
            |ctx, ann| set(ctx, ann, |ann| ann.fame += FAME_STEP),
            "ann, of fame 10, is on the leaderboard as []",
        ),
        (
            |ctx, ann| {
                leaderboard::praise(ctx, ann, &mut *ctx.get_mut(ann)?, FAME_STEP)?;
                set(ctx, ann, |ann| ann.fame = 0)
            },
            "ann, of fame 0, is on the leaderboard as [Rank",
        ),
    ];
    every_one_is_found(&breaks);
}

/// What breaks a rule, and what is said of it.
pub(crate) type Break = (fn(&Ctx, Ref<Player>) -> Result<()>, &'static str);

/// Breaks rules, each in a world of its own, and lets `verify` find them.
pub(crate) fn every_one_is_found(breaks: &[Break]) {
    for (number, &(broken, expected)) in breaks.iter().enumerate() {
        let folder = tempfile::tempdir().expect("a folder");
        let server = Server::builder(Broken(broken))
            .data(folder.path())
            .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .start()
            .expect("the server starts");
        let address = server.address();
        with_clients(async { Visitor::join(address, "ann").await.ask(Request::Me).await });
        server.stop().expect("the server stops");
        let problems = problems(folder.path());
        assert!(
            problems.iter().any(|problem| problem.contains(expected)),
            "break {number} should be told as `{expected}`, not {problems:?}"
        );
    }
}

fn set(ctx: &Ctx, player: Ref<Player>, change: impl FnOnce(&mut Player)) -> Result<()> {
    change(&mut *ctx.get_mut(player)?);
    Ok(())
}

/// Tideland, but whatever its players ask for breaks a rule.
struct Broken(fn(&Ctx, Ref<Player>) -> Result<()>);

impl Game for Broken {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = Tideland::NAME;

    fn created(&self, ctx: &Ctx) -> Result<()> {
        Tideland::default().created(ctx)
    }
    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        players::join(ctx, session)
    }
    fn received(&self, ctx: &Ctx, session: Session, _: Request) -> Result<()> {
        (self.0)(ctx, ctx.attached(session)?)
    }
    fn left(&self, ctx: &Ctx, session: Session, _: Left) -> Result<()> {
        players::leave(ctx, session)
    }
}
