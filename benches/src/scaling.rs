//! Tasks of 20 µs of work on different objects: all cores, against the same under one global lock.
//!
//! The baseline is the server that takes one lock around everything: as many threads as the subject has, the same
//! work on the same number of players, and only ever one of them at work. The subject does the work inside a task
//! that changes one object.
//!
//! Read first how long the work took, which is fitted to 20 µs at the start: on a machine that is busy with other
//! things it comes out longer, and what follows says little. Then read the ratio: on two cores 2 would be perfect.
//! With one thread it should be 1, and what is missing there is the cost of a task. The last cases compare the
//! subject with itself on one thread, which leaves out what a contended lock costs the baseline.

use std::hint::black_box;
use std::time::Duration;

use parking_lot::Mutex;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::harness::{Harness, Wanted, median};
use crate::load::{named, rate, thread_counts};
use crate::work::{rounds_of, work};
use crate::world::{Player, engine_with_players, run as run_task};

const OBJECTS: usize = 10_000;
const WORK: Duration = Duration::from_micros(20);

pub(crate) fn run(harness: &mut Harness) {
    let (engine, ids) = engine_with_players(OBJECTS);
    let world: Mutex<Vec<Player>> = Mutex::new((0..OBJECTS).map(Player::number).collect());
    let rounds = rounds_of(WORK);
    let under_one_lock = |rng: &mut Pcg64Mcg| {
        let place = rng.random_range(0..OBJECTS);
        let player = &mut world.lock()[place];
        player.gold += work(rounds, player.gold) & 1;
    };
    let in_tasks = |rng: &mut Pcg64Mcg| {
        let id = ids[rng.random_range(0..OBJECTS)];
        run_task(&engine, |attempt| {
            let mut player = attempt.get_mut::<Player>(id)?;
            player.gold += work(rounds, player.gold) & 1;
            Ok(())
        });
    };
    let counts = thread_counts();
    let more_than_one = &counts[1..];
    harness.plan(1 + 2 * (counts.len() + more_than_one.len()) as u32);
    print_work(harness, rounds);
    for &threads in &counts {
        harness.compare(
            format!("20 us of work, {} against one lock", named(threads)),
            "tasks/s",
            if threads == 2 { Wanted::Ratio(1.9) } else { Wanted::Nothing },
            |slice| rate(threads, slice, under_one_lock),
            |slice| rate(threads, slice, in_tasks),
        );
    }
    for &threads in more_than_one {
        harness.compare(
            format!("20 us of work, {} against our 1 thread", named(threads)),
            "tasks/s",
            Wanted::Nothing,
            |slice| rate(1, slice, in_tasks),
            |slice| rate(threads, slice, in_tasks),
        );
    }
}

/// How long the work really takes; others may have been busy while it was fitted.
fn print_work(harness: &mut Harness, rounds: u64) {
    let mut alone = |slice| {
        rate(1, slice, |rng| {
            black_box(work(rounds, rng.random()));
        })
    };
    let per_second = harness.in_turns(&mut [&mut alone]).concat();
    harness.print("the work alone, 1 thread", "us", 1e6 / median(per_second), Wanted::Nothing);
}
