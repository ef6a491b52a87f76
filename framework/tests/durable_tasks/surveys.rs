//! Surveys: the whole world at one moment, while the game goes on; again when they fail, and after a restart.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;

use daystar::prelude::*;
use daystar::{Breaks, Server};
use daystar_client::Trust;
use parking_lot::Mutex;

use crate::told::tasks;

/// Gold that is in somebody's hands.
#[managed]
struct Purse {
    gold: u64,
}

/// Gold that is locked away. It comes from the purses.
#[managed]
struct Vault {
    gold: u64,
}

#[managed]
struct Hall {
    purses: Vec<Ref<Purse>>,
    vaults: Vec<Ref<Vault>>,
    found: Vec<Sum>,
}

#[managed]
#[message]
#[derive(PartialEq, Eq)]
struct Sum {
    gold: u64,
    objects: u64,
    problems: Vec<String>,
}

#[message]
#[derive(PartialEq, Eq)]
enum Request {
    /// Locks some gold of a purse away.
    Lock { purse: u64 },
    /// Has all gold counted: in words, how.
    Count { label: String, manner: u8 },
    /// What was found so far.
    Found,
}

#[message]
#[derive(PartialEq, Eq)]
enum Event {
    Found(Vec<Sum>),
}

#[survey]
struct Count {
    label: String,
    manner: u8,
}

/// Between the purses and the vaults, waits until gold has moved.
const SLOWLY: u8 = 0;
/// The first time, does not end until it is made to.
const STUCK_ONCE: u8 = 1;
/// Fails, panics, and then counts.
const THIRD_TIME: u8 = 2;
/// Fails.
const NEVER: u8 = 3;

/// How often gold has moved, and how often somebody has looked, by the label; past the world, so that a look can wait.
static MOVES: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
static LOOKS: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

fn add(counts: &Mutex<BTreeMap<String, u64>>, label: &str) -> u64 {
    let mut counts = counts.lock();
    let count = counts.entry(label.to_owned()).or_default();
    *count += 1;
    *count
}

fn count(counts: &Mutex<BTreeMap<String, u64>>, label: &str) -> u64 {
    counts.lock().get(label).copied().unwrap_or_default()
}

impl Survey for Count {
    type Found = Sum;
    const RETRY: Retry = Retry {
        tries: Some(3),
        first: Duration::from_millis(1),
        longest: Duration::from_millis(2),
    };

    fn look(&self, world: &World) -> Result<Sum> {
        let looks = add(&LOOKS, &self.label);
        match self.manner {
            STUCK_ONCE if looks == 1 => loop {
                world.each::<Purse>(|_, _| Ok(()))?;
            },
            THIRD_TIME if looks == 1 => bail!("the counter has lost the count"),
            THIRD_TIME => assert!(looks > 2, "the counter has dropped the gold"),
            NEVER => bail!("the counter cannot count"),
            _ => {}
        }
        let mut sum = Sum { gold: 0, objects: 0, problems: Vec::new() };
        world.each::<Purse>(|purse, value| {
            let again = world.get(purse)?;
            if again.gold != value.gold {
                world.problem(format!("{purse:?} has {} and {}", value.gold, again.gold));
            }
            sum.gold += value.gold;
            sum.objects += 1;
            Ok(())
        })?;
        if self.manner == SLOWLY {
            wait_for_moves(&self.label)?;
        }
        world.each::<Vault>(|vault, value| {
            if value.gold == 0 {
                world.problem(format!("{vault:?} is empty"));
            }
            sum.gold += value.gold;
            sum.objects += 1;
            Ok(())
        })?;
        sum.problems = world.problems();
        Ok(sum)
    }

    fn done(&self, ctx: &Ctx, found: Sum) -> Result<()> {
        ctx.get_mut(ctx.lookup::<Hall>("hall")?)?.found.push(found);
        Ok(())
    }
}

/// Until gold has moved many times more: the game does not wait for who looks.
fn wait_for_moves(label: &str) -> Result<()> {
    let before = count(&MOVES, label);
    for _ in 0..10_000 {
        if count(&MOVES, label) >= before + MOVES_BETWEEN {
            return Ok(());
        }
        sleep(Duration::from_millis(1));
    }
    bail!("the game stands still")
}

const MOVES_BETWEEN: u64 = 200;
const EACH: u64 = 40;
const GOLD: u64 = EACH * 10_000 + EACH;

struct Mint;

impl Game for Mint {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "mint";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let mut hall = Hall { purses: Vec::new(), vaults: Vec::new(), found: Vec::new() };
        for _ in 0..EACH {
            hall.purses.push(ctx.insert(Purse { gold: 10_000 })?);
            hall.vaults.push(ctx.insert(Vault { gold: 1 })?);
        }
        let hall = ctx.insert(hall)?;
        ctx.bind("hall", hall)
    }

    fn received(&self, ctx: &Ctx, _: Session, request: Request) -> Result<()> {
        let hall = ctx.lookup::<Hall>("hall")?;
        match request {
            Request::Lock { purse } => {
                let (purse, vault) = {
                    let hall = ctx.get(hall)?;
                    let vault = ctx.rng().random_range(0..EACH);
                    (hall.purses[purse as usize], hall.vaults[vault as usize])
                };
                let mut purse = ctx.get_mut(purse)?;
                ensure!(purse.gold > 0, "nothing is left to be locked away");
                purse.gold -= 1;
                ctx.get_mut(vault)?.gold += 1;
            }
            Request::Count { label, manner } => drop(ctx.survey(Count { label, manner })?),
            Request::Found => {
                let found = ctx.get(hall)?.found.clone();
                ctx.reply(Event::Found(found));
            }
        }
        Ok(())
    }
}

