//! What is mapped of a world's files does not stay this process's memory.

#![cfg(target_os = "linux")]

use std::fs;

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
    let folder = tempfile::tempdir().unwrap();
    // The memory that is looked at is the process's.
    let output = child("resident::child_that_writes", folder.path()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let most = told.lines().find_map(|line| line.strip_prefix("most: ")).expect(&told);
    let most: u64 = most.parse().unwrap();
    assert!(most <= MAPPED_BYTES_MAX + SLACK_BYTES, "{most} bytes of files were resident");
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_writes() {
    let Some(folder) = child_folder() else { return };
    let options = Options {
        mapped_bytes_max: MAPPED_BYTES_MAX,
        checkpoint_bytes: 32 << 20,
        ..Options::default()
    };
    let store = LmdbStore::open(folder.join("world"), options).unwrap();
    let mut most = 0;
    for commit in 1..=EPOCHS {
        let changes = (1..=OBJECTS_PER_EPOCH).map(|nth| {
            let text = "x".repeat(OBJECT_BYTES);
            (object(nth * commit), put(Thing { number: commit, text, list: vec![] }))
        });
        store.apply(&batch(commit, changes.collect())).unwrap();
        // Whoever loads reads what LMDB has written beside the epoch.
        assert!(load(&store, object(commit)).is_some());
        most = most.max(file_bytes());
    }
    println!("\nmost: {most}");
}

/// Bytes of files that are resident in this process.
fn file_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssFile:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}
