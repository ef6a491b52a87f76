//! All tasks on ten objects, and all on one: more threads must not make it slower, and nobody may starve.
//!
//! Baseline and subject are the same tasks in the same engine, the baseline on one thread, where nothing ever
//! conflicts. Two tasks that change the same object cannot be at it at once, so that with one object 1 is about the
//! best that can be hoped for; with ten it is nearer to the number of threads.
//!
//! Read the ratio of the rates, then the latencies. They come from rounds of their own, since looking at the clock
//! costs a good part of such a task; each thread keeps its own. A single task that starved would be the slowest:
//! a hundred milliseconds are some tens of time slices of the operating system, so a thread that was merely
//! interrupted stays below, and they are about what a player begins to notice. Beside it stands the slowest on one
//! thread, which shows how much of it is the machine.
//!
//! Last come additions to a `Counter`, against the same to a plain field. A plain field is changed by one task at a
//! time, from its first look to its commit; additions to a `Counter` meet only in the commit. So the more a task
//! does beside, and the more cores there are, the larger the ratio; it cannot be more than the number of threads
//! by much, as tasks that meet at a plain field are queued rather than run in vain.
//!
//! Conflicts per task are counted in the rate's rounds on more than one thread.

use std::cell::Cell;
use std::hint::black_box;
use std::time::Duration;

use daystar::Counter;
use daystar_engine::Engine;
use daystar_model::ObjectId;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::harness::{Harness, Spread, Wanted};
use crate::load::{named, rate, spread, thread_counts};
use crate::work::{rounds_of, work};
use crate::world::{Player, engine_with_players, insert, run as run_task};

pub(crate) fn run(harness: &mut Harness) {
    // On one thread each of them would be compared with itself.
    let counts = &thread_counts()[1..];
    harness.plan(((OBJECTS.len() * 2 + WORK.len()) * counts.len() * 2) as u32);
    for objects in OBJECTS {
        for &threads in counts {
            plain_field(harness, objects, threads);
        }
    }
    for &threads in counts {
        for beside in WORK {
            counter(harness, threads, beside);
        }
    }
}

/// Additions to one `Counter`, which join no read set, against the same to a plain field.
fn counter(harness: &mut Harness, threads: usize, beside: Duration) {
    let (engine, ids) = engine_with_players(1);
    let counter = insert(&engine, Counter::new(0));
    let rounds = rounds_of(beside);
    let case = match beside.is_zero() {
        true => format!("Counter against a plain field, {}", named(threads)),
        false => format!("the same, and {} us of work, {}", beside.as_micros(), named(threads)),
    };
    let wanted = if beside.is_zero() { Wanted::Ratio(5.0) } else { Wanted::Nothing };
    harness.compare(
        case,
        "tasks/s",
        wanted,
        |slice| {
            rate(threads, slice, |_| {
                run_task(&engine, |attempt| {
                    let mut player = attempt.get_mut::<Player>(ids[0])?;
                    player.gold += 1;
                    black_box(work(rounds, player.gold));
                    Ok(())
                });
            })
        },
        |slice| {
            rate(threads, slice, |_| {
                run_task(&engine, |attempt| {
                    attempt.update::<Counter>(counter, |counter| counter.add(1))?;
                    black_box(work(rounds, 1));
                    Ok(())
                });
            })
        },
    );
}

fn plain_field(harness: &mut Harness, objects: usize, threads: usize) {
    let (engine, ids) = engine_with_players(objects);
    let step = |rng: &mut Pcg64Mcg| add(&engine, ids[rng.random_range(0..objects)]);
    let name = if objects == 1 { "1 object".to_owned() } else { format!("{objects} objects") };
    let case = format!("{name}, {} against 1", named(threads));
    let is_wanted = threads == 2;

    let (tasks, conflicts) = (Cell::new(0), Cell::new(0));
    harness.compare(
        case.clone(),
        "tasks/s",
        if is_wanted { Wanted::Ratio(1.0) } else { Wanted::Nothing },
        |slice| rate(1, slice, step),
        |slice| {
            let before = engine.counts();
            let rate = rate(threads, slice, step);
            let after = engine.counts();
            tasks.set(tasks.get() + after.commits - before.commits);
            conflicts.set(conflicts.get() + after.conflicts - before.conflicts);
            rate
        },
    );
    harness.print(
        format!("{name}, {}, conflicts per task", named(threads)),
        "",
        conflicts.get() as f64 / tasks.get() as f64,
        Wanted::Nothing,
    );
    harness.compare_spreads(
        &case,
        (Spread::SLOWEST, if is_wanted { Wanted::AtMost(SLOWEST_MS_MAX) } else { Wanted::Nothing }),
        |slice| spread(1, slice, step),
        |slice| spread(threads, slice, step),
    );
}

fn add(engine: &Engine, id: ObjectId) {
    run_task(engine, |attempt| {
        attempt.get_mut::<Player>(id)?.gold += 1;
        Ok(())
    });
}

const OBJECTS: [usize; 2] = [10, 1];

/// What a task does beside adding one.
const WORK: [Duration; 2] = [Duration::ZERO, Duration::from_micros(20)];

/// Why this much: see the top.
const SLOWEST_MS_MAX: f64 = 100.0;
