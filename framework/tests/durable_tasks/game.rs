//! The game of these tests: a workshop of clocks that write into a log, and servers whose clock the test moves.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use daystar::prelude::*;
use daystar::{Breaks, Server};
use daystar_client::Trust;
use daystar_model::{ManualClock, Timestamp};

use crate::walks;

/// What has happened, in order: what it is called, and the world's time in milliseconds.
#[managed]
pub(crate) struct Log {
    pub(crate) entries: Vec<(String, u64)>,
    pub(crate) handles: Vec<(String, TaskHandle)>,
    /// Whether tasks that may fail do.
    pub(crate) is_broken: bool,
}

/// What sweeps visit.
#[managed]
pub(crate) struct Pot {
    pub(crate) visits: u32,
}

#[message]
#[derive(PartialEq, Eq)]
pub(crate) enum Request {
    /// Has a task run.
    Once { label: String, after_ms: u64 },
    /// Has many tasks run, which have these numbers as their labels.
    Many { first: u64, count: u64, after_ms: u64 },
    /// Has a task run again and again that may fail.
    FickleEvery { label: String, period_ms: u64, missed: u8 },
    /// Has a task run every so many microseconds.
    EveryUs { period_us: u64 },
    /// Has a task run whose error cannot be shown.
    Mute,
    /// Has a task run again and again.
    Every { label: String, period_ms: u64, missed: u8, by_wall: bool },
    /// Takes a task back.
    Cancel { label: String },
    /// All that has happened.
    Log,
    /// Has tasks that may fail do so, or not.
    Break { is_broken: bool },
    /// Has a task run that may fail.
    Fickle { label: String, panics: bool },
    /// Has the outside world called.
    Call { label: String, fails: u64 },
    /// Has it called where the first call is never answered.
    Hush { label: String },
    /// Makes pots.
    Pots { count: u32 },
    /// Visits all pots.
    Visit { makes_more: bool },
    /// How often pots were visited: how many never, once, and oftener.
    Visits,
    /// Does something with what walks go over.
    Shelves { order: walks::Order },
    /// The world's time and the wall's.
    Time,
}

#[message]
#[derive(PartialEq, Eq)]
pub(crate) enum Event {
    Log(Vec<(String, u64)>),
    Cancelled(bool),
    Visits([u32; 3]),
    Shelves(walks::Visits),
    Time(u64, u64),
    Done,
}

#[task]
pub(crate) struct Beat {
    pub(crate) label: String,
}

impl Task for Beat {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        write(ctx, &self.label)
    }
}

#[task]
pub(crate) struct Fickle {
    label: String,
    panics: bool,
}

impl Task for Fickle {
    const RETRY: Retry = Retry {
        tries: Some(3),
        first: Duration::from_millis(10),
        longest: Duration::from_millis(15),
    };

    fn run(&self, ctx: &Ctx) -> Result<()> {
        write(ctx, &self.label)?;
        if ctx.get(ctx.lookup::<Log>("log")?)?.is_broken {
            assert!(!self.panics, "the spring has snapped");
            bail!("the spring is loose");
        }
        Ok(())
    }
}

/// Fails with an error that cannot be shown.
#[task]
pub(crate) struct Mute {}

#[derive(Debug)]
struct Unspeakable;

impl std::fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("words fail it")
    }
}

impl std::error::Error for Unspeakable {}

impl Task for Mute {
    const RETRY: Retry = Retry::NEVER;

    fn run(&self, _: &Ctx) -> Result<()> {
        Err(Unspeakable.into())
    }
}

#[external]
pub(crate) struct Ring {
    pub(crate) label: String,
    /// How often it fails before it answers.
    pub(crate) fails: u64,
}

#[managed]
pub(crate) struct Rung {
    calls: u64,
}

/// How often the outside world has been called, and with which keys; past the world, as the outside is.
pub(crate) static CALLS: AtomicU64 = AtomicU64::new(0);
pub(crate) static KEYS: parking_lot::Mutex<Vec<(String, CallKey)>> =
    parking_lot::Mutex::new(Vec::new());

impl External for Ring {
    type Output = Rung;
    const RETRY: Retry = Retry { first: Duration::from_millis(10), ..Retry::FOREVER };

    async fn call(self, key: CallKey) -> Result<Rung> {
        CALLS.fetch_add(1, Ordering::SeqCst);
        let calls = called(&self.label, key);
        tokio::task::yield_now().await;
        assert!(calls != 1 || self.fails != 2, "a call that panics the first time");
        ensure!(calls > self.fails, "nobody answers");
        Ok(Rung { calls })
    }
    fn done(&self, ctx: &Ctx, rung: Rung) -> Result<()> {
        write(ctx, &format!("{} {}", self.label, rung.calls))
    }
}

/// Counts a call of this label; the how manieth it is.
fn called(label: &str, key: CallKey) -> u64 {
    let mut keys = KEYS.lock();
    keys.push((label.to_owned(), key));
    keys.iter().filter(|(of, _)| of == label).count() as u64
}

