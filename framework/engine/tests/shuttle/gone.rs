//! Cells of what is gone are given up while others have read them, are about to make something there, have reserved it, look
//! at the past, or run alone: nobody can tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use daystar_engine::{Attempt, Breaks, Error};
use daystar_model::{ObjectId, Space};
use shuttle::thread;

use crate::common::Account;
use crate::phantoms::plant;
use crate::schedules::explore;
use crate::world::World;

/// How many objects the engines knew in the end, of how many, over all orders.
static KNOWN: AtomicU64 = AtomicU64::new(0);
static TOUCHED: AtomicU64 = AtomicU64::new(0);

#[test]
fn nobody_can_tell_what_was_given_up() {
    explore(flags);
    explore(removals);
    explore(signs);
    explore(early);
    explore(named_flags);
    explore(named_removals);
    explore(named_signs);
    let (known, touched) = (KNOWN.load(Ordering::SeqCst), TOUCHED.load(Ordering::SeqCst));
    assert!(known < touched, "nothing was ever given up: {known} of {touched}");
}

#[test]
fn whoever_reserves_what_is_not_there_commits() {
    explore(|breaks| flags_with(World::over_store(breaks, 4, 0)));
}

#[test]
fn whoever_is_alone_commits_whatever_is_given_up() {
    explore(|breaks| flags_with(World::over_store(breaks, 2, 0)));
}

#[test]
fn what_is_given_up_where_memory_is_short_is_missed_by_nobody() {
    explore(|breaks| flags_with(World::without_memory(breaks, 12, 0)));
}

/// Whoever finds that the other's flag is not there plants its own. Cells of what is not there are given up after every
/// commit.
pub(crate) fn flags(breaks: Breaks) {
    flags_with(World::over_store(breaks, 12, 0));
}

fn flags_with(world: World) {
    flags_at(world, |world| [world.lone_id(), world.lone_id()]);
}

/// The same under names, each of which has its cell to itself.
pub(crate) fn named_flags(breaks: Breaks) {
    flags_at(World::over_store(breaks, 12, 0), |_| names());
}

fn names<const N: usize>() -> [ObjectId; N] {
    std::array::from_fn(|index| ObjectId::new(Space::Name, 1_000_003 * (index as u64 + 1)))
}

fn flags_at(world: World, ids: impl Fn(&World) -> [ObjectId; 2]) {
    let [other] = world.lone_accounts([0]);
    let [first, second] = ids(&world);
    thread::scope(|scope| {
        scope.spawn(|| plant(&world, first, second));
        scope.spawn(|| plant(&world, second, first));
        scope.spawn(|| {
            // Each of these lets the store get on, and looks for what is of no use any more.
            world.run(move |attempt| add(attempt, other));
            world.look(move |attempt| {
                let is_there = attempt.find::<Account>(first)?.is_some();
                assert!(
                    !is_there || attempt.find::<Account>(second)?.is_none(),
                    "both flags are planted"
                );
                Ok(())
            });
        });
    });
    assert_eq!(world.messages(), ["planted"], "both flags are planted, or none");
    let are_gone = [first, second].map(|id| is_gone(&world, id));
    assert!(are_gone[0] != are_gone[1], "both flags are planted, or none");
    end(world, 3);
}

fn add(attempt: &Attempt<'_>, account: ObjectId) -> Result<(), Error> {
    attempt.get_mut::<Account>(account)?.gold += 1;
    Ok(())
}

/// An object is removed, and another made and removed, over a store that is behind.
pub(crate) fn removals(breaks: Breaks) {
    let world = World::over_store(breaks, 12, 1);
    let [first] = world.lone_accounts([1]);
    removals_of(world, first);
}

/// The same of what has a name.
pub(crate) fn named_removals(breaks: Breaks) {
    let world = World::over_store(breaks, 12, 1);
    let [first] = world.open(names(), [1]);
    removals_of(world, first);
}

fn removals_of(world: World, first: ObjectId) {
    let [other] = world.lone_accounts([0]);
    thread::scope(|scope| {
        scope.spawn(|| {
            world.run(move |attempt| Ok(attempt.remove::<Account>(first)?));
            world.perhaps(move |attempt| {
                assert!(attempt.find::<Account>(first)?.is_none(), "what was removed is back");
                Ok(())
            });
        });
        scope.spawn(|| {
            world.run(move |attempt| {
                let made = attempt.insert(Space::Object, Account { gold: 1 })?;
                Ok(attempt.remove::<Account>(made)?)
            });
            world.run(move |attempt| add(attempt, other));
        });
    });
    assert!(is_gone(&world, first), "what was removed is back");
    end(world, 3);
}

