//! Every kind of Tideland's simulated players by itself: it does what it is there for, meets no error, finds its account as it was
//! told, and leaves a world in order.

use std::path::Path;
use std::time::Duration;

use client_sim::behaviour::Who;
use client_sim::crash::arguments::Level;
use client_sim::crash::separate::House;
use client_sim::crowd::run;
use client_sim::plan::{Class, Plan};
use client_sim::progress::Progress;
use client_sim::stage::{Phase, Stage};
use client_sim::tideland;
use client_sim::tideland::done::Done;
use daystar::Server;
use daystar::prelude::*;
use daystar_client::builder::Trust;
use sample_game::creatures::dens;
use sample_game::health::Health;
use sample_game::island::{Position, Tile, everywhere};
use sample_game::items::{self, Kind};
use sample_game::messages::{Event, Request};
use sample_game::players::{self, Player};
use sample_game::settings::HEALTH_MAX;
use sample_game::species::Species;
use sample_game::{Tideland, Wild};
use tokio::time::sleep;

const CLIENTS: u32 = 6;

const SEED: u64 = 7;

/// How long they play at least, and how long at the most while something is still to be done.
const PLAY_MIN: Duration = Duration::from_secs(5);
const PLAY_MAX: Duration = Duration::from_secs(120);

/// So many creatures of a kind that there is always one in sight.
const MANY: u16 = 600;

/// Tideland, but the players of the test are there already: close together, and with something to begin with.
struct Village {
    island: Tideland,
    around: Position,
    things: &'static [Kind],
    health: u16,
}

impl Village {
    fn at(around: Position) -> Self {
        let island = Tideland { wild: Wild::tame(), ..Tideland::default() };
        Self { island, around, things: &[], health: HEALTH_MAX }
    }

    fn with(self, things: &'static [Kind]) -> Self {
        Self { things, ..self }
    }

    fn settle(&self, ctx: &Ctx, name: &str, at: Position) -> Result<()> {
        let now = ctx.now();
        let health = Health::new(self.health, now);
        let me = players::settle(ctx, Player { health, ..Player::new(name, at, now) })?;
        for kind in self.things {
            items::make(ctx, *kind, me, &mut *ctx.get_mut(me)?)?;
        }
        Ok(())
    }
}

impl Game for Village {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = Tideland::NAME;

    fn created(&self, ctx: &Ctx) -> Result<()> {
        self.island.created(ctx)?;
        let is_near = |at: &Position| at.distance(self.around) <= 2 && at.tile().is_open();
        let near: Vec<Position> = everywhere().filter(is_near).collect();
        for (number, at) in (0..CLIENTS).zip(near.iter().copied().cycle()) {
            self.settle(ctx, &Who::new(SEED, number).name, at)?;
        }
        Ok(())
    }
    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        self.island.joined(ctx, session)
    }
    fn received(&self, ctx: &Ctx, session: Session, request: Request) -> Result<()> {
        self.island.received(ctx, session, request)
    }
    fn left(&self, ctx: &Ctx, session: Session, why: Left) -> Result<()> {
        self.island.left(ctx, session, why)
    }
    fn verify(&self, world: &World) -> Result<()> {
        self.island.verify(world)
    }
}

