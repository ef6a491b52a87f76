//! Tasks that run later: how many can be scheduled and fired, and what a million that wait cost.
//!
//! The subject is a whole server on disk. A periodic task plants timers, a thousand in a commit, each due within the next 200 ms; what
//! counts is how many have been scheduled, have fired, each in a commit of its own, and are on disk with all that. The
//! baseline writes a record of the same size in a synced transaction of its own, and another that removes it.
//!
//! Then a million timers are planted that are due in half a minute of the world's time, spread over ten seconds (with `--quick` a tenth, and in half the time);
//! the server is stopped and started anew. Printed are the memory that each takes while it waits, how long the start took, how long until all were
//! known, which is beside the running server, and how late they fired: the world's time at the task's beginning against its due time, of which 1 ms
//! is the grain.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use daystar::Server;
use daystar::prelude::*;
use daystar_model::CommitNumber;

use crate::disk::{Nothing, folder};
use crate::harness::{Harness, Spread, Wanted};
use crate::kernel::resident_bytes;
use crate::single::Single;

pub(crate) fn run(harness: &mut Harness) {
    let folder = folder();
    let (baseline, world) = (folder.path().join("baseline"), folder.path().join("world"));
    let single = Single::new(&baseline, TIMERS_BASELINE);
    let server = serve(&world);
    harness.plan(2);
    harness.compare(
        "2 workers, due within 200 ms",
        "timers/s",
        Wanted::RatioAndValue(1.0, 200_000.0),
        |slice| crate::load::rate(2, slice, |rng| single.put(rng)) / 2.0,
        |slice| fired(&server, slice),
    );
    server.stop().unwrap_or_else(|cause| panic!("the last timers are not on disk: {cause}"));
    pending(harness, &folder.path().join("pending"));
}

fn serve(world: &Path) -> Server {
    let server = Server::builder(Garden).data(world).workers(2).start();
    server.unwrap_or_else(|cause| panic!("no server: {cause}"))
}