fn is_gone(world: &World, id: ObjectId) -> bool {
    let is_gone = Arc::new(AtomicBool::new(false));
    let told = is_gone.clone();
    world.look(move |attempt| {
        told.store(attempt.find::<Account>(id)?.is_none(), Ordering::SeqCst);
        Ok(())
    });
    is_gone.load(Ordering::SeqCst)
}

/// A sign says how many of two objects are there. They go, one after the other, with the sign.
pub(crate) fn signs(breaks: Breaks) {
    let world = World::over_store(breaks, 12, 0);
    let [first, second] = world.lone_accounts([0, 0]);
    signs_of(world, first, second);
}

/// The same of what has names.
pub(crate) fn named_signs(breaks: Breaks) {
    let world = World::over_store(breaks, 12, 0);
    let [first, second] = world.open(names(), [0, 0]);
    signs_of(world, first, second);
}

fn signs_of(world: World, first: ObjectId, second: ObjectId) {
    let [sign] = world.lone_accounts([2]);
    let is_torn = Arc::new(AtomicBool::new(false));
    let count = |is_torn: Arc<AtomicBool>| {
        move |attempt: &Attempt<'_>| {
            let said = attempt.get::<Account>(sign)?.gold;
            let first = attempt.find::<Account>(first)?.is_some();
            let second = attempt.find::<Account>(second)?.is_some();
            is_torn.fetch_or(said != i64::from(first) + i64::from(second), Ordering::SeqCst);
            Ok(())
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for id in [first, second] {
                world.run(move |attempt| {
                    attempt.get_mut::<Account>(sign)?.gold -= 1;
                    Ok(attempt.remove::<Account>(id)?)
                });
            }
        });
        scope.spawn(|| world.perhaps(count(is_torn.clone())));
        scope.spawn(|| {
            world.look(count(is_torn.clone()));
            world.perhaps(count(is_torn.clone()));
        });
    });
    assert!(!is_torn.load(Ordering::SeqCst), "a torn world was seen");
    assert_eq!(world.gold(sign), 0, "a sign says nothing of what is there");
    end(world, 3);
}

/// Somebody makes an id up that is given away next. Two signs say whether there ever was an object of it, and whether there is
/// one no more.
pub(crate) fn early(breaks: Breaks) {
    let world = World::over_store(breaks, 12, 0);
    let [gone, made] = world.lone_accounts([0, 0]);
    let made_up = ObjectId::new(Space::Object, world.lone_id().index() + 1);
    let is_torn = Arc::new(AtomicBool::new(false));
    let count = |is_torn: Arc<AtomicBool>| {
        move |attempt: &Attempt<'_>| {
            let is_gone = attempt.get::<Account>(gone)?.gold == 1;
            let is_there = attempt.find::<Account>(made_up)?.is_some();
            let was_made = attempt.get::<Account>(made)?.gold == 1;
            is_torn.fetch_or(is_there != (was_made && !is_gone), Ordering::SeqCst);
            Ok(())
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            world.run(move |attempt| {
                attempt.get_mut::<Account>(made)?.gold = 1;
                let id = attempt.insert(Space::Object, Account { gold: 0 })?;
                assert_eq!(id, made_up, "another was given away first");
                Ok(())
            });
            world.run(move |attempt| {
                attempt.get_mut::<Account>(gone)?.gold = 1;
                Ok(attempt.remove::<Account>(made_up)?)
            });
        });
        scope.spawn(|| world.perhaps(count(is_torn.clone())));
        scope.spawn(|| {
            world.look(count(is_torn.clone()));
            world.perhaps(count(is_torn.clone()));
        });
    });
    assert!(!is_torn.load(Ordering::SeqCst), "a torn world was seen");
    end(world, 3);
}

fn end(world: World, touched: u64) {
    KNOWN.fetch_add(world.counts().objects, Ordering::SeqCst);
    TOUCHED.fetch_add(touched, Ordering::SeqCst);
    world.check();
}