type Client = daystar_client::Client<Request, Event>;

fn open(data: &Path, breaks: Breaks) -> Server {
    let server = Server::builder(Mint).data(data).workers(2).broken(breaks);
    server.start().expect("a server")
}

async fn join(server: &Server, name: &str) -> Client {
    let builder = Client::builder(server.address()).game(Mint::NAME).name(name);
    builder.trust(Trust::Anyone).connect().await.expect("joined").0
}

async fn ask_for(client: &Client, label: &str, manner: u8) {
    let label = label.to_owned();
    client.call(&Request::Count { label, manner }).await.expect("an answer");
}

/// What has been found, as soon as it is so many sums; what there is when it never is.
async fn found(client: &Client, wanted: usize) -> Vec<Sum> {
    let mut tries = 0;
    loop {
        let answer = client.call(&Request::Found).await.expect("an answer");
        let Some(Event::Found(found)) = answer else { panic!("no sums") };
        tries += 1;
        if found.len() >= wanted || tries == 5_000 {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// What so many surveys find in turn while four clients lock gold away as fast as they can.
async fn counted(label: &'static str, surveys: usize, breaks: Breaks) -> Vec<Sum> {
    let folder = tempfile::tempdir().expect("a folder");
    let server = open(folder.path(), breaks);
    let is_over = AtomicBool::new(false);
    let movers = async {
        let lock = |number: u64| {
            let (server, is_over) = (&server, &is_over);
            async move {
                let client = join(server, &format!("mover {number}")).await;
                for turn in number.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    client.call(&Request::Lock { purse: turn % EACH }).await.expect("done");
                    add(&MOVES, label);
                }
            }
        };
        tokio::join!(lock(0), lock(1), lock(2), lock(3));
    };
    let counter = async {
        let client = join(&server, "counter").await;
        let mut sums = Vec::new();
        for number in 1..=surveys {
            ask_for(&client, label, SLOWLY).await;
            sums = found(&client, number).await;
        }
        is_over.store(true, Ordering::Relaxed);
        sums
    };
    let ((), sums) = tokio::join!(movers, counter);
    server.stop().expect("a clean end");
    sums
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_sees_one_moment_while_the_game_goes_on() {
    let whole = Sum { gold: GOLD, objects: 2 * EACH, problems: Vec::new() };
    assert_eq!(counted("moment", 5, Breaks::default()).await, vec![whole; 5]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_that_sees_what_is_newest_is_caught() {
    let breaks = Breaks { survey_sees_newest: true, ..Breaks::default() };
    let sums = counted("newest", 2, breaks).await;
    assert!(sums.iter().any(|sum| sum.gold != GOLD), "the break was not seen: {sums:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_is_made_again_after_a_restart_that_interrupts_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = open(folder.path(), Breaks::default());
    let client = join(&server, "counter").await;
    ask_for(&client, "stuck", STUCK_ONCE).await;
    while count(&LOOKS, "stuck") == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(found(&client, 0).await, [], "it is not at its end");
    drop(client);
    // It is not waited for.
    server.stop().expect("a clean end");
    assert_eq!(tasks(folder.path()).len(), 1, "it is to be made");
    let server = open(folder.path(), Breaks::default());
    let client = join(&server, "counter").await;
    let found = found(&client, 1).await;
    assert_eq!(found.iter().map(|sum| sum.gold).collect::<Vec<_>>(), [GOLD]);
    assert_eq!(count(&LOOKS, "stuck"), 2);
    drop(client);
    server.stop().expect("a clean end");
    assert_eq!(tasks(folder.path()), Vec::<String>::new(), "nothing is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survey_that_fails_is_made_again_and_one_that_keeps_failing_is_set_aside() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = open(folder.path(), Breaks::default());
    let client = join(&server, "counter").await;
    ask_for(&client, "never", NEVER).await;
    ask_for(&client, "third", THIRD_TIME).await;
    assert_eq!(found(&client, 1).await.len(), 1);
    for _ in 0..5_000 {
        if count(&LOOKS, "never") == 3 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Another goes on, though two have failed.
    ask_for(&client, "other", THIRD_TIME).await;
    assert_eq!(found(&client, 2).await.len(), 2);
    drop(client);
    server.stop().expect("a clean end");
    assert_eq!(["third", "never"].map(|label| count(&LOOKS, label)), [3, 3]);
    let left = tasks(folder.path());
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].contains("the counter cannot count"), "{left:?}");
    assert!(left[0].contains("\"again\":null"), "{left:?}");
}
