//! What `verify` says of a world in which people played, and of worlds that were broken on purpose.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use daystar::Server;
use daystar::prelude::*;
use sample_game::Tideland;
use sample_game::island::Position;
use sample_game::items::{Item, Kind};
use sample_game::messages::{Event, Request};
use sample_game::players::{self, Player};
use sample_game::regions::Place;
use sample_game::trees::Tree;

use crate::visit::{Visitor, with_clients};

#[test]
fn a_world_in_which_people_played_holds_every_rule() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::builder(Tideland::default())
        .data(folder.path())
        .listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .start()
        .expect("the server starts");
    let address = server.address();
    with_clients(async {
        let mut ann = Visitor::join(address, "ann").await;
        let bob = Visitor::join(address, "bob").await;
        ann.walk_to(bob.at, 2).await;
        ann.ask(Request::GiveGold { to: "bob".to_owned(), gold: 5 }).await;
        ann.ask(Request::GiveItem { to: "bob".to_owned(), item: ann.pack[0].item }).await;
        bob.ask(Request::ThrowAway { item: bob.pack[0].item }).await;
        bob.leave().await;
    });
    server.stop().expect("the server stops");
    assert_eq!(problems(folder.path()), Vec::<String>::new());
}

#[test]
fn every_broken_rule_is_found() {
    type Break = fn(&Ctx, Ref<Player>) -> Result<()>;
    let breaks: [(Break, &str); 8] = [
        (|ctx, ann| set(ctx, ann, |ann| ann.gold += 1), "have 101 gold, but 100 was minted"),
        (
            |ctx, ann| {
                ctx.insert(Item { kind: Kind::Wood, owner: ann })?;
                Ok(())
            },
            "is in the packs of []",
        ),
        (
            |ctx, ann| {
                let shell = ctx.get(ann)?.pack[0];
                set(ctx, ann, |ann| ann.pack.push(shell))
            },
            "is in the packs of [#",
        ),
        (
            |ctx, ann| {
                let shell = ctx.get(ann)?.pack[0];
                ctx.remove(shell)
            },
            "does not exist, but is in the packs of",
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
                ctx.insert(Tree { at: Position { x: 0, y: 0 }, strokes_left: 1 })?;
                Ok(())
            },
            "at 0,0 is not on the map",
        ),
        (
            |ctx, _| {
                for place in Place::all() {
                    ctx.get_mut(place.region(ctx)?)?.trees.clear();
                }
                Ok(())
            },
            "is listed in []",
        ),
    ];
    for (number, (broken, expected)) in breaks.into_iter().enumerate() {
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

fn problems(folder: &Path) -> Vec<String> {
    daystar::verify(&Tideland::default(), folder).expect("a world that can be read").problems
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
