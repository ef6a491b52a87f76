//! Reading beside the writing: loads, scans and whole moments, in this process and in another, while batches are
//! applied and checkpoints and cuts run one after the other. A load gives the newest version there is; a scan and
//! a moment give the world as it was after one batch.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use daystar_model::ids::CommitNumber;
use daystar_model::store::{Change, Store, StoreError};
use daystar_store::{LmdbStore, Moment, Options};

use crate::support::*;

/// Checkpoints and cuts follow one another without a pause.
fn hasty() -> Options {
    Options { checkpoint_bytes: 1, ..Options::default() }
}

/// Objects of which the `i`th changes in every batch whose number `i + 1` divides, and is removed by every third change.
mod changing {
    use super::*;

    pub(super) const OBJECTS: u64 = 16;

    /// What object `i` is after batch `n`.
    pub(super) fn after(n: u64, i: u64) -> Option<u64> {
        let change = n - n % (i + 1);
        (change > 0 && !(change / (i + 1)).is_multiple_of(3)).then_some(change)
    }

    pub(super) fn nth(n: u64) -> Vec<(daystar_model::ids::ObjectId, Change)> {
        let changed = (0..OBJECTS).filter(|i| n.is_multiple_of(i + 1));
        changed.map(|i| (object(i), after(n, i).and_then(|n| put(thing(n))))).collect()
    }
}

/// Each object lies in turn in the newest part of the journal, in the part that a checkpoint is writing, and among the
/// objects. Wherever it is, it is found there, and never the version before.
#[test]
fn a_load_gives_the_newest_version() {
    let folder = tempfile::tempdir().unwrap();
    let store = LmdbStore::open(folder.path(), hasty()).unwrap();
    let (begun, applied) = (AtomicU64::new(0), AtomicU64::new(0));
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut seen = HashMap::new();
                while !is_done.load(Ordering::SeqCst) {
                    (0..changing::OBJECTS)
                        .for_each(|i| look(&store, &begun, &applied, i, &mut seen));
                }
            });
        }
        let written = (1..=BATCHES).try_for_each(|n| {
            begun.store(n, Ordering::SeqCst);
            store.apply(&batch(n, changing::nth(n)))?;
            applied.store(n, Ordering::SeqCst);
            Ok::<_, StoreError>(())
        });
        // Whatever came of it, or the readers would go on for ever.
        is_done.store(true, Ordering::SeqCst);
        written.unwrap();
    });
}

/// One load of object `i`. What it gives was so after some batch, from the last that was applied before to the last
/// that had been begun behind it; and a version that was `seen` is not undone.
fn look(
    store: &LmdbStore,
    begun: &AtomicU64,
    applied: &AtomicU64,
    i: u64,
    seen: &mut HashMap<u64, u64>,
) {
    let from = applied.load(Ordering::SeqCst);
    let found = load(store, object(i)).map(|(commit, thing)| {
        assert_eq!(commit, thing.number);
        commit
    });
    let to = begun.load(Ordering::SeqCst);
    assert!(
        (from..=to).any(|n| changing::after(n, i) == found),
        "object {i} is of {found:?}, between batches {from} and {to}"
    );
    if let Some(found) = found {
        let before = seen.insert(i, found);
        assert!(
            before.is_none_or(|before| before <= found),
            "object {i}: {before:?}, then {found}"
        );
    }
}

/// Accounts among which every batch moves coins, and a clock with the batch's number. They are so many that a checkpoint
/// takes more than one transaction: between those, the objects on disk are of different times.
mod bank {
    use super::*;

    pub(super) const ACCOUNTS: u64 = 5000;
    const CLOCK: u64 = 9999;

    /// Batch `n`: in every third pair of accounts a coin goes to and fro. Batch 1 opens the accounts.
    pub(super) fn nth(n: u64) -> Vec<(daystar_model::ids::ObjectId, Change)> {
        let changed = (0..ACCOUNTS).filter(|i| n == 1 || changes(n, *i));
        let accounts = changed.map(|i| (object(i), put(account(n, i))));
        accounts.chain([(object(CLOCK), put(plain(n)))]).collect()
    }

    fn changes(n: u64, i: u64) -> bool {
        (n + i / 2).is_multiple_of(3)
    }

