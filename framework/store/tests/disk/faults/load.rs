//! Reads fail: what is looked for cannot be had, changes are taken all the same, and later it is there.

use daystar_model::ObjectId;
use daystar_model::store::{Store, StoreError};
use daystar_store::{LmdbStore, Options};

use super::{BEFORE, STORY, Setting, assert_clear, assert_holds, meet, wait_until_healed};
use crate::process::is_child;

fn meet_in_loads(rules: &str, hint: &str) {
    meet("faults::load::child_that_loads", rules, hint);
}

fn meet_in_checkpoints(rules: &str, hint: &str) {
    meet("faults::load::child_that_makes_checkpoints", rules, hint);
}

#[test]
fn an_object_that_cannot_be_read_is_there_when_the_disk_is_well() {
    for file in ["objects", "journal"] {
        meet_in_loads(&format!("{file}/data.mdb read 0 * EIO"), "system log");
        meet_in_loads(&format!("{file}/data.mdb read 0 1 EIO"), "system log");
        meet_in_loads(&format!("{file}/data.mdb read 1 * EIO"), "system log");
    }
}

/// Which is no error: the rest is asked for.
#[test]
fn a_disk_that_gives_less_than_was_asked_for_is_asked_again() {
    meet("faults::load::child_that_finds_everything", "* read 0 * short", "");
}

#[test]
fn a_checkpoint_that_cannot_read_the_journal_is_made_when_it_can() {
    meet_in_checkpoints("journal/data.mdb read 0 * EIO", "system log");
    meet_in_checkpoints("journal/data.mdb read 3 * EIO", "system log");
}

/// A world of which the file named by the rules has a part that only loads read, and the objects in it.
fn written(setting: &Setting) -> (LmdbStore, Vec<ObjectId>) {
    let store = LmdbStore::open(&setting.world, Options::default()).unwrap();
    (1..BEFORE).for_each(|n| store.apply(&STORY.batch(n)).unwrap());
    store.checkpoint().unwrap();
    store.apply(&STORY.batch(BEFORE)).unwrap();
    assert_holds(&store, BEFORE);
    let ids = STORY.world(BEFORE).into_keys().collect();
    (store, ids)
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_loads() {
    if !is_child() {
        return;
    }
    let setting = Setting::given();
    let (store, ids) = written(&setting);

    setting.fail(0);
    let errors = |store: &LmdbStore| -> Vec<StoreError> {
        ids.iter().filter_map(|id| store.load(*id).err()).collect()
    };
    let met = errors(&store);
    assert!(!met.is_empty(), "no load met the fault");
    met.iter().for_each(|error| assert_clear(error, &setting.hint));
    assert_eq!(errors(&store).is_empty(), !setting.is_lasting(0), "an error is no answer to keep");
    // What cannot be read does not keep others from writing.
    store.apply(&STORY.batch(BEFORE + 1)).unwrap();

    setting.heal();
    assert_holds(&store, BEFORE + 1);
    store.checkpoint().unwrap();
    assert_holds(&store, BEFORE + 1);
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_finds_everything() {
    if !is_child() {
        return;
    }
    let setting = Setting::given();
    let (store, _) = written(&setting);
    setting.fail(0);
    assert_holds(&store, BEFORE);
    store.checkpoint().unwrap();
    assert_holds(&store, BEFORE);
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_makes_checkpoints() {
    if !is_child() {
        return;
    }
    let setting = Setting::given();
    let (store, _) = written(&setting);
    setting.fail(0);
    assert_clear(&store.checkpoint().unwrap_err(), &setting.hint);
    assert!(store.status().checkpoint_failure.is_some_and(|cause| cause.contains(&setting.hint)));
    store.apply(&STORY.batch(BEFORE + 1)).unwrap();

    setting.heal();
    wait_until_healed(&store);
    store.checkpoint().unwrap();
    assert_holds(&store, BEFORE + 1);
    drop(store);
    assert_holds(&LmdbStore::open(&setting.world, Options::default()).unwrap(), BEFORE + 1);
}
