//! What `verify` says of a world in which people played, and of worlds that were broken on purpose.

use daystar::prelude::*;
use sample_game::Tideland;
use sample_game::creatures::Creature;
use sample_game::gathering::Source;
use sample_game::island::Position;
use sample_game::items::{Holder, Item, Kind};
use sample_game::leaderboard;
use sample_game::messages::{Event, Request};
use sample_game::mint;
use sample_game::players::{self, Player};
use sample_game::regions::{Place, Region};
use sample_game::remains;
use sample_game::settings::{FAME_STEP, HEALTH_MAX, PACK_ITEMS_MAX};

use crate::visit::{Visitor, brisk, on_a_checked_island, problems, serve, with_clients};

#[test]
fn a_world_in_which_people_played_holds_every_rule() {
    on_a_checked_island(brisk(), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let bob = Visitor::join(server, "bob").await;
        ann.walk_to(bob.at, 2).await;
        ann.ask(Request::GiveGold { to: "bob".to_owned(), gold: 5 }).await;
        ann.ask(Request::GiveItem { to: "bob".to_owned(), item: ann.pack[0].item }).await;
        bob.ask(Request::ThrowAway { item: bob.pack[0].item }).await;
        bob.leave().await;
    });
}

/// What breaks a rule, by a player in the game, and what is said of it.
pub(crate) type Break = (fn(&Ctx, Ref<Player>) -> Result<()>, &'static str);

#[test]
fn broken_rules_about_gold_are_found() {
    every_one_is_found(&[
        (|ctx, ann| set(ctx, ann, |ann| ann.gold += 1), "are 101 gold, but 100 was minted"),
        (|ctx, ann| set(ctx, ann, |ann| ann.gold -= 1), "are 99 gold, but 100 was minted"),
        (|ctx, ann| die(ctx, ann, 7).map(drop), "are 107 gold, but 100 was minted"),
        (|ctx, _| mint::burn(ctx, mint::Sink::Tavern, 3), "are 100 gold, but 97 was minted"),
        (
            |ctx, ann| {
                ctx.get_mut(ann)?.gold += 9;
                mint::mint(ctx, mint::Source::Newcomer, 9)
            },
            "109 gold was minted for 1 players, not 100",
        ),
    ]);
}

#[test]
fn broken_rules_about_things_are_found() {
    every_one_is_found(&[
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
                let left = die(ctx, ann, 0)?;
                ctx.get_mut(left)?.things.push(shell);
                Ok(())
            },
            "), Remains(#",
        ),
        (
            |ctx, ann| {
                let shell = ctx.get(ann)?.pack[0];
                ctx.remove(shell)
            },
            "does not exist, but is listed by",
        ),
        (
            |ctx, ann| {
                for _ in 0..PACK_ITEMS_MAX {
                    let holder = Holder::Player(ann);
                    let item = ctx.insert(Item { kind: Kind::Shell, holder })?;
                    ctx.get_mut(ann)?.pack.push(item);
                }
                Ok(())
            },
            "carries 21 items",
        ),
        (
            |ctx, ann| {
                for _ in 0..8 {
                    let item = ctx.insert(Item { kind: Kind::Bar, holder: Holder::Player(ann) })?;
                    ctx.get_mut(ann)?.pack.push(item);
                }
                Ok(())
            },
            "carries 9 items that weigh 32050 g",
        ),
    ]);
}

#[test]
fn broken_rules_about_places_are_found() {
    every_one_is_found(&[
        (|ctx, ann| set(ctx, ann, |ann| ann.at = SEA), "ann stands at 0,0, where the sea is"),
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
                ctx.insert(Source { at: SEA, kind: Kind::Wood, left: 1 })?;
                Ok(())
            },
            "at 0,0 is not on the map",
        ),
        (
            |ctx, _| {
                let source = listed(ctx, |region| &region.sources)?;
                ctx.get_mut(source)?.left = 99;
                Ok(())
            },
            "takes 99 strokes",
        ),
        (|ctx, _| everywhere(ctx, |region| region.sources.clear()), "Source #"),
        (|ctx, _| everywhere(ctx, |region| region.creatures.clear()), "Creature #"),
        (
            |ctx, ann| {
                die(ctx, ann, 0)?;
                everywhere(ctx, |region| region.remains.clear())
            },
            "Remains #",
        ),
        (
            |ctx, ann| {
                let left = die(ctx, ann, 0)?;
                ctx.remove(left)
            },
            "does not exist, but is in [Place",
        ),
        (|ctx, _| change(ctx, |boar| boar.at = SEA), "lives at 0,0, where the sea is"),
        (|ctx, _| change(ctx, |boar| boar.den = SEA), "lives at 0,0, where the sea is"),
    ]);
}

#[test]
fn broken_rules_about_lives_are_found() {
    every_one_is_found(&[
        (|ctx, ann| set(ctx, ann, |ann| ann.health.points = 0), "ann has 0 points of health"),
        (
            |ctx, ann| set(ctx, ann, |ann| ann.health.points = HEALTH_MAX + 1),
            "ann has 101 points of health",
        ),
        (|ctx, _| change(ctx, |one| one.health.points = 0), "has 0 health; alive: true"),
        (|ctx, _| change(ctx, |one| one.health.points = 999), "has 999 health; alive: true"),
        (|ctx, _| change(ctx, |one| one.prowling = None), "health; alive: false"),
        (|ctx, ann| die(ctx, ann, 0).map(drop), "there is nothing in remains"),
        (
            |ctx, ann| {
                let left = die(ctx, ann, 0)?;
                ctx.get_mut(left)?.killed_by = left.into();
                Ok(())
            },
            "was killed by #",
        ),
    ]);
}

#[test]
fn broken_rules_about_leaders_are_found() {
    every_one_is_found(&[
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
    ]);
}

const SEA: Position = Position { x: 0, y: 0 };

/// Breaks rules, each in a world of its own, and lets `verify` find them.
pub(crate) fn every_one_is_found(breaks: &[Break]) {
    for (number, (broken, expected)) in breaks.iter().enumerate() {
        let folder = tempfile::tempdir().expect("a folder");
        let server = serve(Broken(*broken), folder.path());
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

/// Remains of a player who did not die.
fn die(ctx: &Ctx, player: Ref<Player>, gold: u64) -> Result<Ref<remains::Remains>> {
    let at = ctx.get(player)?.at;
    remains::leave(ctx, at, "ann", player.into(), gold)
}

/// Changes some creature.
fn change(ctx: &Ctx, change: impl FnOnce(&mut Creature)) -> Result<()> {
    let creature = listed(ctx, |region| &region.creatures)?;
    change(&mut *ctx.get_mut(creature)?);
    Ok(())
}

/// The first that a region lists.
fn listed<T>(ctx: &Ctx, list: impl Fn(&Region) -> &Vec<Ref<T>>) -> Result<Ref<T>> {
    for place in Place::all() {
        if let Some(first) = list(&*ctx.get(place.region(ctx)?)?).first() {
            return Ok(*first);
        }
    }
    bail!("no region lists any")
}

fn everywhere(ctx: &Ctx, mut change: impl FnMut(&mut Region)) -> Result<()> {
    for place in Place::all() {
        change(&mut *ctx.get_mut(place.region(ctx)?)?);
    }
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
