//! A scan of 10,000 objects beside full write load: it never aborts, and hardly slows the writers.
//!
//! There is a writer for each core, at least two, so that a scan has no core of its own and takes its time from
//! them. What that time is does not depend on the engine alone, so there are two comparisons, each wanted at 0.8:
//!
//! - *every 50 ms*: writers beside a scan at the pace of a game's tick, against the same writers alone. All that the
//!   scan costs counts, its share of the cores too. This is what a game would notice.
//! - *without a pause*: writers beside scan after scan, against the same writers beside a thread that reads as many
//!   plain structs over and over. Both share the cores in the same way, so what is left is what the scans do to the
//!   writers: old versions that are kept for them, cells that both want, memory that both move. This is the
//!   stricter one.
//!
//! Read the two ratios, then the scans: how many there were, how many had to start again (none may), how long they
//! took while they shared the cores with all those writers.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use daystar_engine::Engine;
use daystar_model::ObjectId;
use parking_lot::Mutex;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::harness::{Harness, Spread, Wanted};
use crate::load::{cores, rate};
use crate::world::{Player, engine_with_players, look, run as run_task};

pub(crate) fn run(harness: &mut Harness) {
    let (engine, ids) = engine_with_players(OBJECTS);
    let structs: Vec<Player> = (0..OBJECTS).map(Player::number).collect();
    let threads = cores().max(2);
    let write = |rng: &mut Pcg64Mcg| {
        let id = ids[rng.random_range(0..OBJECTS)];
        run_task(&engine, |attempt| {
            attempt.get_mut::<Player>(id)?.gold += 1;
            Ok(())
        });
    };
    let scans = Scans::new(&engine, &ids);
    harness.plan(4);
    harness.compare(
        format!("{threads} writers beside a scan every 50 ms"),
        "tasks/s",
        Wanted::Ratio(0.8),
        |slice| rate(threads, slice, write),
        |slice| beside(PAUSE, || scans.scan(), || rate(threads, slice, write)),
    );
    scans.print(harness, "scan every 50 ms");
    let scans = Scans::new(&engine, &ids);
    harness.compare(
        format!("{threads} writers beside scan after scan"),
        "tasks/s",
        Wanted::Ratio(0.8),
        |slice| beside(Duration::ZERO, || read(&structs), || rate(threads, slice, write)),
        |slice| beside(Duration::ZERO, || scans.scan(), || rate(threads, slice, write)),
    );
    scans.print(harness, "scan after scan");
}

/// What `measure` returns while another thread does `again` over and over, with a pause after each.
fn beside(pause: Duration, again: impl Fn() + Sync, measure: impl FnOnce() -> f64 + Send) -> f64 {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                again();
                // Even a pause of nothing would give the core away.
                if !pause.is_zero() {
                    thread::park_timeout(pause);
                }
            }
        });
        // On a thread too, so that a failure in it cannot keep the other one going for ever.
        let measured = scope.spawn(measure).join();
        is_over.store(true, Ordering::Relaxed);
        other.thread().unpark();
        measured.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// What the scans of one case came to.
struct Scans<'a> {
    engine: &'a Engine,
    ids: &'a [ObjectId],
    attempts: AtomicU64,
    /// Of whole scans. One thread scans at a time, so nobody waits for the lock.
    lasted: Mutex<(u64, Spread)>,
}

impl<'a> Scans<'a> {
    fn new(engine: &'a Engine, ids: &'a [ObjectId]) -> Self {
        let lasted = Mutex::new((0, Spread::new()));
        Self { engine, ids, attempts: AtomicU64::new(0), lasted }
    }

    fn scan(&self) {
        let start = Instant::now();
        look(self.engine, |attempt| {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            let mut gold = 0;
            for id in self.ids {
                gold += attempt.get::<Player>(*id)?.gold;
            }
            black_box(gold);
            Ok(())
        });
        let (scans, spread) = &mut *self.lasted.lock();
        *scans += 1;
        spread.record(start.elapsed());
    }

    fn print(self, harness: &mut Harness, case: &str) {
        let (scans, spread) = self.lasted.into_inner();
        let again = self.attempts.into_inner() - scans;
        harness.print(format!("{case}, scans"), "scans", scans as f64, Wanted::Nothing);
        harness.print(format!("{case}, started again"), "scans", again as f64, Wanted::AtMost(0.0));
        harness.print_spread(case, &spread, (Spread::SLOWEST, Wanted::Nothing));
    }
}

/// A scan's work without an engine.
fn read(structs: &[Player]) {
    let gold: u64 = structs.iter().map(|player| black_box(player).gold).sum();
    black_box(gold);
}

const OBJECTS: usize = 10_000;
const PAUSE: Duration = Duration::from_millis(50);
