//! How much tasks notice of a checkpoint: how long they take while one is being made, against the same without.
//!
//! Two threads start a task every 250 µs each, by the clock, whether the one before was late or not: so a task that
//! holds up others is counted with all of them, as players would. A task changes one of 100,000 players. In the one
//! case no checkpoint is made, in the other one after another, of whatever has changed meanwhile. There are two figures:
//! until the task has committed, and until it is on disk as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use daystar::Server;
use daystar_store::{LmdbStore, Options};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::disk::{Hollow, fill, folder, id, open};
use crate::harness::{Harness, Spread, Wanted};
use crate::world::{Player, run as run_task};

pub(crate) fn run(harness: &mut Harness) {
    let folder = folder();
    let never = Options {
        checkpoint_bytes: u64::MAX,
        checkpoint_time: Duration::from_secs(100_000),
        journal_bytes_max: u64::MAX,
        ..Options::default()
    };
    let store = open(&folder.path().join("world"), never);
    fill(&store, OBJECTS, |index| Player::number(index as usize));
    let server = Server::builder(Hollow).store(Arc::clone(&store) as _).workers(1).start();
    let server = server.unwrap_or_else(|cause| panic!("no server: {cause}"));
    harness.plan(4);
    for (case, is_durable) in [("until committed", false), ("until on disk", true)] {
        harness.compare_spreads(
            case,
            (Spread::P99, Wanted::RatioAtMost(2.0)),
            |slice| paced(&server, slice, is_durable),
            |slice| beside_checkpoints(&store, || paced(&server, slice, is_durable)),
        );
    }
    server.stop().unwrap_or_else(|cause| panic!("the last tasks are not on disk: {cause}"));
}

/// How long tasks take that are started by the clock.
fn paced(server: &Server, slice: Duration, is_durable: bool) -> Spread {
    let engine = server.engine();
    let spreads: Vec<Spread> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|number| {
                let engine = &engine;
                scope.spawn(move || {
                    let mut rng = Pcg64Mcg::seed_from_u64(number);
                    let mut spread = Spread::new();
                    let start = Instant::now();
                    let mut due = start;
                    while due - start < slice {
                        thread::sleep(due.saturating_duration_since(Instant::now()));
                        let id = id(rng.random_range(1..=OBJECTS));
                        let number = run_task(engine, |attempt| {
                            attempt.get_mut::<Player>(id)?.gold += 1;
                            Ok(())
                        });
                        if is_durable {
                            let durable = server.wait_until_durable(number);
                            durable.unwrap_or_else(|cause| panic!("not on disk: {cause}"));
                        }
                        spread.record(due.elapsed());
                        due += if is_durable { PACE_DURABLE } else { PACE };
                    }
                    spread
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
            .collect()
    });
    Spread::together(&spreads)
}

/// What `measure` returns while one checkpoint after the other is made.
fn beside_checkpoints(store: &LmdbStore, measure: impl FnOnce() -> Spread) -> Spread {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                store.checkpoint().unwrap_or_else(|cause| panic!("no checkpoint: {cause}"));
            }
        });
        let measured = measure();
        is_over.store(true, Ordering::Relaxed);
        measured
    })
}

const OBJECTS: u64 = 100_000;
const THREADS: u64 = 2;
const PACE: Duration = Duration::from_micros(250);
/// A thread that waits for the disk cannot start as many.
const PACE_DURABLE: Duration = Duration::from_millis(10);
