//! LMDB has given an environment up, because its meta page could not be written, and the disk does not let it be opened
//! anew at once. Reads go on all the while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use daystar_model::store::Store;
use daystar_store::{LmdbStore, Options};

use super::{BEFORE, STORY, Setting, assert_clear, assert_holds, meet, wait_until_healed};
use crate::process::is_child;
use crate::story::contents;
use crate::writer::options;

fn meet_while_reopening(file: &str, then: &str, hint: &str) {
    // Whoever reads opens the environment anew, perhaps before the second fault begins. Then the first one has it given up again.
    let given_up = format!("{file}/data.mdb write-synced 0 * EIO");
    let rules = format!("{given_up}|{given_up}; {then}");
    meet(&format!("faults::reopen::child_that_reopens_the_{file}"), &rules, hint);
}

/// A system that has met an error often makes the whole disk read-only, until somebody looks after it.
#[test]
fn a_disk_that_turns_read_only_can_be_read() {
    let read_only = "* name 0 * EROFS; * write 0 * EROFS; * sync 0 * EROFS";
    meet_while_reopening("journal", read_only, "read-only");
    meet_while_reopening("objects", read_only, "read-only");
}

#[test]
fn a_disk_that_goes_on_failing_can_be_read() {
    for file in ["journal", "objects"] {
        meet_while_reopening(file, &format!("{file}/data.mdb sync 0 * EIO"), "system log");
        meet_while_reopening(file, &format!("{file}/data.mdb write 0 * EIO"), "system log");
        meet_while_reopening(file, &format!("{file}/data.mdb write 1 * ENOSPC"), "no room");
        meet_while_reopening(file, &format!("{file}/data.mdb name 0 * EIO"), "system log");
    }
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_reopens_the_journal() {
    if !is_child() {
        return;
    }
    let setting = Setting::given();
    let store = LmdbStore::open(&setting.world, Options::default()).unwrap();
    (1..=BEFORE).for_each(|n| store.apply(&STORY.batch(n)).unwrap());
    let next = BEFORE + 1;
    while_read(&store, BEFORE, || {
        setting.fail(0);
        assert_clear(&store.apply(&STORY.batch(next)).unwrap_err(), "system log");
        setting.fail(1);
        for nth in 0..TRIES {
            assert_holds(&store, BEFORE);
            let error = store.apply(&STORY.batch(next)).unwrap_err();
            assert_clear(&error, setting.hint_of(nth));
        }
        assert_holds(&store, BEFORE);
    });
    setting.heal();
    store.apply(&STORY.batch(next)).unwrap();
    assert_holds(&store, next);
    store.checkpoint().unwrap();
    assert_holds(&store, next);
    drop(store);
    assert_holds(&LmdbStore::open(&setting.world, Options::default()).unwrap(), next);
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_reopens_the_objects() {
    if !is_child() {
        return;
    }
    let setting = Setting::given();
    let large = Options { pace: options().pace, ..Options::default() };
    let store = LmdbStore::open(&setting.world, large).unwrap();
    (1..=BEFORE).for_each(|n| store.apply(&STORY.batch(n)).unwrap());
    store.checkpoint().unwrap();
    let next = BEFORE + 1;
    store.apply(&STORY.batch(next)).unwrap();
    while_read(&store, next, || {
        setting.fail(0);
        assert_clear(&store.checkpoint().unwrap_err(), "system log");
        setting.fail(1);
        for nth in 0..TRIES {
            assert_holds(&store, next);
            assert_clear(&store.checkpoint().unwrap_err(), setting.hint_of(nth));
        }
        assert_holds(&store, next);
    });
    setting.heal();
    wait_until_healed(&store);
    store.checkpoint().unwrap();
    assert_holds(&store, next);
    drop(store);
    assert_holds(&LmdbStore::open(&setting.world, Options::default()).unwrap(), next);
}

impl Setting {
    /// What the `nth` try under the second fault says. The first ones may have met the first fault still.
    fn hint_of(&self, nth: u32) -> &str {
        if nth < 2 { "" } else { &self.hint }
    }
}

const TRIES: u32 = 5;

/// Does `act` while another thread reads the world all the time, which stays as it is after batch `n`.
fn while_read(store: &LmdbStore, n: u64, act: impl FnOnce()) {
    let is_over = AtomicBool::new(false);
    let world = STORY.world(n);
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                assert!(contents(store).unwrap() == world, "it is not the world after batch {n}");
                for (id, (commit, _)) in &world {
                    let found = store.load(*id).unwrap();
                    assert_eq!(found.map(|(commit, _)| commit), Some(*commit));
                }
            }
        });
        {
            // Also when it panics: the reader would go on for ever.
            let _over = Over(&is_over);
            act();
        }
        reader.join().unwrap();
    });
}

/// Says at its end that it is over.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
