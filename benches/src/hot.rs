//! All tasks on a few objects: more threads must not make it slower, and nobody may starve.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use rand::RngExt;

use crate::harness::{Harness, Wanted};
use crate::world::{Player, engine_with_players, rate, run as run_task};

pub(crate) fn run(harness: &mut Harness) {
    let slice = harness.slice(2);
    for objects in [10, 1] {
        let (engine, ids) = engine_with_players(objects);
        let slowest_ns = AtomicU64::new(0);
        let before = engine.counts();
        let step = |rng: &mut rand_pcg::Pcg64Mcg| {
            let id = ids[rng.random_range(0..objects)];
            let start = Instant::now();
            run_task(&engine, |attempt| {
                attempt.get_mut::<Player>(id)?.gold += 1;
                Ok(())
            });
            slowest_ns.fetch_max(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
        };
        harness.compare(
            "hot",
            format!("{objects} objects, 2 threads against 1"),
            "tasks/s",
            Wanted::Ratio(1.0),
            || rate(1, slice, step),
            || rate(2, slice, step),
        );
        let counts = engine.counts();
        let slowest_ms = slowest_ns.into_inner() as f64 / 1e6;
        harness.print("hot", format!("{objects} objects, slowest task"), "ms", slowest_ms);
        let conflicts = (counts.conflicts - before.conflicts) as f64;
        let commits = (counts.commits - before.commits) as f64;
        harness.print(
            "hot",
            format!("{objects} objects, conflicts per task"),
            "",
            conflicts / commits,
        );
    }
}
