//! A world is compacted or copied while the disk fails: at each call in turn, from there on or once. The world stays whole, what
//! was not finished is no world, and with the disk well again it is done.

use daystar_model::store::{Store, StoreError};
use daystar_recorder::faults::Rule;
use daystar_store::lmdb::{Compacted, check_free, compact};
use daystar_store::{LmdbStore, Options};

use super::{STORY, Setting, assert_clear, assert_holds, meet};
use crate::process::is_child;
use crate::writer::options;

/// Each kind of call, and what it may fail with.
const CALLS: [(&str, &str); 6] = [
    ("extend", "* ENOSPC"),
    ("write", "* EROFS"),
    ("write", "1 short"),
    ("sync", "1 EIO"),
    ("write-synced", "1 EIO"),
    ("name", "1 EIO"),
];

#[test]
fn a_world_that_cannot_be_compacted_stays_whole() {
    for (call, outcome) in CALLS {
        meet("faults::copy::child_that_compacts", &format!("* {call} 0 {outcome}"), "");
    }
}

#[test]
fn a_world_that_cannot_be_copied_stays_whole_and_the_copy_is_none() {
    for (call, outcome) in CALLS {
        meet("faults::copy::child_that_copies", &format!("* {call} 0 {outcome}"), "");
    }
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_compacts() {
    if !is_child() {
        return;
    }
    let setting = Setting::given();
    let mut last = written(&setting);
    at_each_call(&setting, || {
        let outcome = compact(&setting.world, Options::default(), &mut |_, _, _| {});
        setting.heal();
        let store = LmdbStore::open(&setting.world, options()).unwrap();
        assert_holds(&store, last);
        assert!(!setting.world.join("compacting").exists());
        // The journal that is put in its place must fit to what comes.
        last += 1;
        store.apply(&STORY.batch(last)).unwrap();
        assert_holds(&store, last);
        outcome.map(|Compacted { objects, .. }| assert!(objects > 0))
    });
    compact(&setting.world, Options::default(), &mut |_, _, _| {}).unwrap();
    assert_holds(&LmdbStore::open(&setting.world, options()).unwrap(), last);
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_copies() {
    if !is_child() {
        return;
    }
    let setting = Setting::given();
    let mut last = written(&setting);
    let store = LmdbStore::open(&setting.world, options()).unwrap();
    // Otherwise a checkpoint would meet some of the faults.
    store.checkpoint().unwrap();
    let target = setting.world.with_file_name("copy");
    at_each_call(&setting, || {
        let moment = store.moment().unwrap();
        let outcome = moment.copy_to(&target, &mut |_, _, _| {});
        setting.heal();
        drop(moment);
        if outcome.is_err() {
            check_free(&target).unwrap();
            store.moment().unwrap().copy_to(&target, &mut |_, _, _| {}).unwrap();
        }
        assert_holds(&LmdbStore::open(&target, Options::default()).unwrap(), last);
        std::fs::remove_dir_all(&target).unwrap();
        assert_holds(&store, last);
        last += 1;
        store.apply(&STORY.batch(last)).unwrap();
        store.checkpoint().unwrap();
        outcome.map(drop)
    });
}

/// A world of some batches, some of them in the journal still; the last one.
fn written(setting: &Setting) -> u64 {
    let store = LmdbStore::open(&setting.world, Options::default()).unwrap();
    (1..=BATCHES).for_each(|n| store.apply(&STORY.batch(n)).unwrap());
    store.checkpoint().unwrap();
    store.apply(&STORY.batch(BATCHES + 1)).unwrap();
    BATCHES + 1
}

/// Does `act` with the first call failing, then the second, and so on, until none is left that could.
fn at_each_call(setting: &Setting, mut act: impl FnMut() -> Result<(), StoreError>) {
    let [rule] = &setting.stages[0][..] else { panic!("one rule is expected") };
    for first in 0..CALLS_MAX {
        setting.switch.set(&[Rule { first, ..rule.clone() }]).unwrap();
        match act() {
            Ok(()) => {
                assert!(first > 0, "nothing met the fault");
                return;
            }
            Err(error) => assert_clear(&error, &setting.hint),
        }
    }
    panic!("it fails although {CALLS_MAX} calls go well");
}

const BATCHES: u64 = 20;
/// More than it takes.
const CALLS_MAX: u64 = 500;
