//! The preloaded library sees what a program does by way of the standard library, in the order in which it is done,
//! and lets it fail as it is told. Each story is a process of this test program.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "in a test an unwrap is an assertion")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use daystar_recorder::disk::{Cut, Disk};
use daystar_recorder::faults::rules;
use daystar_recorder::log::{Entry, entries};
use daystar_recorder::preload::{Preload, Switch};
use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

/// Runs the ignored test `name` with everything recorded under `live`, and failing by `faults`; the log.
fn record(folder: &Path, name: &str, faults: &str) -> Vec<Entry> {
    let (live, log) = (folder.join("live"), folder.join("log"));
    fs::create_dir_all(&live).unwrap();
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args([name, "--exact", "--ignored", "--nocapture"]).env(LIVE, &live);
    let preload = Preload::new(&live).unwrap().log(&log).faults(rules(faults).unwrap());
    preload.switch(&Switch::new(&folder.join("switch"))).attach(&mut process).unwrap();
    let output = process.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    entries(&fs::read(log).unwrap())
}

fn live() -> Option<PathBuf> {
    std::env::var_os(LIVE).map(PathBuf::from)
}

/// The disk with everything kept is the folder as it is.
fn assert_tells_all(live: &Path, disk: &Disk) {
    let image = disk.cut(Cut::All, &mut Pcg64Mcg::seed_from_u64(1));
    let folder = tempfile::tempdir().unwrap();
    image.write(folder.path()).unwrap();
    let (told, there) = (listed(folder.path()), listed(live));
    for (told, there) in told.iter().zip(&there) {
        assert!(told == there, "the log says {}, and there is {}", text(told), text(there));
    }
    assert_eq!(told.len(), there.len());
}

fn text((path, bytes): &(PathBuf, Option<Vec<u8>>)) -> String {
    let bytes = bytes.as_deref().unwrap_or_default();
    format!("{}: {} bytes, {}", path.display(), bytes.len(), bytes.escape_ascii())
}

/// Every path with its bytes; a folder's are none.
fn listed(folder: &Path) -> Vec<(PathBuf, Option<Vec<u8>>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = PathBuf::from(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            found.extend(listed(&entry.path()).into_iter().map(|(p, bytes)| (name.join(p), bytes)));
            found.push((name, None));
        } else if name != Path::new("acknowledgements") {
            found.push((name, Some(fs::read(entry.path()).unwrap())));
        }
    }
    found.sort();
    found
}

#[test]
fn a_log_tells_all_that_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live");
    fs::create_dir_all(live.join("old")).unwrap();
    fs::write(live.join("old/file"), "there before").unwrap();
    let mut disk = Disk::of(&live).unwrap();
    let log = record(folder.path(), "child_that_does_everything", "");
    log.iter().for_each(|entry| disk.replay(entry).unwrap());
    assert_tells_all(&live, &disk);

    let marks = log.iter().filter(|entry| matches!(entry, Entry::Marked { text } if text == "7"));
    assert_eq!(marks.count(), 1);
    let count = |wanted: fn(&Entry) -> bool| log.iter().filter(|entry| wanted(entry)).count();
    assert_eq!(count(|entry| matches!(entry, Entry::Synced { .. })), 2);
    assert_eq!(count(|entry| matches!(entry, Entry::FolderSynced { .. })), 1);
    assert_eq!(count(|entry| matches!(entry, Entry::WroteSynced { .. })), 1);
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_does_everything() {
    let Some(live) = live() else { return };
    std::env::set_current_dir(&live).unwrap();
    fs::create_dir_all("made/within").unwrap();
    let mut file = File::create("made/within/file").unwrap();
    file.write_all(b"0123456789").unwrap();
    file.seek(SeekFrom::Start(4)).unwrap();
    assert_eq!(file.write_vectored(&[IoSlice::new(b"AB"), IoSlice::new(b"CD")]).unwrap(), 4);
    file.write_all_at(b"far", 5000).unwrap();
    file.sync_data().unwrap();
    // A copy of the descriptor has the same position, and outlives the first.
    let mut copied = file.try_clone().unwrap();
    drop(file);
    copied.write_all(b"E").unwrap();
    copied.set_len(4000).unwrap();
    copied.sync_all().unwrap();
    fs::rename("made/within/file", "made/within/renamed").unwrap();
    copied.write_all_at(b"after", 0).unwrap();
    fs::rename("made", "remade").unwrap();
    copied.write_all_at(b"all", 100).unwrap();
    File::open("remade").unwrap().sync_all().unwrap();

    let mut old = OpenOptions::new().append(true).open(live.join("old/file")).unwrap();
    old.write_all(b", and longer").unwrap();
    let synced = OpenOptions::new().write(true).custom_flags(O_DSYNC).open("old/file").unwrap();
    synced.write_all_at(b"T", 0).unwrap();

    fs::create_dir("gone").unwrap();
    fs::write("gone/file", "and no more").unwrap();
    fs::remove_dir_all("gone").unwrap();
    File::create("acknowledgements").unwrap().write_all(b"7").unwrap();

    thread::scope(|scope| {
        for nth in 0..4_u8 {
            scope.spawn(move || {
                let file = File::create(format!("of thread {nth}")).unwrap();
                (0..200_u64).for_each(|at| file.write_all_at(&[nth; 7], at * 5).unwrap());
            });
        }
    });
}

