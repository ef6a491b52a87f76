//! The process is killed in the middle of a call to the disk: before it, when half of a write is out, after it. Unlike a
//! power cut this loses nothing that was written, synced or not.

use std::os::unix::process::ExitStatusExt;

use daystar_model::store::Store;
use daystar_store::{LmdbStore, Options};

use crate::process::folder;
use crate::recording::{Recording, acknowledged};
use crate::story::{Story, contents};

/// A writer that is killed by `rule`, and what it left.
fn assert_prefix(rule: &str) {
    let folder = folder();
    let recording = Recording::prepare(Story(5), folder.path(), 0);
    let status = recording.writer(BATCHES, &[rule.parse().unwrap()]).output().unwrap().status;
    assert_eq!(status.signal(), Some(SIGKILL), "{rule}: it was not killed");

    let told = recording.log().iter().filter_map(acknowledged).next_back().unwrap_or(0);
    let store = LmdbStore::open(recording.live().join("world"), Options::default()).unwrap();
    let last = store.last_commit().unwrap().0;
    assert!(last == told || last == told + 1, "{rule}: {told} acknowledged, it is at {last}");
    assert!(contents(&store).unwrap() == Story(5).world(last), "{rule}: not a whole batch");
    store.apply(&Story(5).batch(last + 1)).unwrap();
}

#[test]
fn killed_around_a_sync() {
    for nth in [0, 1, 2, 3, 4, 5, 11, 20] {
        assert_prefix(&format!("* sync {nth} 1 kill-before"));
        assert_prefix(&format!("* sync {nth} 1 kill-after"));
    }
}

#[test]
fn killed_around_and_in_a_write() {
    for nth in [0, 1, 2, 3, 7, 30, 60] {
        for when in ["before", "inside", "after"] {
            assert_prefix(&format!("* write {nth} 1 kill-{when}"));
        }
    }
}

/// The page by which a transaction takes effect.
#[test]
fn killed_around_and_in_the_write_of_a_meta_page() {
    for nth in [0, 1, 2, 9] {
        for when in ["before", "inside", "after"] {
            assert_prefix(&format!("data.mdb write-synced {nth} 1 kill-{when}"));
        }
    }
}

const BATCHES: u64 = 20;
const SIGKILL: i32 = 9;
