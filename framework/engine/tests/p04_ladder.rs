//! P4: every rung of the conflict ladder is reached, counted, and enough. What must happen on a rung is provoked: a job runs
//! another in the middle of its own attempt, which changes what the attempt has looked at.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use common::{Account, Story, Work, committed, run};
use daystar_engine::{Attempt, Limits, Settings};
use daystar_model::{ObjectId, Space};

fn story(attempts_max: u32) -> Story {
    let limits = Limits { attempts_max, ..Limits::default() };
    Story::new(Settings { limits, ..Settings::default() })
}

/// Each of its attempts looks at an object that the one before it did not, and in all but the last, that object is
/// changed under it. So neither waiting nor reserving what it touched last helps it.
fn wandering(story: &Story, objects: &Arc<[ObjectId]>) -> impl Work {
    let (engine, objects) = (Arc::clone(&story.engine), Arc::clone(objects));
    let attempts = Arc::<AtomicU32>::default();
    move |attempt: &Attempt<'_>| {
        let last = objects.len() - 1;
        let place = attempts.fetch_add(1, Ordering::Relaxed) as usize;
        let object = objects[place.min(last)];
        let gold = attempt.get::<Account>(object)?.gold;
        if place < last {
            committed(run(&engine, move |attempt| {
                attempt.get_mut::<Account>(object)?.gold += 1;
                Ok(())
            }));
        }
        attempt.get_mut::<Account>(object)?.gold = gold + 100;
        Ok(())
    }
}

/// A wandering job with so many attempts, each met by another but the last: how many were reserved and alone.
fn rungs(attempts_max: u32) -> (u64, u64) {
    let story = story(attempts_max);
    let objects = story.accounts(attempts_max as usize, 0);
    committed(story.run(wandering(&story, &objects)));
    let counts = story.counts();
    assert_eq!(counts.conflicts, u64::from(attempts_max) - 1);
    assert_eq!(counts.attempts_most, u64::from(attempts_max));
    let met = i64::from(attempts_max) - 1;
    assert_eq!(story.total(&objects), met + 100, "only its last attempt has taken effect");
    story.end();
    (counts.reserved, counts.alone)
}

#[test]
fn a_job_that_meets_others_at_a_new_place_each_time_ends_alone() {
    assert_eq!(rungs(Limits::default().attempts_max), (3, 1));
}

#[test]
fn the_fewer_attempts_a_job_has_the_sooner_it_is_alone() {
    assert_eq!(rungs(5), (3, 1));
    assert_eq!(rungs(4), (2, 1));
    assert_eq!(rungs(3), (1, 1));
    assert_eq!(rungs(2), (0, 1));
}

/// It looks at the same objects in every attempt, so what is reserved for its second is all that it needs.
#[test]
fn a_long_job_is_helped_by_a_reservation() {
    let story = story(Limits::default().attempts_max);
    let objects = story.accounts(300, 0);
    let (engine, attempts) = (Arc::clone(&story.engine), Arc::<AtomicU32>::default());
    let all = Arc::clone(&objects);
    committed(story.run(move |attempt| {
        for object in all.iter() {
            attempt.get_mut::<Account>(*object)?.gold += 1;
        }
        if common::is_first(&attempts) {
            let met = all[0];
            committed(run(&engine, move |attempt| {
                attempt.get_mut::<Account>(met)?.gold += 1;
                Ok(())
            }));
        }
        Ok(())
    }));
    let counts = story.counts();
    assert_eq!((counts.conflicts, counts.reserved, counts.alone), (1, 1, 0));
    assert_eq!(counts.attempts_most, 2);
    assert_eq!(story.total(&objects), 301);
    story.end();
}

/// What it finds missing is given up under each of its attempts, unless it is reserved.
#[test]
fn what_is_not_there_is_reserved_like_all_else() {
    let limits = Limits::default();
    let story = Story::new(Settings { limits, memory: Some(1 << 30), ..Settings::default() });
    let named = ObjectId::new(Space::Name, 79);
    let lone = story.lone_id();
    let (engine, attempts) = (Arc::clone(&story.engine), Arc::<AtomicU32>::default());
    committed(story.run(move |attempt| {
        for id in [named, lone] {
            assert!(attempt.find::<Account>(id)?.is_none(), "{id} is there");
        }
        // Who is alone has closed the gate that this passes.
        if attempts.fetch_add(1, Ordering::Relaxed) + 1 < limits.attempts_max {
            engine.look_for_gone();
        }
        attempt.insert_at(named, Account { gold: 1 })?;
        Ok(attempt.insert_at(lone, Account { gold: 1 })?)
    }));
    let counts = story.counts();
    assert_ne!(counts.conflicts, 0, "nothing was given up");
    assert_eq!((counts.reserved, counts.alone), (1, 0));
    story.end();
}

/// Several threads add to a few objects, with pauses, so many times each.
fn crowd(story: &Story, objects: &Arc<[ObjectId]>, threads: usize, times: usize) {
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..times {
                    let objects = Arc::clone(objects);
                    committed(story.run(move |attempt| {
                        for object in objects.iter() {
                            let gold = attempt.get::<Account>(*object)?.gold;
                            thread::yield_now();
                            attempt.get_mut::<Account>(*object)?.gold = gold + 1;
                        }
                        Ok(())
                    }));
                }
            });
        }
    });
    let wanted = objects.len() * threads * times;
    assert_eq!(story.total(objects), wanted as i64, "each job has taken effect once");
}

/// With one attempt, that one is made alone; with two, the second.
#[test]
fn with_one_attempt_or_two_every_job_commits() {
    for attempts_max in [1, 2] {
        let story = story(attempts_max);
        let objects = story.accounts(3, 0);
        crowd(&story, &objects, 4, 100);
        let counts = story.counts();
        assert!(counts.attempts_most <= 2, "{counts:?}");
        match attempts_max {
            1 => assert_eq!((counts.alone, counts.conflicts), (counts.commits, 0), "{counts:?}"),
            _ => assert_eq!(counts.alone, counts.conflicts, "who met another was alone next"),
        }
        assert_eq!(counts.reserved, 0, "{counts:?}");
        story.end();
    }
}

#[test]
fn nobody_starves_at_one_object() {
    let story = story(Limits::default().attempts_max);
    let object = story.accounts(1, 0);
    crowd(&story, &object, 16, 50);
    let counts = story.counts();
    assert!(counts.attempts_most <= u64::from(Limits::default().attempts_max), "{counts:?}");
    story.end();
}

/// Enough objects for a job to count as long.
const LONG: usize = 300;

#[test]
fn long_jobs_over_the_same_objects_in_opposite_order_commit() {
    let story = story(Limits::default().attempts_max);
    let objects = story.accounts(LONG, 0);
    let reverse: Arc<[ObjectId]> = objects.iter().rev().copied().collect();
    thread::scope(|scope| {
        for objects in [&objects, &reverse, &objects, &reverse] {
            let story = &story;
            scope.spawn(move || {
                for _ in 0..10 {
                    let objects = Arc::clone(objects);
                    committed(story.run(move |attempt| {
                        for (place, object) in objects.iter().enumerate() {
                            attempt.get_mut::<Account>(*object)?.gold += 1;
                            if place % 50 == 0 {
                                thread::yield_now();
                            }
                        }
                        Ok(())
                    }));
                }
            });
        }
    });
    assert_eq!(story.total(&objects), 40 * LONG as i64);
    let counts = story.counts();
    assert!(counts.attempts_most <= u64::from(Limits::default().attempts_max), "{counts:?}");
    story.end();
}
