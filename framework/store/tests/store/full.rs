//! There is no more room: the batch is refused as a whole with a text that says what to do, everything
//! before it is still there and can be read, and when there is room again the same batch is taken.

use daystar_model::ids::CommitNumber;
use daystar_model::store::{Batch, Store, StoreError};
use daystar_store::{LmdbStore, Options};

use crate::support::*;

fn small() -> Options {
    Options { map_bytes_max: 4 << 20, readers_max: 16, ..Options::default() }
}

/// Batch `n` writes object `n` and changes object 0.
fn nth(n: u64) -> Batch {
    let large = Thing { number: n, text: "x".repeat(100_000), list: vec![] };
    batch(n, vec![(object(0), put(thing(n))), (object(n), put(large))])
}

/// Applies batches until one is refused; its number and the refusal.
fn fill(store: &LmdbStore) -> (u64, StoreError) {
    let first = store.last_commit().unwrap().0 + 1;
    (first..first + 10_000)
        .find_map(|n| store.apply(&nth(n)).err().map(|error| (n, error)))
        .expect("nothing was refused")
}

fn assert_holds_exactly(store: &LmdbStore, last: u64) {
    assert_eq!(store.last_commit().unwrap(), CommitNumber(last));
    let found = scan_all(store);
    assert_eq!(found.len() as u64, last + 1);
    assert_eq!(found[0].2, thing(last));
    assert!(found[1..].iter().all(|(id, n, t)| id.index() == *n && t.text.len() == 100_000));
}

#[test]
fn a_full_map_is_refused_and_a_larger_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = LmdbStore::open(folder.path(), small()).unwrap();
    let (refused, error) = fill(&store);
    assert!(refused > 10);
    assert!(error.to_string().contains("map_bytes_max"), "{error}");
    assert_holds_exactly(&store, refused - 1);
    assert!(store.apply(&nth(refused)).is_err(), "there is still no room");
    assert_holds_exactly(&store, refused - 1);
    drop(store);

    let store = open(folder.path());
    assert_holds_exactly(&store, refused - 1);
    store.apply(&nth(refused)).unwrap();
    assert_holds_exactly(&store, refused);
    drop(store);

    // And a world that has outgrown the setting still opens.
    assert_holds_exactly(&LmdbStore::open(folder.path(), small()).unwrap(), refused);
}

#[test]
fn a_journal_that_somebody_s_reading_has_filled_goes_on_when_they_are_done() {
    let folder = tempfile::tempdir().unwrap();
    let store = LmdbStore::open(folder.path(), small()).unwrap();
    store.apply(&batch(1, vec![(object(0), put(thing(1)))])).unwrap();
    let again = |n| {
        let large = Thing { number: n, text: "x".repeat(100_000), list: vec![] };
        batch(n, vec![(object(0), put(large))])
    };
    // What each checkpoint cuts off cannot be used again while this lives.
    let moment = store.moment().unwrap();
    let refused = (2..10_000).find(|n| {
        let is_refused = store.apply(&again(*n)).is_err();
        is_refused || store.checkpoint().is_err()
    });
    let refused = refused.expect("nothing was refused");
    assert!(refused > 10, "refused after {refused}");
    drop(moment);
    let last = store.last_commit().unwrap().0;
    for n in last + 1..last + 100 {
        store.checkpoint().unwrap();
        store.apply(&again(n)).unwrap();
    }
    assert_eq!(store.last_commit().unwrap(), CommitNumber(last + 99));
}

/// The file cannot grow, as on a full disk: a process that may not write files beyond a size.
#[test]
#[cfg(unix)]
fn a_file_that_cannot_grow_is_refused_and_goes_on_when_it_can() {
    let folder = tempfile::tempdir().unwrap();
    let told = limited(child("full::child_without_room", folder.path()), 8192);
    let refused = told.lines().find_map(|line| line.strip_prefix("refused ")).expect(&told);
    let refused: u64 = refused.parse().unwrap();

    let store = open(folder.path());
    assert_holds_exactly(&store, refused - 1);
    store.apply(&nth(refused)).unwrap();
    assert_holds_exactly(&store, refused);
}

#[test]
#[ignore = "run by another test, as a process with a limit"]
fn child_without_room() {
    let Some(folder) = child_folder() else { return };
    let store = open(&folder);
    let (refused, error) = fill(&store);
    assert!(error.to_string().contains("ulimit -f"), "{error}");
    assert_holds_exactly(&store, refused - 1);
    assert!(store.apply(&nth(refused)).is_err(), "there is still no room");
    assert_holds_exactly(&store, refused - 1);
    println!("\nrefused {refused}");
}
