//! What is mapped of a world's files does not stay this process's memory.

#![cfg(target_os = "linux")]

use std::path::Path;

use daystar_model::store::Store;
use daystar_store::{LmdbStore, Options};

use crate::support::*;

/// As large an epoch as a server writes under load: what the system maps of it at once is large too.
const OBJECTS_PER_EPOCH: u64 = 40;
const OBJECT_BYTES: usize = 100_000;
const EPOCHS: u64 = 60;
const MAPPED_BYTES_MAX: u64 = 8 << 20;
/// What is touched between two looks, and what the program and its libraries are.
const SLACK_BYTES: u64 = 56 << 20;

#[test]
fn epochs_and_checkpoints_do_not_stay_mapped() {
    assert_little_is_mapped("resident::child_that_writes");
}

#[test]
fn a_journal_that_was_read_at_the_start_does_not_stay_mapped() {
    assert_little_is_mapped("resident::child_that_starts");
}

/// Runs `name` in a process of its own, since the memory that is looked at is the process's.
fn assert_little_is_mapped(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    let output = child(name, folder.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let most = told.lines().find_map(|line| line.strip_prefix("most: ")).expect(&told);
    let most: u64 = most.parse().unwrap();
    assert!(most <= MAPPED_BYTES_MAX + SLACK_BYTES, "{most} bytes of files were resident");
}

/// A world whose journal is brought up to the objects when it is so long.
fn open_with(folder: &Path, checkpoint_bytes: u64) -> LmdbStore {
    let mapped_bytes_max = MAPPED_BYTES_MAX;
    let options = Options { mapped_bytes_max, checkpoint_bytes, ..Options::default() };
    LmdbStore::open(folder.join("world"), options).unwrap()
}

fn write(store: &LmdbStore, commit: u64) {
    let changes = (1..=OBJECTS_PER_EPOCH).map(|nth| {
        let text = "x".repeat(OBJECT_BYTES);
        (object(nth * commit), put(Thing { number: commit, text, list: vec![] }))
    });
    store.apply(&batch(commit, changes.collect())).unwrap();
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_writes() {
    let Some(folder) = child_folder() else { return };
    let store = open_with(&folder, 32 << 20);
    let mut most = 0;
    for commit in 1..=EPOCHS {
        write(&store, commit);
        // Whoever loads reads what LMDB has written beside the epoch.
        assert!(load(&store, object(commit)).is_some());
        most = most.max(file_bytes());
    }
    println!("\nmost: {most}");
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_starts() {
    let Some(folder) = child_folder() else { return };
    let store = open_with(&folder, u64::MAX);
    (1..=EPOCHS / 2).for_each(|commit| write(&store, commit));
    drop(store);
    let store = open_with(&folder, u64::MAX);
    assert!(store.status().journal_bytes > MAPPED_BYTES_MAX + SLACK_BYTES, "it was not read");
    println!("\nmost: {}", file_bytes());
}

/// Bytes of files that are resident in this process.
fn file_bytes() -> u64 {
    let status = procfs::process::Process::myself().and_then(|process| process.status()).unwrap();
    status.rssfile.unwrap() * 1024
}
