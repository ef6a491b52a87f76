//! Jobs that may be tried only a few times: they come to reserve what they need, and to run alone, while others commit
//! and look on. None is tried more often than it may be, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use daystar_engine::{Attempt, Breaks, Error};
use shuttle::thread;

use crate::common::Account;
use crate::schedules::explore;
use crate::world::{World, message};

/// How often the rungs were reached, over all orders.
static RESERVED: AtomicU64 = AtomicU64::new(0);
static ALONE: AtomicU64 = AtomicU64::new(0);

#[test]
fn whoever_reserves_or_runs_alone_is_one_of_many() {
    explore(|breaks| ladder(breaks, 4));
    explore(|breaks| ladder(breaks, 3));
    explore(|breaks| ladder(breaks, 2));
    assert_ne!(RESERVED.load(Ordering::SeqCst), 0, "nobody ever reserved anything");
    assert_ne!(ALONE.load(Ordering::SeqCst), 0, "nobody ever ran alone");
}

/// Readers tidy what they have looked at, which nobody who runs alone may take for a change.
#[test]
fn whoever_runs_alone_commits_whatever_readers_do() {
    explore(alone);
}

pub(crate) fn alone(breaks: Breaks) {
    let world = World::with_attempts(breaks, 2);
    let [first, second] = world.accounts([0; 2]);
    let count = |account, other| {
        let attempts = Arc::new(AtomicU32::new(0));
        let seen = attempts.clone();
        world.run(move |attempt| {
            seen.fetch_add(1, Ordering::SeqCst);
            attempt.get::<Account>(other)?;
            attempt.get_mut::<Account>(account)?.gold += 1;
            Ok(())
        });
        assert!(attempts.load(Ordering::SeqCst) <= 2, "alone, and it did not commit");
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            count(first, second);
            count(first, second);
        });
        scope.spawn(|| {
            count(second, first);
            count(second, first);
        });
        scope.spawn(|| {
            for _ in 0..2 {
                world.look(move |attempt| {
                    attempt.get::<Account>(first)?;
                    Ok(())
                });
            }
        });
    });
    assert_eq!((world.gold(first), world.gold(second)), (2, 2), "an update was lost");
    world.check();
}

/// Three that want the same two objects, or one of them, and soon reserve what they want: in whatever order they come,
/// they do not wait for one another in a circle.
#[test]
fn those_who_reserve_do_not_wait_in_a_circle() {
    explore(circle);
}

pub(crate) fn circle(breaks: Breaks) {
    let world = World::with_attempts(breaks, 5);
    let [first, second] = world.accounts([0; 2]);
    let add = |account| {
        world.run(move |attempt| {
            attempt.get_mut::<Account>(account)?.gold += 1;
            Ok(())
        });
    };
    let add_to_both = || {
        world.run(move |attempt| {
            attempt.get_mut::<Account>(second)?.gold += 1;
            attempt.get_mut::<Account>(first)?.gold += 1;
            Ok(())
        });
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            add_to_both();
            add_to_both();
        });
        scope.spawn(|| {
            add(second);
            add_to_both();
        });
        scope.spawn(|| {
            add(first);
            add_to_both();
        });
    });
    assert_eq!((world.gold(first), world.gold(second)), (5, 5), "an update was lost");
    world.check();
}

pub(crate) fn ladder(breaks: Breaks, attempts_max: u32) {
    let world = World::with_attempts(breaks, attempts_max);
    let [first, second] = world.accounts([0; 2]);
    let tried = |work: fn(&Attempt<'_>, [_; 2]) -> Result<(), Error>| {
        let attempts = Arc::new(AtomicU32::new(0));
        let seen = attempts.clone();
        world.run(move |attempt| {
            seen.fetch_add(1, Ordering::SeqCst);
            work(attempt, [first, second])
        });
        let attempts = attempts.load(Ordering::SeqCst);
        assert!(attempts <= attempts_max, "{attempts} attempts, and {attempts_max} are allowed");
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            tried(|attempt, [first, second]| {
                attempt.get_mut::<Account>(first)?.gold += 1;
                attempt.get_mut::<Account>(second)?.gold += 1;
                Ok(())
            });
            tried(|attempt, [first, second]| {
                attempt.get_mut::<Account>(second)?.gold += 1;
                attempt.get_mut::<Account>(first)?.gold += 1;
                Ok(())
            });
        });
        scope.spawn(|| {
            tried(|attempt, [first, _]| {
                attempt.get_mut::<Account>(first)?.gold += 1;
                Ok(())
            });
            tried(|attempt, [first, second]| {
                let gold = attempt.get::<Account>(first)?.gold;
                attempt.get_mut::<Account>(second)?.gold += gold.signum();
                Ok(())
            });
        });
        // Who has something to say must have seen what is so when it is said.
        scope.spawn(|| {
            world.run(move |attempt| {
                let gold = attempt.get::<Account>(first)?.gold;
                attempt.effect(message(&gold.to_string()));
                Ok(())
            });
        });
    });
    assert_eq!((world.gold(first), world.gold(second)), (3, 3), "an update was lost");
    let counts = world.counts();
    RESERVED.fetch_add(counts.reserved, Ordering::SeqCst);
    ALONE.fetch_add(counts.alone, Ordering::SeqCst);
    world.check();
}