    /// What account `i` holds after batch `n`.
    fn account(n: u64, i: u64) -> Thing {
        let turns = (2..=n).filter(|n| changes(*n, i)).count() as u64;
        plain(if (turns + i).is_multiple_of(2) { 10 } else { 20 })
    }

    fn plain(number: u64) -> Thing {
        Thing { number, text: String::new(), list: vec![] }
    }

    /// That `store` is the world after one batch, and which.
    pub(super) fn batch_of(store: &dyn Store) -> u64 {
        let found = scan(store, object(0), object(CLOCK));
        let Some(((_, _, clock), accounts)) = found.split_last() else { return 0 };
        let n = clock.number;
        assert_eq!(accounts.len() as u64, ACCOUNTS, "at batch {n}");
        let sum: u64 = accounts.iter().map(|(_, _, account)| account.number).sum();
        assert_eq!(sum, ACCOUNTS * 15, "coins came or went at batch {n}");
        for (id, commit, _) in accounts {
            let newest = (2..=n).rev().find(|n| changes(*n, id.index())).unwrap_or(1);
            assert_eq!(*commit, newest, "account {id} at batch {n}");
        }
        n
    }
}

/// Applies the batches of the bank, and runs `readers` beside it, each again and again until the end.
fn run_bank(store: &LmdbStore, batches: u64, readers: &[&(dyn Fn() + Sync)]) {
    let is_done = AtomicBool::new(false);
    store.apply(&batch(1, bank::nth(1))).unwrap();
    thread::scope(|scope| {
        for reader in readers {
            scope.spawn(|| {
                // Once more at the end, however quick the writer was.
                while !is_done.load(Ordering::SeqCst) {
                    reader();
                }
                reader();
            });
        }
        let written = (2..=batches).try_for_each(|n| store.apply(&batch(n, bank::nth(n))));
        is_done.store(true, Ordering::SeqCst);
        written.unwrap();
    });
}

#[test]
fn a_scan_and_a_moment_are_of_one_batch() {
    let folder = tempfile::tempdir().unwrap();
    let store = LmdbStore::open(folder.path(), hasty()).unwrap();
    // Only its own reader writes to it.
    let latest = AtomicU64::new(0);
    let scans = || {
        let n = bank::batch_of(&store);
        let before = latest.swap(n, Ordering::SeqCst);
        assert!(n > 0 && n >= before, "batch {before} was there, and now it is {n}");
    };
    run_bank(
        &store,
        60,
        &[&scans, &|| {
            let moment = store.moment().unwrap();
            let n = bank::batch_of(&moment);
            assert_eq!(moment.last_commit().unwrap(), CommitNumber(n));
            assert_eq!(bank::batch_of(&moment), n, "the moment moved");
        }],
    );
    assert_eq!(bank::batch_of(&store), 60);
}

/// As a tool of the game's binary does while the server runs.
#[test]
fn another_process_sees_one_batch() {
    let folder = tempfile::tempdir().unwrap();
    let store = LmdbStore::open(folder.path(), hasty()).unwrap();
    let looks = || {
        let looked = child("beside::child_that_looks", folder.path()).output().unwrap();
        assert!(looked.status.success(), "{}", String::from_utf8_lossy(&looked.stdout));
    };
    run_bank(&store, 40, &[&looks]);
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_looks() {
    let Some(folder) = child_folder() else { return };
    for _ in 0..10 {
        let moment = Moment::open(&folder, Options::default()).unwrap();
        let n = bank::batch_of(&moment);
        assert!(n > 0 && moment.last_commit().unwrap() == CommitNumber(n));
    }
}

/// LMDB cannot have a file open twice in a process; who has the store asks it for a moment instead.
#[test]
fn a_second_opening_in_one_process_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let refusal = Moment::open(folder.path(), Options::default()).map(drop).unwrap_err();
    assert!(matches!(refusal, StoreError::Io { .. }), "{refusal}");
    assert!(refusal.to_string().contains("LmdbStore::moment"), "{refusal}");
    drop(store);
    assert!(is_empty(folder.path()));
}

fn is_empty(world: &Path) -> bool {
    scan_all(&Moment::open(world, Options::default()).unwrap()).is_empty()
}

const BATCHES: u64 = 300;