/// Has no answer the first time.
#[external]
pub(crate) struct Hush {
    label: String,
}

impl External for Hush {
    type Output = Rung;
    const RETRY: Retry = Ring::RETRY;
    const TIMEOUT: Duration = Duration::from_millis(20);

    async fn call(self, key: CallKey) -> Result<Rung> {
        let calls = called(&self.label, key);
        if calls == 1 {
            std::future::pending::<()>().await;
        }
        Ok(Rung { calls })
    }
    fn done(&self, ctx: &Ctx, rung: Rung) -> Result<()> {
        write(ctx, &format!("{} {}", self.label, rung.calls))
    }
}

#[sweep]
pub(crate) struct Dust {
    makes_more: bool,
}

/// How often a visit has failed; past the world, so that a test can wait for it.
pub(crate) static BROKEN_VISITS: AtomicU64 = AtomicU64::new(0);

impl Sweep for Dust {
    type Object = Pot;

    fn visit(&self, ctx: &Ctx, pot: Ref<Pot>) -> Result<()> {
        let is_broken = ctx.get(ctx.lookup::<Log>("log")?)?.is_broken;
        if is_broken {
            BROKEN_VISITS.fetch_add(1, Ordering::SeqCst);
            bail!("the duster is broken");
        }
        ctx.get_mut(pot)?.visits += 1;
        if self.makes_more {
            ctx.insert(Pot { visits: 0 })?;
        }
        Ok(())
    }
    fn done(&self, ctx: &Ctx) -> Result<()> {
        write(ctx, "dusted")
    }
}

pub(crate) fn write(ctx: &Ctx, label: &str) -> Result<()> {
    let entry = (label.to_owned(), ctx.now().unix_ms);
    ctx.get_mut(ctx.lookup::<Log>("log")?)?.entries.push(entry);
    Ok(())
}

/// The pots, in the order in which they were made.
#[managed]
pub(crate) struct Shelf {
    pots: Vec<Ref<Pot>>,
}

pub(crate) struct Workshop;

impl Game for Workshop {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "workshop";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let log = Log { entries: Vec::new(), handles: Vec::new(), is_broken: false };
        let log = ctx.insert(log)?;
        let shelf = ctx.insert(Shelf { pots: Vec::new() })?;
        ctx.bind("shelf", shelf)?;
        walks::created(ctx)?;
        ctx.bind("log", log)
    }

    fn received(&self, ctx: &Ctx, _: Session, request: Request) -> Result<()> {
        let log = ctx.lookup::<Log>("log")?;
        let shelf = ctx.lookup::<Shelf>("shelf")?;
        let ms = Duration::from_millis;
        let keep = |label: String, handle| -> Result<()> {
            ctx.get_mut(log)?.handles.push((label, handle));
            Ok(())
        };
        match request {
            Request::Once { label, after_ms } => {
                keep(label.clone(), ctx.schedule(ms(after_ms), Beat { label })?)?;
            }
            Request::Many { first, count, after_ms } => {
                for number in first..first + count {
                    ctx.schedule(ms(after_ms), Beat { label: number.to_string() })?;
                }
            }
            Request::Every { label, period_ms, missed, by_wall } => {
                let missed = [Missed::Skip, Missed::One, Missed::All][usize::from(missed)];
                let plan = Plan::every(ms(period_ms)).missed(missed);
                let plan = if by_wall { plan.by_wall_time() } else { plan };
                keep(label.clone(), ctx.plan(plan, Beat { label })?)?;
            }
            Request::FickleEvery { label, period_ms, missed } => {
                let missed = [Missed::Skip, Missed::One, Missed::All][usize::from(missed)];
                let plan = Plan::every(ms(period_ms)).missed(missed);
                let fickle = Fickle { label: label.clone(), panics: false };
                keep(label, ctx.plan(plan, fickle)?)?;
            }
            Request::EveryUs { period_us } => {
                let beat = Beat { label: "us".to_owned() };
                ctx.plan(Plan::every(Duration::from_micros(period_us)), beat)?;
            }
            Request::Mute => ctx.spawn(Mute {})?,
            Request::Cancel { label } => {
                let mut log = ctx.get_mut(log)?;
                let place = log.handles.iter().position(|(of, _)| *of == label);
                let (_, handle) = log.handles.remove(place.unwrap_or_default());
                ctx.reply(Event::Cancelled(ctx.cancel(handle)?));
                return Ok(());
            }
            Request::Log => {
                let entries = ctx.get(log)?.entries.clone();
                ctx.reply(Event::Log(entries));
                return Ok(());
            }
            Request::Break { is_broken } => ctx.get_mut(log)?.is_broken = is_broken,
            Request::Fickle { label, panics } => ctx.spawn(Fickle { label, panics })?,
            Request::Call { label, fails } => {
                keep(label.clone(), ctx.after_commit(Ring { label, fails })?)?;
            }
            Request::Hush { label } => {
                keep(label.clone(), ctx.after_commit(Hush { label })?)?;
            }
            Request::Pots { count } => {
                for _ in 0..count {
                    let pot = ctx.insert(Pot { visits: 0 })?;
                    ctx.get_mut(shelf)?.pots.push(pot);
                }
            }
            Request::Visit { makes_more } => drop(ctx.sweep(Dust { makes_more })?),
            Request::Visits => {
                let mut visits = [0; 3];
                for pot in &ctx.get(shelf)?.pots {
                    visits[(ctx.get(*pot)?.visits as usize).min(2)] += 1;
                }
                ctx.reply(Event::Visits(visits));
                return Ok(());
            }
            Request::Shelves { order } => {
                ctx.reply(walks::received(ctx, order)?);
                return Ok(());
            }
            Request::Time => {
                ctx.reply(Event::Time(ctx.now().unix_ms, ctx.wall_time().unix_ms));
                return Ok(());
            }
        }
        ctx.reply(Event::Done);
        Ok(())
    }
}

