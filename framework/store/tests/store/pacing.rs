//! A checkpoint is spread over time; it goes on as the journal grows, and hurries for whoever waits for it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use daystar_model::store::Store;
use daystar_store::{LmdbStore, Options, Pace};

use crate::support::*;

/// Checkpoints by length alone, of many parts, each of which would have to wait for minutes if it went by time.
fn options() -> Options {
    Options {
        checkpoint_bytes: CHECKPOINT_BYTES,
        checkpoint_time: Duration::from_secs(100_000),
        pace: Pace { objects_max: 10, ..Pace::default() },
        ..Options::default()
    }
}

const CHECKPOINT_BYTES: u64 = 1 << 20;
const RECORD_BYTES: usize = 10_000;

fn large(n: u64) -> Thing {
    Thing { number: n, text: "x".repeat(RECORD_BYTES), list: vec![] }
}

fn assert_holds_exactly(store: &LmdbStore, last: u64) {
    let found = scan_all(store).into_iter().map(|(id, _, value)| (id, value));
    assert!(found.eq((1..=last).map(|n| (object(n), large(n)))));
    assert!((1..=last).all(|n| load(store, object(n)).is_some_and(|(_, value)| value == large(n))));
}

/// A store in which a checkpoint is due, and its last batch.
fn due(path: &Path, options: Options) -> (LmdbStore, u64) {
    let store = LmdbStore::open(path, options).unwrap();
    let last = CHECKPOINT_BYTES / RECORD_BYTES as u64 + 1;
    let changes = (1..=last).map(|n| (object(n), put(large(n)))).collect();
    store.apply(&batch(last, changes)).unwrap();
    (store, last)
}

/// A store in which a checkpoint has begun and rests, and its last batch.
fn resting(path: &Path) -> (LmdbStore, u64) {
    let (store, last) = due(path, options());
    // It has every opportunity to go on, and must not.
    thread::sleep(Duration::from_millis(500));
    assert!(store.status().journal_bytes >= CHECKPOINT_BYTES, "it did not rest");
    assert_holds_exactly(&store, last);
    (store, last)
}

/// Waits until there is no more in the journal than may have come while the checkpoint was made.
fn wait_until_made(store: &LmdbStore) {
    let patience = Instant::now() + Duration::from_secs(60);
    while store.status().journal_bytes >= CHECKPOINT_BYTES {
        assert!(Instant::now() < patience, "it does not go on");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_checkpoint_that_is_called_for_does_not_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (store, last) = resting(folder.path());
    store.checkpoint().unwrap();
    assert_eq!(store.status().journal_bytes, 0);
    assert_holds_exactly(&store, last);
}

#[test]
fn a_checkpoint_goes_on_as_the_journal_grows() {
    let folder = tempfile::tempdir().unwrap();
    let (store, mut last) = resting(folder.path());
    // So much and no more: another checkpoint, which is due once this one is made and as much has come again, would rest too.
    for _ in 0..=CHECKPOINT_BYTES / 2 / RECORD_BYTES as u64 {
        last += 1;
        store.apply(&batch(last, vec![(object(last), put(large(last)))])).unwrap();
    }
    wait_until_made(&store);
    assert_holds_exactly(&store, last);
}

/// Until half of the time is over that lies between two.
#[test]
fn a_checkpoint_goes_on_as_time_passes() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint_time = Duration::from_millis(10);
    let (store, last) = due(folder.path(), Options { checkpoint_time, ..options() });
    wait_until_made(&store);
    assert_holds_exactly(&store, last);
}

#[test]
fn a_store_that_is_closed_does_not_wait_for_a_checkpoint_that_rests() {
    let folder = tempfile::tempdir().unwrap();
    let (store, last) = resting(folder.path());
    drop(store);
    let store = LmdbStore::open(folder.path(), options()).unwrap();
    assert_holds_exactly(&store, last);
    store.checkpoint().unwrap();
    assert_holds_exactly(&store, last);
}