/// Timers per second that were scheduled, fired and written.
fn fired(server: &Server, slice: Duration) -> f64 {
    SPREAD_MS.store(200, Ordering::Relaxed);
    DELAY_MS.store(0, Ordering::Relaxed);
    let (start, before) = (Instant::now(), FIRED.load(Ordering::Relaxed));
    // As many at a time as are under way at most, until the time is over.
    while start.elapsed() < slice {
        order(UNDER_WAY);
        wait_for(&FIRED, before + ordered_since(before));
    }
    let journal = server.journal();
    let last = CommitNumber(journal.last_committed);
    server.wait_until_durable(last).unwrap_or_else(|cause| panic!("not on disk: {cause}"));
    (FIRED.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64()
}

fn ordered_since(before: u64) -> u64 {
    ORDERED.load(Ordering::Relaxed) - before
}

/// What timers cost that wait.
fn pending(harness: &mut Harness, world: &Path) {
    let timers = if harness.is_quick() { 100_000 } else { 1_000_000 };
    let server = serve(world);
    // Longer than it takes to plant them and to start twice.
    let (delay_ms, spread_ms) = if harness.is_quick() { (12_000, 5_000) } else { (30_000, 10_000) };
    DELAY_MS.store(delay_ms, Ordering::Relaxed);
    SPREAD_MS.store(spread_ms, Ordering::Relaxed);
    let (planted, fired) = (PLANTED.load(Ordering::Relaxed), FIRED.load(Ordering::Relaxed));
    let began = Instant::now();
    order(timers);
    wait_for(&PLANTED, planted + timers);
    let rate = timers as f64 / began.elapsed().as_secs_f64();
    harness.print("planted", "timers/s", rate, Wanted::Nothing);
    server.stop().unwrap_or_else(|cause| panic!("the timers are not on disk: {cause}"));

    let bytes = memory_of_waiting(world, timers);
    let began = Instant::now();
    let server = serve(world);
    let start_ms = began.elapsed().as_secs_f64() * 1e3;
    while (server.tasks_waiting() as u64) < timers {
        sleep(Duration::from_millis(1));
    }
    let known_ms = began.elapsed().as_secs_f64() * 1e3;
    let case = |what: &str| format!("{timers} waiting, {what}");
    harness.print(case("start"), "ms", start_ms, Wanted::AtMost(1_000.0));
    harness.print(case("all known after"), "ms", known_ms, Wanted::Nothing);
    harness.print(case("memory"), "bytes/timer", bytes, Wanted::Nothing);

    wait_for(&FIRED, fired + timers);
    let mut spread = Spread::new();
    for (ms, count) in LATE_MS.iter().enumerate() {
        for _ in 0..count.swap(0, Ordering::Relaxed) {
            spread.record(Duration::from_millis(ms as u64));
        }
    }
    harness.print_spread(&case("fired late by"), &spread, (Spread::P99, Wanted::AtMost(50.0)));
    server.stop().unwrap_or_else(|cause| panic!("no clean end: {cause}"));
}

/// Bytes of memory for each of so many timers that wait, as a process tells that does nothing else: in this one earlier servers
/// have left memory behind.
fn memory_of_waiting(world: &Path, timers: u64) -> f64 {
    let program = std::env::current_exe().unwrap_or_else(|cause| panic!("no program: {cause}"));
    let mut command = Command::new(program);
    let output = command.env(WAITING, world).env(WAITING_COUNT, timers.to_string()).output();
    let output = output.unwrap_or_else(|cause| panic!("it cannot be run: {cause}"));
    let bytes = String::from_utf8_lossy(&output.stdout).trim().parse::<u64>();
    bytes.map_or(f64::NAN, |bytes| bytes as f64 / timers as f64)
}

/// In the process of [`memory_of_waiting`]: says how much memory a server of that world takes when it knows all timers.
pub(crate) fn is_waiting() -> bool {
    let Some(world) = std::env::var_os(WAITING) else { return false };
    let timers: u64 =
        std::env::var(WAITING_COUNT).ok().and_then(|count| count.parse().ok()).unwrap_or(0);
    DELAY_MS.store(30_000, Ordering::Relaxed);
    let before = resident_bytes();
    let server = serve(Path::new(&world));
    while (server.tasks_waiting() as u64) < timers {
        sleep(Duration::from_millis(1));
    }
    if let Some((before, after)) = before.zip(resident_bytes()) {
        println!("{}", after.saturating_sub(before));
    }
    server.stop().unwrap_or_else(|cause| panic!("no clean end: {cause}"));
    true
}

const WAITING: &str = "DAYSTAR_BENCH_WAITING";
const WAITING_COUNT: &str = "DAYSTAR_BENCH_WAITING_COUNT";

fn order(timers: u64) {
    ORDERED.fetch_add(timers, Ordering::Relaxed);
}

fn wait_for(count: &AtomicU64, wanted: u64) {
    while count.load(Ordering::Relaxed) < wanted {
        sleep(Duration::from_micros(200));
    }
}

/// What the bench and its game tell one another, past the world.
static ORDERED: AtomicU64 = AtomicU64::new(0);
static PLANTED: AtomicU64 = AtomicU64::new(0);
static FIRED: AtomicU64 = AtomicU64::new(0);
static DELAY_MS: AtomicU64 = AtomicU64::new(0);
static SPREAD_MS: AtomicU64 = AtomicU64::new(200);
/// How many timers were late by so many milliseconds, or more at the last.
static LATE_MS: [AtomicU64; 4_096] = [const { AtomicU64::new(0) }; 4_096];

struct Garden;

impl Game for Garden {
    const NAME: &'static str = "garden";
    type Request = Nothing;
    type Event = Nothing;

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let beds = ctx.insert(Beds { planted: ORDERED.load(Ordering::Relaxed) })?;
        ctx.every(Duration::from_millis(5), Gardener { beds }).map(drop)
    }
    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
}

#[managed]
struct Beds {
    planted: u64,
}

/// Looks whether timers were ordered.
#[task]
struct Gardener {
    beds: Ref<Beds>,
}

impl Task for Gardener {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        let ordered = ORDERED.load(Ordering::Relaxed);
        if ctx.get(self.beds)?.planted >= ordered {
            return Ok(());
        }
        let mut beds = ctx.get_mut(self.beds)?;
        while beds.planted < ordered {
            let count = (ordered - beds.planted).min(PER_COMMIT);
            ctx.spawn(Planter { count })?;
            beds.planted += count;
        }
        Ok(())
    }
}

#[task]
struct Planter {
    count: u64,
}

impl Task for Planter {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        let (delay, spread) = (DELAY_MS.load(Ordering::Relaxed), SPREAD_MS.load(Ordering::Relaxed));
        for _ in 0..self.count {
            let delay = delay + ctx.rng().random_range(0..spread);
            let due_ms = ctx.now().unix_ms + delay;
            ctx.schedule(Duration::from_millis(delay), Chime { due_ms })?;
        }
        PLANTED.fetch_add(self.count, Ordering::Relaxed);
        Ok(())
    }
}

#[task]
struct Chime {
    due_ms: u64,
}

impl Task for Chime {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        let late = ctx.now().unix_ms.saturating_sub(self.due_ms) as usize;
        LATE_MS[late.min(LATE_MS.len() - 1)].fetch_add(1, Ordering::Relaxed);
        FIRED.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// How many timers one task plants.
const PER_COMMIT: u64 = 1_000;
/// How many are under way at once.
const UNDER_WAY: u64 = 50_000;
/// How many records the baseline has.
const TIMERS_BASELINE: u64 = 100_000;
