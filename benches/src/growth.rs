//! Tasks per second as the world grows, and as tasks touch more objects: a curve without a cliff.

use rand::RngExt;

use crate::harness::Harness;
use crate::world::{Player, engine_with_players, rate, run as run_task};

pub(crate) fn run(harness: &mut Harness) {
    let most = if harness.is_quick() { 5 } else { 7 };
    let slice = harness.slice(8);
    for exponent in 3..=most {
        let objects = 10_usize.pow(exponent);
        let (engine, ids) = engine_with_players(objects);
        let tasks = rate(2, slice, |rng| {
            let id = ids[rng.random_range(0..objects)];
            run_task(&engine, |attempt| {
                attempt.get_mut::<Player>(id)?.gold += 1;
                Ok(())
            });
        });
        harness.print(
            "growth",
            format!("world of 10^{exponent} objects, 1 per task"),
            "tasks/s",
            tasks,
        );
    }
    let objects = 100_000;
    let (engine, ids) = engine_with_players(objects);
    for touched in [1, 10, 100] {
        let tasks = rate(2, slice, |rng| {
            let first = rng.random_range(0..objects - touched);
            run_task(&engine, |attempt| {
                for id in &ids[first..first + touched] {
                    attempt.get_mut::<Player>(*id)?.gold += 1;
                }
                Ok(())
            });
        });
        harness.print("growth", format!("{touched} objects per task"), "tasks/s", tasks);
    }
}
