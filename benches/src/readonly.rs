//! A scan of 10,000 objects beside full write load: it never aborts, and hardly slows the writers.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rand::RngExt;

use crate::harness::{Harness, Wanted};
use crate::world::{Player, engine_with_players, look, rate, run as run_task};

const OBJECTS: usize = 10_000;

pub(crate) fn run(harness: &mut Harness) {
    let (engine, ids) = engine_with_players(OBJECTS);
    let slice = harness.slice(1);
    let scans = AtomicU64::new(0);
    let attempts = AtomicU64::new(0);
    let write = |rng: &mut rand_pcg::Pcg64Mcg| {
        let id = ids[rng.random_range(0..OBJECTS)];
        run_task(&engine, |attempt| {
            attempt.get_mut::<Player>(id)?.gold += 1;
            Ok(())
        });
    };
    harness.compare(
        "readonly",
        "writers beside a scan every 50 ms",
        "tasks/s",
        Wanted::Ratio(0.8),
        || rate(2, slice, write),
        || {
            let is_over = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        look(&engine, |attempt| {
                            attempts.fetch_add(1, Ordering::Relaxed);
                            let mut gold = 0;
                            for id in &ids {
                                gold += attempt.get::<Player>(*id)?.gold;
                            }
                            black_box(gold);
                            Ok(())
                        });
                        scans.fetch_add(1, Ordering::Relaxed);
                        thread::sleep(Duration::from_millis(50));
                    }
                });
                let rate = rate(2, slice, write);
                is_over.store(true, Ordering::Relaxed);
                rate
            })
        },
    );
    let aborted = attempts.into_inner() - scans.load(Ordering::Relaxed);
    harness.print("readonly", "scans", "scans", scans.into_inner() as f64);
    harness.print("readonly", "scans that had to start again", "", aborted as f64);
}
