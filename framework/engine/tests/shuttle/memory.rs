//! Objects go out of memory and come back while others read them, commit to them, change them blindly, reserve them, look
//! at their past, or run alone: nobody can tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use daystar_engine::{Attempt, Breaks, Error};
use daystar_model::ObjectId;
use shuttle::thread;

use crate::common::Account;
use crate::schedules::explore;
use crate::world::World;

/// How often objects went out of memory and came back, over all orders.
static EVICTIONS: AtomicU64 = AtomicU64::new(0);
static LOADS: AtomicU64 = AtomicU64::new(0);

#[test]
fn what_goes_and_comes_back_is_as_it_was() {
    explore(transfers);
    explore(additions);
    explore(copies);
    explore(behind);
    assert_ne!(EVICTIONS.load(Ordering::SeqCst), 0, "nothing ever went");
    assert_ne!(LOADS.load(Ordering::SeqCst), 0, "nothing ever came back");
}

#[test]
fn whoever_is_alone_commits_whatever_goes() {
    explore(alone);
}

#[test]
fn whoever_reserves_keeps_it_in_memory() {
    explore(reserved);
}

/// Gold is moved while others look at all of it, or at how it was.
pub(crate) fn transfers(breaks: Breaks) {
    let world = World::without_memory(breaks, 12, 0);
    let [first, second] = world.accounts([5, 5]);
    let is_torn = Arc::new(AtomicBool::new(false));
    let add_up = |seen: Arc<AtomicBool>| {
        move |attempt: &Attempt<'_>| {
            let total = attempt.get::<Account>(first)?.gold + attempt.get::<Account>(second)?.gold;
            seen.fetch_or(total != 10, Ordering::SeqCst);
            Ok(())
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            world.run(move |attempt| transfer(attempt, first, second));
            world.look(add_up(is_torn.clone()));
        });
        scope.spawn(|| world.run(move |attempt| transfer(attempt, second, first)));
        scope.spawn(|| {
            world.look(add_up(is_torn.clone()));
            world.perhaps(add_up(is_torn.clone()));
        });
    });
    assert!(!is_torn.load(Ordering::SeqCst), "a torn world was seen");
    assert_eq!((world.gold(first), world.gold(second)), (5, 5), "gold was made or lost");
    end(world);
}

fn transfer(attempt: &Attempt<'_>, from: ObjectId, to: ObjectId) -> Result<(), Error> {
    attempt.get_mut::<Account>(from)?.gold -= 1;
    attempt.get_mut::<Account>(to)?.gold += 1;
    Ok(())
}

/// Gold is added without a look.
pub(crate) fn additions(breaks: Breaks) {
    let world = World::without_memory(breaks, 12, 0);
    let [first, second] = world.accounts([0, 0]);
    let add = |attempt: &Attempt<'_>, account| {
        attempt.update(account, |account: &mut Account| {
            account.gold += 1;
            Ok(())
        })
    };
    thread::scope(|scope| {
        for order in [[first, second], [second, first]] {
            let world = &world;
            scope.spawn(move || {
                for account in order {
                    world.run(move |attempt| add(attempt, account));
                }
            });
        }
        scope.spawn(|| {
            world.look(move |attempt| Ok(attempt.get::<Account>(first).map(drop)?));
            world.look(move |attempt| Ok(attempt.get::<Account>(second).map(drop)?));
        });
    });
    assert_eq!((world.gold(first), world.gold(second)), (2, 2), "an update was lost");
    end(world);
}

/// The store is behind, so what was changed last has to stay.
pub(crate) fn behind(breaks: Breaks) {
    let world = World::without_memory(breaks, 12, 1);
    let [first, second] = world.accounts([5, 5]);
    thread::scope(|scope| {
        scope.spawn(|| world.run(move |attempt| transfer(attempt, first, second)));
        scope.spawn(|| world.run(move |attempt| transfer(attempt, second, first)));
    });
    assert_eq!((world.gold(first), world.gold(second)), (5, 5), "gold was made or lost");
    end(world);
}

/// What one account holds is copied to another while it grows.
pub(crate) fn copies(breaks: Breaks) {
    let world = World::without_memory(breaks, 12, 0);
    let [from, to] = world.accounts([0, 0]);
    let add = move |attempt: &Attempt<'_>| {
        attempt.get_mut::<Account>(from)?.gold += 1;
        Ok(())
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            world.run(add);
            world.run(add);
        });
        scope.spawn(|| {
            world.run(move |attempt| {
                let gold = attempt.get::<Account>(from)?.gold;
                attempt.get_mut::<Account>(to)?.gold = gold;
                Ok(())
            });
        });
    });
    assert_eq!(world.gold(from), 2, "an update was lost");
    end(world);
}

/// Two that soon run alone, and one whose objects go after every look.
pub(crate) fn alone(breaks: Breaks) {
    let world = World::without_memory(breaks, 2, 0);
    let [first, second] = world.accounts([0; 2]);
    let count = |account, other| tried(&world, 2, account, other);
    thread::scope(|scope| {
        scope.spawn(|| {
            count(first, second);
            count(first, second);
        });
        scope.spawn(|| count(second, first));
        scope.spawn(|| {
            world.look(move |attempt| Ok(attempt.get::<Account>(first).map(drop)?));
            world.look(move |attempt| Ok(attempt.get::<Account>(second).map(drop)?));
        });
    });
    assert_eq!((world.gold(first), world.gold(second)), (2, 1), "an update was lost");
    end(world);
}

/// The same with more attempts: those before the last are made with what the one before touched reserved.
fn reserved(breaks: Breaks) {
    let world = World::without_memory(breaks, 4, 1);
    let [first, second] = world.accounts([0; 2]);
    thread::scope(|scope| {
        scope.spawn(|| {
            tried(&world, 4, first, second);
            tried(&world, 4, second, first);
        });
        scope.spawn(|| tried(&world, 4, second, first));
        scope.spawn(|| tried(&world, 4, first, second));
    });
    assert_eq!((world.gold(first), world.gold(second)), (2, 2), "an update was lost");
    end(world);
}

/// Adds to `account` having looked at `other`, in so many attempts at most.
fn tried(world: &World, attempts_max: u32, account: ObjectId, other: ObjectId) {
    let attempts = Arc::new(AtomicU32::new(0));
    let seen = attempts.clone();
    world.run(move |attempt| {
        seen.fetch_add(1, Ordering::SeqCst);
        attempt.get::<Account>(other)?;
        attempt.get_mut::<Account>(account)?.gold += 1;
        Ok(())
    });
    let attempts = attempts.load(Ordering::SeqCst);
    assert!(attempts <= attempts_max, "{attempts} attempts, and {attempts_max} are allowed");
}

fn end(world: World) {
    let counts = world.counts();
    EVICTIONS.fetch_add(counts.evictions, Ordering::SeqCst);
    LOADS.fetch_add(counts.loads, Ordering::SeqCst);
    world.check();
}