/// A server whose clock the test moves, and a client there.
pub(crate) struct Shop {
    server: Option<Server>,
    clock: Arc<ManualClock>,
    wall_ms: u64,
    client: Option<Client>,
}

type Client = daystar_client::Client<Request, Event>;

/// When the clocks of all tests begin.
pub(crate) const BEGIN_MS: u64 = 1_000_000;

impl Shop {
    /// Opens the world in `data`, when it is `wall_ms`.
    pub(crate) async fn open(data: &Path, wall_ms: u64, breaks: Breaks) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp { unix_ms: wall_ms }));
        let server = Server::builder(Workshop).data(data).workers(2).clock(clock.clone());
        let server = server.broken(breaks).start().expect("a server");
        let client = Some(client(server.address()).await);
        Self { server: Some(server), clock, wall_ms, client }
    }

    /// Moves the clock on.
    pub(crate) fn pass(&mut self, ms: u64) {
        self.wall_ms += ms;
        self.clock.set(Timestamp { unix_ms: self.wall_ms });
    }

    /// Why the game refuses this.
    pub(crate) async fn refused(&self, request: Request) -> String {
        let answer = self.client.as_ref().expect("a client").call(&request).await;
        answer.expect_err("a refusal").to_string()
    }

    pub(crate) async fn ask(&self, request: Request) -> Event {
        ask(self.client.as_ref().expect("a client"), request).await
    }

    /// The labels in the log, in order, when there are as many as that; what there is when there never are.
    pub(crate) async fn log(&self, count: usize) -> Vec<String> {
        let entries = self.entries(count).await;
        entries.into_iter().map(|(label, _)| label).collect()
    }

    /// The same, with their times.
    pub(crate) async fn entries(&self, count: usize) -> Vec<(String, u64)> {
        let mut tries = 0;
        loop {
            let Event::Log(entries) = self.ask(Request::Log).await else { panic!("no log") };
            tries += 1;
            if entries.len() >= count || tries == TRIES {
                return entries;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// How many entries are called so.
    pub(crate) async fn count(&self, label: &str) -> usize {
        self.entries(0).await.iter().filter(|(of, _)| of == label).count()
    }

    /// Lets tasks that are due have their chance: the thread that watches the clock comes by every 10 ms.
    pub(crate) async fn settle(&self) {
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_millis(15)).await;
            let before = self.count("settled").await;
            self.ask(Request::Once { label: "settled".to_owned(), after_ms: 0 }).await;
            for _ in 0..TRIES {
                if self.count("settled").await > before {
                    break;
                }
            }
        }
    }

    /// Moves the clock on, a little at a time, until there is an entry of this label; or until there never is.
    pub(crate) async fn pass_until(&mut self, label: &str) {
        for _ in 0..200 {
            self.settle().await;
            if self.count(label).await > 0 {
                break;
            }
            self.pass(100);
        }
    }

    /// That there come to be so many entries of these labels, and no more.
    pub(crate) async fn expect(&self, wanted: &[(&str, usize)]) {
        let mut tries = 0;
        loop {
            let mut found = Vec::new();
            for (label, _) in wanted {
                found.push((*label, self.count(label).await));
            }
            tries += 1;
            if found.iter().zip(wanted).all(|(found, wanted)| found.1 >= wanted.1) || tries == TRIES
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.settle().await;
        for (label, count) in wanted {
            assert_eq!(self.count(label).await, *count, "{label}");
        }
    }

    /// Stops the server; what the clock says.
    pub(crate) fn close(mut self) -> u64 {
        drop(self.client.take());
        if let Some(server) = self.server.take() {
            server.stop().expect("a clean end");
        }
        self.wall_ms
    }
}

pub(crate) async fn client(address: SocketAddr) -> Client {
    let builder = Client::builder(address).game(Workshop::NAME).name("ann").trust(Trust::Anyone);
    builder.connect().await.expect("joined").0
}

pub(crate) async fn ask(client: &Client, request: Request) -> Event {
    client.call(&request).await.expect("an answer").expect("an event")
}

/// How often something is looked at that does not happen.
const TRIES: usize = 1_500;
