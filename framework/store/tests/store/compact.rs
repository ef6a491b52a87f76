//! A world is written anew without its holes: smaller, and otherwise the same. Whatever happens in the middle, it is a
//! whole world, and nobody else's files or moments are pulled from under them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use daystar_model::store::{Store, StoreError};
use daystar_store::lmdb::{Compacted, compact};
use daystar_store::{Moment, Options};

use crate::backup::{look, mixed_world};
use crate::support::*;

fn compacted(path: &std::path::Path) -> Result<Compacted, StoreError> {
    compact(path, Options::default(), &mut |_, _, _| {})
}

#[test]
fn it_shrinks_and_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let store = open(path);
    let large = |n| put(Thing { text: "x".repeat(2000), ..thing(n) });
    store.apply(&batch(1, (1..=3000).map(|n| (object(n), large(n))).collect())).unwrap();
    store.checkpoint().unwrap();
    store.apply(&batch(2, (1..=2900).map(|n| (object(n), None)).collect())).unwrap();
    store.checkpoint().unwrap();
    store.apply(&batch(3, vec![(object(2950), None), (object(3001), put(thing(3001)))])).unwrap();
    let before = scan_all(&store);
    drop(store);

    let outcome = compacted(path).unwrap();
    assert_eq!(outcome.objects, 100);
    assert!(outcome.bytes_after * 5 < outcome.bytes_before, "{outcome:?}");
    let bytes = |kind| fs::metadata(path.join(kind).join("data.mdb")).unwrap().len();
    assert_eq!(bytes("objects") + bytes("journal"), outcome.bytes_after);
    assert!(!path.join("compacting").exists());

    let store = open(path);
    assert_eq!(scan_all(&store), before);
    assert_eq!(store.status().journal_bytes, 0);
    store.apply(&batch(4, vec![(object(1), put(thing(1)))])).unwrap();
    store.checkpoint().unwrap();
    drop(store);
    assert_eq!(load(&open(path), object(1)), Some((4, thing(1))));
    // Again, of what is compact already.
    assert_eq!(compacted(path).unwrap().objects, 101);
}

#[test]
fn damage_is_refused_and_the_world_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    mixed_world(folder.path());
    tamper(folder.path(), |txn, objects, _| {
        let mut bytes = objects.get(txn, &key(object(77))).unwrap().unwrap().to_vec();
        bytes[30] ^= 4;
        objects.put(txn, &key(object(77)), &bytes).unwrap();
    });
    let file = folder.path().join("objects/data.mdb");
    let before = fs::read(&file).unwrap();
    let error = compacted(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Record { id, .. } if id == object(77)), "{error}");
    assert_eq!(fs::read(&file).unwrap(), before);
    assert!(!folder.path().join("compacting").exists());
}

#[test]
fn where_there_is_no_world_nothing_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let error = compacted(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::NoWorld { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// LMDB's numbers are shared by all that have the file open, so that the file must not change meanwhile.
#[test]
fn who_looks_at_the_world_keeps_it_from_being_compacted() {
    let folder = tempfile::tempdir().unwrap();
    mixed_world(folder.path());
    let mut looker = child("compact::child_that_looks", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let told = BufReader::new(looker.stdout.take().unwrap());
    let mut told = told.lines().map(Result::unwrap).skip_while(|line| line != "looking");
    told.next().expect("the child failed");
    let error = compacted(folder.path()).unwrap_err().to_string();
    assert!(error.contains("another process looks at it"), "{error}");
    // A server may come, though.
    open(folder.path()).apply(&batch(3, vec![(object(1), None)])).unwrap();
    looker.stdin.take().unwrap().write_all(b"enough\n").unwrap();
    assert_eq!(told.next().as_deref(), Some("1001"), "the moment that it looked at");
    assert!(looker.wait().unwrap().success());
    assert_eq!(compacted(folder.path()).unwrap().objects, 1000);
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_looks() {
    let Some(folder) = child_folder() else { return };
    let moment = Moment::open(folder, Options::default()).unwrap();
    println!("\nlooking");
    std::io::stdin().lines().next().unwrap().unwrap();
    println!("{}", scan_all(&moment).len());
}

#[test]
fn what_a_killed_compaction_has_left_goes_with_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    mixed_world(folder.path());
    let left = folder.path().join("compacting/objects");
    fs::create_dir_all(&left).unwrap();
    fs::write(left.join("data.mdb"), "half of it").unwrap();
    assert_eq!(scan_all(&look(folder.path())).len(), 1001, "a look leaves it alone");
    assert!(left.exists());
    assert_eq!(scan_all(&open(folder.path())).len(), 1001);
    assert!(!folder.path().join("compacting").exists());
}

/// Kills a compaction when it passes `point` for the `time`th time, and returns the world that it left.
#[cfg(feature = "breaks")]
fn after_death_at(point: &str, time: u32, is_broken: bool) -> Vec<(u64, Thing)> {
    let folder = tempfile::tempdir().unwrap();
    mixed_world(folder.path());
    let mut process = child("compact::child_that_compacts", folder.path());
    if is_broken {
        process.env("DAYSTAR_TEST_JOURNAL_FIRST", "1");
    }
    process.env("DAYSTAR_DIE_AT", format!("{point}:{time}"));
    let status = process.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(!status.success(), "it was not killed at {point}");
    assert!(folder.path().join("compacting").exists(), "there is nothing to tidy up");
    let found = scan_all(&look(folder.path()));
    let store = open(folder.path());
    assert_eq!(scan_all(&store), found);
    assert!(!folder.path().join("compacting").exists());
    drop(store);
    compacted(folder.path()).unwrap();
    assert_eq!(scan_all(&open(folder.path())), found);
    found.into_iter().map(|(id, _, thing)| (id.index(), thing)).collect()
}

#[test]
#[cfg(feature = "breaks")]
fn it_may_die_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    mixed_world(folder.path());
    let whole: Vec<_> =
        scan_all(&open(folder.path())).into_iter().map(|(id, _, t)| (id.index(), t)).collect();
    for (point, time) in
        [("inside-copy", 1), ("after-copy", 1), ("after-replacing", 1), ("after-replacing", 2)]
    {
        assert!(after_death_at(point, time, false) == whole, "dead at {point}:{time}");
    }
    // Seen to fail: in the other order there is a moment in which nobody has what only the journal had.
    let broken = std::panic::catch_unwind(|| after_death_at("after-replacing", 1, true));
    assert!(broken.is_err(), "the break was not noticed");
}

#[test]
#[cfg(unix)]
fn without_room_the_world_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    mixed_world(folder.path());
    let before = scan_all(&open(folder.path()));
    let told = limited(child("compact::child_that_compacts", folder.path()), 192);
    assert!(told.contains("ulimit -f"), "{told}");
    assert!(!folder.path().join("compacting").exists());
    assert_eq!(scan_all(&open(folder.path())), before);
}

#[test]
#[ignore = "run by another test, as a process to be killed or without room"]
fn child_that_compacts() {
    let Some(folder) = child_folder() else { return };
    #[cfg_attr(not(feature = "breaks"), expect(unused_mut, reason = "nothing to be broken"))]
    let mut options = Options::default();
    #[cfg(feature = "breaks")]
    {
        options.breaks.journal_first = std::env::var_os("DAYSTAR_TEST_JOURNAL_FIRST").is_some();
    }
    if let Err(error) = compact(folder, options, &mut |_, _, _| {}) {
        println!("\n{error}");
    }
}
