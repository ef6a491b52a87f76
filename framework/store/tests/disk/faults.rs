//! The disk fails while the world is open: it is full, over quota, read-only, broken, or takes a part of a write. The
//! batch is refused with a text that says what to do, everything before it can be read, and when the fault
//! is gone the same process applies the same batch.
//!
//! Reads cannot be made to fail: LMDB reads mapped memory, and what a disk that fails there sends is a signal
//! (`SIGBUS`), which ends the process.

use std::fs;
use std::path::Path;

use daystar_model::store::{Store, StoreError};
use daystar_recorder::faults::Rule;
use daystar_recorder::preload::{Preload, Switch};
use daystar_store::{LmdbStore, Options};

use crate::process::{child, folder, given, is_child, path, run};
use crate::story::{Story, contents, next_index_after};

const STORY: Story = Story(3);
/// So many batches go well first.
const BEFORE: u64 = 5;
/// One of the next so many needs room.
const TRIED: u64 = 40;

/// Runs the ignored test `name` in a process whose disk fails by `rule` when it says so, and expects texts with `hint`.
fn meet(name: &str, rule: &str, hint: &str) {
    let folder = folder();
    let live = folder.path().join("live");
    fs::create_dir(&live).unwrap();
    let mut process = child(name);
    Preload::new(&live)
        .unwrap()
        .switch(&Switch::new(&folder.path().join("switch")))
        .attach(&mut process)
        .unwrap();
    process.env(FOLDER, folder.path()).env(RULE, rule).env(HINT, hint);
    run(&mut process);
}

fn meet_while_applying(rule: &str, hint: &str) {
    meet("faults::child_that_applies", rule, hint);
}

fn meet_while_starting(rule: &str, hint: &str) {
    meet("faults::child_that_starts", rule, hint);
}

#[test]
fn a_full_disk_refuses_a_batch_and_takes_it_when_there_is_room() {
    meet_while_applying("data.mdb extend 0 * ENOSPC", "no room is left");
    meet_while_applying("data.mdb write 0 * ENOSPC", "no room is left");
    // Room for a part.
    meet_while_applying("data.mdb write 1 * ENOSPC", "no room is left");
}

#[test]
fn a_used_up_quota_refuses_a_batch_and_takes_it_when_there_is_room() {
    meet_while_applying("data.mdb extend 0 * EDQUOT", "quota");
}

#[test]
fn a_disk_that_became_read_only_refuses_a_batch_and_takes_it_when_it_is_writable() {
    meet_while_applying("data.mdb write 0 * EROFS", "read-only");
}

#[test]
fn a_write_that_fails_refuses_a_batch_and_takes_it_when_the_disk_is_well() {
    meet_while_applying("data.mdb write 0 * EIO", "system log");
    meet_while_applying("data.mdb write 0 1 EIO", "system log");
    meet_while_applying("data.mdb write 0 1 short", "did not take all");
}

#[test]
fn a_sync_that_fails_refuses_a_batch_and_takes_it_when_the_disk_is_well() {
    meet_while_applying("data.mdb sync 0 * EIO", "system log");
    meet_while_applying("data.mdb sync 0 1 EIO", "system log");
    meet_while_applying("data.mdb sync 0 1 ENOSPC", "no room is left");
}

/// LMDB writes the page by which a transaction takes effect through a descriptor of its own. When that fails, it does
/// not trust its environment any more and refuses every further transaction: the store must open it anew.
#[test]
#[ignore = "for a store that opens its environment anew when LMDB has given it up"]
fn a_meta_page_that_fails_refuses_a_batch_and_takes_it_when_the_disk_is_well() {
    meet_while_applying("data.mdb write-synced 0 1 EIO", "system log");
    meet_while_applying("data.mdb write-synced 0 * EIO", "system log");
    meet_while_applying("data.mdb write-synced 0 1 ENOSPC", "no room is left");
    meet_while_applying("data.mdb write-synced 0 1 EROFS", "read-only");
    meet_while_applying("data.mdb write-synced 0 1 short", "no room is left");
}

#[test]
fn a_world_that_cannot_be_made_is_refused_and_made_when_the_disk_is_well() {
    for call in ["name", "write", "sync"] {
        for good_first in 0..8 {
            meet_while_starting(&format!("* {call} {good_first} * EIO"), "system log");
            meet_while_starting(&format!("* {call} {good_first} 1 EIO"), "system log");
        }
    }
    meet_while_starting("* name 0 * EROFS", "read-only");
    meet_while_starting("* extend 0 * ENOSPC", "no room is left");
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_applies() {
    if !is_child() {
        return;
    }
    let Setting { world, switch, rule, hint } = Setting::given();
    let store = LmdbStore::open(&world, Options::default()).unwrap();
    (1..=BEFORE).for_each(|n| store.apply(&STORY.batch(n)).unwrap());

    switch.set(std::slice::from_ref(&rule)).unwrap();
    let (refused, error) = first_refused(&store).expect("no batch met the fault");
    assert_clear(&error, &hint);
    assert_holds(&store, refused - 1);
    if rule.count.is_none() {
        assert_clear(&store.apply(&STORY.batch(refused)).unwrap_err(), "");
        assert_holds(&store, refused - 1);
    }

    switch.clear().unwrap();
    for n in [refused, refused + 1] {
        store.apply(&STORY.batch(n)).unwrap();
        assert_holds(&store, n);
    }
    drop(store);
    assert_holds(&LmdbStore::open(&world, Options::default()).unwrap(), refused + 1);
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_starts() {
    if !is_child() {
        return;
    }
    let Setting { world, switch, rule, hint } = Setting::given();
    switch.set(&[rule]).unwrap();
    // Making a world may take fewer calls than the rule lets go well.
    match LmdbStore::open(&world, Options::default()) {
        Ok(store) => assert_holds(&store, 0),
        Err(error) => assert_clear(&error, &hint),
    }
    switch.clear().unwrap();
    let store = LmdbStore::open(&world, Options::default()).unwrap();
    store.apply(&STORY.batch(1)).unwrap();
    assert_holds(&store, 1);
}

/// Applies batches until one is refused.
fn first_refused(store: &LmdbStore) -> Option<(u64, StoreError)> {
    (BEFORE + 1..=BEFORE + TRIED)
        .find_map(|n| store.apply(&STORY.batch(n)).err().map(|error| (n, error)))
}

fn assert_clear(error: &StoreError, hint: &str) {
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(hint), "`{hint}` is not in: {text}");
}

/// The world is the one after batch `n`, by every way to read it.
fn assert_holds(store: &LmdbStore, n: u64) {
    let world = STORY.world(n);
    assert!(contents(store).unwrap() == world, "it is not the world after batch {n}");
    for (id, (commit, _)) in &world {
        assert_eq!(store.load(*id).unwrap().map(|(commit, _)| commit), Some(*commit));
    }
    assert_eq!(store.last_commit().unwrap().0, n);
    assert!(store.next_index().unwrap() >= next_index_after(n));
}

/// What a process that meets a fault is told.
struct Setting {
    world: std::path::PathBuf,
    switch: Switch,
    rule: Rule,
    hint: String,
}

impl Setting {
    fn given() -> Self {
        let folder = path(FOLDER).unwrap();
        Self {
            world: folder.join("live/world"),
            switch: Switch::new(&Path::join(&folder, "switch")),
            rule: given(RULE).unwrap(),
            hint: given(HINT).unwrap(),
        }
    }
}

const FOLDER: &str = "DAYSTAR_TEST_FOLDER";
const RULE: &str = "DAYSTAR_TEST_RULE";
const HINT: &str = "DAYSTAR_TEST_HINT";