/// Lets six of a kind live in a village for some seconds, or until all of these deeds were done, and looks at what they leave
/// behind. What they did.
fn live(behaviour: &str, village: Village, deeds: &[&'static str]) -> Done {
    let folder = tempfile::tempdir().expect("a folder");
    let done = live_in(behaviour, folder.path(), village, deeds);
    println!("{behaviour}: {:?}", done.all());
    for deed in deeds {
        assert!(done.times(deed) > 0, "nobody {deed}: {:?}", done.all());
    }
    done
}

fn live_in(behaviour: &str, folder: &Path, village: Village, deeds: &[&'static str]) -> Done {
    let copy = Village { island: village.island.clone(), ..village };
    let server = Server::builder(village).data(folder).start().expect("the server starts");
    let class = Class { rate: 25.0, ..Class::new(behaviour, CLIENTS) };
    let plan = Plan {
        duration: PLAY_MAX,
        seed: SEED,
        ..Plan::new(server.address(), Trust::Fingerprint(server.fingerprint()), vec![class])
    };
    let done = Done::default();
    let (cast, stage) = (tideland::cast_counted(&done), Stage::default());
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.spawn(end_when_done(stage.clone(), done.clone(), deeds.to_vec()));
    let outcome = runtime.block_on(run(&plan, &cast, &mut Progress::Silent, &stage));
    let outcome = outcome.expect("a run");
    server.stop().expect("a clean end");

    let refusals = &outcome.counts.refusal_texts;
    let failures = outcome.failures(&Default::default());
    let (errors, differences) = (&outcome.counts.error_texts, &outcome.differences);
    assert!(failures.is_empty(), "{failures:?}: {errors:?}, {differences:?}");
    assert_eq!(outcome.settled, CLIENTS);
    println!("{} requests, refused: {refusals:#?}", outcome.counts.requests());
    let verified = daystar::verify(&copy, folder).expect("a world");
    assert_eq!(verified.problems, Vec::<String>::new());
    done
}

/// Ends the play when it has lasted for a while and all of these deeds were done at least once. How soon a wolf finds somebody,
/// say, is chance.
async fn end_when_done(stage: Stage, done: Done, deeds: Vec<&'static str>) {
    let mut phase = stage.phase();
    drop(phase.wait_for(|phase| *phase == Phase::Playing).await);
    sleep(PLAY_MIN).await;
    while deeds.iter().any(|deed| done.times(deed) == 0) {
        sleep(PLAY_MIN / 50).await;
    }
    stage.end();
}

/// A place to stand beside such a tile.
fn beside(tile: Tile) -> Position {
    let is_beside = |at: &Position| {
        let mut around = everywhere().filter(|other| other.distance(*at) <= 1);
        at.tile().is_open() && around.any(|other| other.tile() == tile)
    };
    everywhere().find(is_beside).expect("an island with everything")
}

#[test]
fn wanderers_walk_and_look_and_talk() {
    let deeds = ["walks", "looks", "says"];
    live("wanderer", Village::at(beside(Tile::Tree)), &deeds);
}

#[test]
fn gatherers_gather_and_make_something_of_it() {
    let village = Village::at(beside(Tile::Tree)).with(&[Kind::Wood, Kind::Fish, Kind::Fish]);
    let deeds = ["gathers something", "makes something"];
    live("gatherer", village, &deeds);
}

#[test]
fn gatherers_who_carry_too_much_sell_it() {
    const STORE: &[Kind] = &[Kind::Pelt; 19];
    let deeds = ["gathers something", "places an order"];
    live("gatherer", Village::at(beside(Tile::Tree)).with(STORE), &deeds);
}

#[test]
fn traders_find_each_other_and_swap() {
    let deeds = [
        "opens a deal",
        "lays something out",
        "agrees to a deal",
        "swaps",
        "gives gold",
        "gives a thing",
    ];
    live("trader", Village::at(beside(Tile::Tree)).with(&[Kind::Shell; 5]), &deeds);
}

#[test]
fn market_makers_buy_and_sell_and_take_orders_back() {
    const STORE: &[Kind] = &[Kind::Shell, Kind::Shell, Kind::Wood, Kind::Fish, Kind::Fish];
    let deeds =
        ["places an order", "has an order filled", "cancels an order", "collects what was bought"];
    live("market maker", Village::at(beside(Tile::Tree)).with(STORE), &deeds);
}

#[test]
fn fighters_kill_and_loot_and_eat_when_they_are_hurt() {
    let wild = Wild { boars: MANY, ..Wild::tame() };
    let den = dens(Species::Boar, MANY)[0];
    let village = Village {
        island: Tideland { wild, ..Tideland::default() },
        health: HEALTH_MAX / 3,
        ..Village::at(den).with(&[Kind::Sword, Kind::Stew, Kind::Stew, Kind::Fish])
    };
    let deeds = ["eats", "strikes", "kills", "loots"];
    live("fighter", village, &deeds);
}

#[test]
fn who_is_eaten_by_wolves_loses_what_was_told() {
    let wild = Wild { wolves: MANY, ..Wild::tame() };
    let village = Village {
        island: Tideland { wild, first_hour: 22, ..Tideland::default() },
        health: 5,
        ..Village::at(dens(Species::Wolf, MANY)[0]).with(&[Kind::Shell; 5])
    };
    let deeds = ["dies", "gives gold"];
    live("trader", village, &deeds);
}

#[test]
fn guild_members_found_join_and_bank() {
    let deeds = [
        "founds a guild",
        "invites somebody",
        "joins a guild",
        "deposits gold",
        "withdraws gold",
        "says something in its guild",
    ];
    live("guild member", Village::at(beside(Tile::Tree)), &deeds);
}

#[test]
fn chatters_talk_and_ask() {
    let deeds = ["says", "looks", "asks the hour", "asks for the leaders"];
    live("chatter", Village::at(beside(Tile::Tree)), &deeds);
}

#[test]
fn vandals_are_refused_whatever_they_try() {
    let deeds = ["is refused what is not allowed", "floods"];
    let done =
        live("vandal", Village::at(beside(Tile::Water)).with(&[Kind::Shell, Kind::Wood]), &deeds);
    assert_eq!(done.times("has an order filled"), 0);
}

#[test]
fn what_all_of_them_were_told_survives_crashes() {
    let folder = tempfile::tempdir().expect("a folder");
    let house = House {
        program: env!("CARGO_BIN_EXE_client-sim").into(),
        data: folder.path().to_owned(),
        crash_every: Some(Duration::from_millis(1500)),
        crashes_min: 3,
        level: Level::Durable,
    };
    let done = Done::default();
    let cast = tideland::cast_counted(&done);
    let class = |behaviour| Class { rate: 10.0, ..Class::new(behaviour, 4) };
    let classes: Vec<Class> = cast.names().map(class).collect();
    let clients = classes.iter().map(|class| class.clients).sum::<u32>();
    let plan = |server, trust| {
        let plan = Plan::new(server, trust, classes);
        let duration = Duration::from_secs(10);
        Ok(Plan { duration, seed: SEED, server_may_crash: true, ..plan })
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let played = runtime.block_on(house.play(plan, &cast, &mut Progress::Silent)).expect("a run");
    let outcome = &played.outcome;
    let failures = outcome.failures(&Default::default());
    let (errors, differences) = (&outcome.counts.error_texts, &outcome.differences);
    assert!(failures.is_empty(), "{failures:?}: {errors:?}, {differences:?}");
    assert_eq!(outcome.settled, clients);
    // Of whom the last request could have done anything, the account is not judged then.
    for crash in &played.crashes {
        let accounts = crash.audit.accounts;
        assert!(accounts > clients as usize / 2 && accounts <= clients as usize, "{accounts}");
    }
    for deed in ["places an order", "has an order filled", "gathers something"] {
        assert!(done.times(deed) > 0, "nobody {deed}: {:?}", done.all());
    }
    let verified = daystar::verify(&Tideland::default(), folder.path()).expect("a world");
    assert_eq!(verified.problems, Vec::<String>::new());
}
