//! P4: however long a task is and however hot its objects, it finishes. Here long ones read a thousand objects in some
//! fifty milliseconds each, and change one of them, while a hundred thousand short ones change them all
//! without pause. Whether those meet a long one or queue behind it depends on how quick the machine is, so the first long one
//! is met by one for certain.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use common::{Account, Story, Work, committed, is_first, run};
use daystar_engine::{Attempt, Limits, Settings};
use daystar_model::ObjectId;
use parking_lot::RwLock;
use rand::RngExt;

const OBJECTS: usize = 1_000;
const LONG_JOBS: usize = 5;
const SHORT_JOBS: u64 = 100_000;
const SHORT_THREADS: usize = 3;

/// What a long job adds: more than all short ones together, so that each can be told in the total.
const MUCH: i64 = 1_000_000_000;

#[test]
fn long_jobs_among_a_hundred_thousand_short_ones_finish() {
    let story = Story::new(Settings::default());
    let objects = story.accounts(OBJECTS, 0);
    let are_long_done = AtomicBool::new(false);
    let short_jobs = AtomicU64::new(0);
    // The short jobs keep still while it is locked.
    let stillness = Arc::<RwLock<()>>::default();
    thread::scope(|scope| {
        for _ in 0..SHORT_THREADS {
            scope.spawn(|| {
                while short_jobs.load(Ordering::Relaxed) < SHORT_JOBS
                    || !are_long_done.load(Ordering::Relaxed)
                {
                    let moving = stillness.read();
                    committed(story.run(short(&objects)));
                    drop(moving);
                    short_jobs.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let long = scope.spawn(|| {
            while short_jobs.load(Ordering::Relaxed) < SHORT_JOBS / 100 {
                thread::yield_now();
            }
            for job in 0..LONG_JOBS {
                let attempts = Arc::<AtomicU32>::default();
                let long = long(&objects, &attempts);
                if job == 0 {
                    committed(story.run(met(&story, &objects, &stillness, long)));
                    assert!(story.counts().reserved > 0, "it was not helped: {:?}", story.counts());
                } else {
                    committed(story.run(long));
                }
                let attempts = attempts.load(Ordering::Relaxed);
                assert!(attempts <= Limits::default().attempts_max, "{attempts} attempts");
            }
        });
        let long = long.join();
        are_long_done.store(true, Ordering::Relaxed);
        long.expect("all long jobs finish");
    });
    let counts = story.counts();
    assert!(counts.attempts_most <= u64::from(Limits::default().attempts_max), "{counts:?}");
    // With the one that the first long job was met by.
    let wanted = short_jobs.into_inner() as i64 + 1 + LONG_JOBS as i64 * MUCH;
    assert_eq!(story.total(&objects), wanted, "each job has taken effect once");
    story.end();
}

fn short(objects: &Arc<[ObjectId]>) -> impl Work {
    let objects = Arc::clone(objects);
    move |attempt: &Attempt<'_>| {
        let place = attempt.rng().random_range(0..objects.len());
        attempt.get_mut::<Account>(objects[place])?.gold += 1;
        Ok(())
    }
}

/// What its first attempt has looked at is changed under it, whatever the machine is like: all others keep still until a short
/// job of its own has done that, and go on before it is done.
fn met(
    story: &Story,
    objects: &Arc<[ObjectId]>,
    stillness: &Arc<RwLock<()>>,
    long: impl Work,
) -> impl Work {
    let (engine, objects) = (Arc::clone(&story.engine), Arc::clone(objects));
    let (stillness, attempts) = (Arc::clone(stillness), Arc::<AtomicU32>::default());
    move |attempt: &Attempt<'_>| {
        let still = is_first(&attempts).then(|| stillness.write());
        let outcome = long(attempt);
        if still.is_some() {
            committed(run(&engine, short(&objects)));
        }
        outcome
    }
}

/// Looks at all objects, and rests now and then, so that it is long on any machine.
fn long(objects: &Arc<[ObjectId]>, attempts: &Arc<AtomicU32>) -> impl Work {
    let (objects, attempts) = (Arc::clone(objects), Arc::clone(attempts));
    move |attempt: &Attempt<'_>| {
        attempts.fetch_add(1, Ordering::Relaxed);
        for (place, object) in objects.iter().enumerate() {
            attempt.get::<Account>(*object)?;
            if place % (OBJECTS / 50) == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
        attempt.get_mut::<Account>(objects[0])?.gold += MUCH;
        Ok(())
    }
}