#[test]
fn what_cannot_be_followed_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let log = record(folder.path(), "child_that_copies", "");
    let mut disk = Disk::empty();
    let refused = log.iter().find_map(|entry| disk.replay(entry).err()).expect("nothing was said");
    assert!(refused.to_string().contains("of copy"), "{refused}");
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_copies() {
    let Some(live) = live() else { return };
    fs::write(live.join("file"), "bytes").unwrap();
    fs::copy(live.join("file"), live.join("copy")).unwrap();
}

#[test]
fn calls_fail_as_they_are_told() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), "child_that_fails", "full extend 2 1 ENOSPC; made name 0 * EROFS");
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_fails() {
    let Some(live) = live() else { return };
    let full = File::create(live.join("full")).unwrap();
    let fails = |result: io::Result<()>, number| {
        assert_eq!(result.unwrap_err().raw_os_error(), Some(number));
    };
    full.write_all_at(&[1; 100], 0).unwrap();
    full.write_all_at(&[1; 100], 0).unwrap();
    full.write_all_at(&[1; 100], 50).unwrap();
    fails(full.write_all_at(&[1; 100], 100), ENOSPC);
    full.write_all_at(&[1; 100], 100).unwrap();
    fails(fs::create_dir(live.join("made")), EROFS);
    fails(File::create(live.join("made")).map(drop), EROFS);

    let switch = Switch::new(&live.join("../switch"));
    switch.set(&rules("full sync 0 * EIO\nfull write 0 1 short").unwrap()).unwrap();
    fails(full.sync_all(), EIO);
    assert_eq!(full.write_at(&[2; 10_000], 0).unwrap(), 4096);
    switch.clear().unwrap();
    full.sync_all().unwrap();
    assert_eq!(full.write_at(&[2; 10_000], 0).unwrap(), 10_000);

    let full = File::open(live.join("full")).unwrap();
    switch.set(&rules("full read 0 2 EIO\nfull read 2 1 short").unwrap()).unwrap();
    let mut bytes = [0; 10];
    fails(full.read_at(&mut bytes, 0).map(drop), EIO);
    fails((&full).read(&mut bytes).map(drop), EIO);
    assert_eq!(full.read_at(&mut bytes, 9_000).unwrap(), 5);
    assert_eq!((&full).read(&mut bytes).unwrap(), 10);
    assert_eq!(bytes, [2; 10]);
}

const LIVE: &str = "DAYSTAR_TEST_LIVE";
/// Linux's numbers.
const O_DSYNC: i32 = 0o10_000;
const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;
