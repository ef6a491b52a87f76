//! A copy is the world as it was at one moment, whatever goes on meanwhile, and is a world itself. A copy that was not
//! finished is none, and nobody takes it for one.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use daystar_model::ids::CommitNumber;
use daystar_model::store::{Batch, Store, StoreError};
use daystar_store::lmdb::Step;
use daystar_store::{LmdbStore, Moment, Options, lmdb};

use crate::support::*;

/// Some objects that a checkpoint has written, some that only the journal has, changed and removed ones among them.
pub(crate) fn mixed_world(path: &Path) {
    let store = open(path);
    let changes = (1..=2000).map(|n| (object(n), put(thing(n)))).collect();
    store.apply(&Batch { next_index: 2001, ..batch(1, changes) }).unwrap();
    store.checkpoint().unwrap();
    let changed = (1..=500).map(|n| (object(n), put(thing(n + 7))));
    let removed = (501..=1500).map(|n| (object(n), None));
    let changes = changed.chain(removed).chain([(object(3000), put(thing(3000)))]).collect();
    store.apply(&Batch { next_index: 3001, ..batch(2, changes) }).unwrap();
}

pub(crate) fn look(path: &Path) -> Moment {
    Moment::open(path, Options::default()).unwrap()
}

#[test]
fn a_copy_is_the_same_world_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("a/b/to"));
    mixed_world(&from);
    let before = scan_all(&open(&from));
    let mut told = Vec::new();
    let copied =
        look(&from).copy_to(&to, &mut |step, done, all| told.push((step, done, all))).unwrap();
    assert_eq!((copied.objects, copied.damaged), (1001, 0));
    assert!(copied.bytes > 1001 * 22, "{copied:?}");
    let copied = [(Step::Copying, 1001, 1001)];
    let compared = [0, 1000, 1001].map(|done| (Step::Comparing, done, 1001));
    assert_eq!(told, [&copied[..], &compared].concat());

    assert_eq!(look(&to).types().collect::<Vec<_>>(), [("Thing", 1)]);
    let store = open(&to);
    assert_eq!(store.status().journal_bytes, 0);
    assert_eq!(store.last_commit().unwrap(), CommitNumber(2));
    assert_eq!(store.next_index().unwrap(), 3001);
    assert_eq!(scan_all(&store), before);
    store.apply(&batch(3, vec![(object(1), put(thing(1)))])).unwrap();
    assert_eq!(load(&store, object(1)), Some((3, thing(1))));
    assert_eq!(scan_all(&open(&from)), before, "the world that was copied");
}

#[test]
fn a_copy_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    mixed_world(&from);
    open(&to).apply(&batch(1, vec![(object(1), put(thing(1)))])).unwrap();
    let refused = |to: &Path| {
        let free = lmdb::check_free(to).unwrap_err().to_string();
        let copied = look(&from).copy_to(to, &mut |_, _, _| {}).unwrap_err();
        assert_eq!(copied.to_string(), free);
        copied
    };
    for to in [&to, &from] {
        let error = refused(to);
        assert!(matches!(error, StoreError::Occupied { .. }), "{error}");
        assert!(error.to_string().contains("empty or a new folder"), "{error}");
    }
    assert_eq!(scan_all(&open(&to)).len(), 1);

    let strange = folder.path().join("strange");
    fs::create_dir(&strange).unwrap();
    fs::write(strange.join("thesis.txt"), "twenty years").unwrap();
    assert!(matches!(refused(&strange), StoreError::Foreign { .. }));
    assert_eq!(fs::read_dir(&strange).unwrap().count(), 1);
}

#[test]
fn where_there_is_no_world_nobody_looks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for path in [&folder.path().join("none"), &file, &empty] {
        let error = Moment::open(path, Options::default()).err().unwrap();
        assert!(matches!(error, StoreError::NoWorld { .. }), "{error}");
        assert!(error.to_string().contains("serve --data"), "{error}");
    }
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0, "something was left there");
}

#[test]
fn damage_is_copied_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    mixed_world(&from);
    tamper(&from, |txn, objects, _| {
        for n in 1..=300 {
            let mut bytes = objects.get(txn, &key(object(n))).unwrap().unwrap().to_vec();
            bytes[30] ^= 4;
            objects.put(txn, &key(object(n)), &bytes).unwrap();
        }
    });
    let copied = look(&from).copy_to(&to, &mut |_, _, _| {}).unwrap();
    assert_eq!((copied.objects, copied.damaged, copied.damages.len()), (1001, 300, 100));
    let first = copied.damages.first().unwrap();
    assert!(matches!(first, StoreError::Record { id, .. } if *id == object(1)), "{first}");
    let store = open(&to);
    assert!(store.load(object(300)).is_err());
    assert_eq!(load(&store, object(301)), Some((2, thing(308))));
}

/// Another process makes checkpoints all the time, and its files grow: every look at it must succeed, and every copy be
/// what the world was after some batch that was acknowledged when the look began, or a later one.
#[test]
fn a_copy_of_a_world_that_is_written_to_is_one_moment_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world");
    let mut writer = Writer::start(&world);
    let mut seen = 0;
    for round in 0..12 {
        let acknowledged = writer.acknowledged_beyond(seen + 20);
        for _ in 0..40 {
            assert!(look(&world).last_commit().unwrap() >= CommitNumber(acknowledged));
        }
        let to = folder.path().join(format!("copy {round}"));
        look(&world).copy_to(&to, &mut |_, _, _| {}).unwrap();
        let copy = open(&to);
        let last = copy.last_commit().unwrap().0;
        assert!(last >= acknowledged, "{last}, and {acknowledged} was acknowledged before");
        assert_eq!(scan_all(&copy), world_after(last), "round {round}");
        assert!(last > seen, "the writer stands still");
        seen = last;
    }
    // Refused, not half-way in.
    let compacted = lmdb::compact(&world, Options::default(), &mut |_, _, _| {});
    assert!(matches!(compacted, Err(StoreError::InUse { .. })), "{compacted:?}");
}

/// Batch `n` changes these, all of them.
const MARKED: u64 = 24;

fn nth(n: u64) -> Batch {
    let text = "m".repeat((n * 397 % 3000) as usize);
    let marked = (0..MARKED)
        .map(|at| (object(at), put(Thing { number: n, text: text.clone(), list: vec![] })));
    batch(n, marked.chain([(object(1000 + n), put(thing(n)))]).collect())
}

fn world_after(n: u64) -> Vec<(daystar_model::ids::ObjectId, u64, Thing)> {
    let text = "m".repeat((n * 397 % 3000) as usize);
    let marked = (0..MARKED)
        .map(|at| (object(at), n, Thing { number: n, text: text.clone(), list: vec![] }));
    marked.chain((1..=n).map(|i| (object(1000 + i), i, thing(i)))).collect()
}

/// A process that applies batches as fast as it can.
struct Writer {
    process: Child,
    told: BufReader<ChildStdout>,
}

impl Writer {
    fn start(world: &Path) -> Self {
        let mut process =
            child("backup::child_that_writes", world).stdout(Stdio::piped()).spawn().unwrap();
        let told = BufReader::new(process.stdout.take().unwrap());
        Self { process, told }
    }

    /// The first batch beyond `n` that it says was acknowledged.
    fn acknowledged_beyond(&mut self, n: u64) -> u64 {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.told.read_line(&mut line).unwrap() > 0, "the writer ended by itself");
            let number =
                line.strip_prefix("acknowledged ").and_then(|text| text.trim().parse().ok());
            if let Some(number) = number.filter(|number| *number > n) {
                return number;
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[test]
#[ignore = "run by another test, as a process to be killed"]
fn child_that_writes() {
    let Some(world) = child_folder() else { return };
    let options = Options { checkpoint_bytes: 200 << 10, ..Options::default() };
    let store = LmdbStore::open(&world, options).unwrap();
    println!();
    for n in 1.. {
        store.apply(&nth(n)).unwrap();
        println!("acknowledged {n}");
    }
}

#[test]
#[ignore = "run by another test, as a process to be killed or without room"]
fn child_that_copies() {
    let Some(folder) = child_folder() else { return };
    if let Err(error) = look(&folder.join("from")).copy_to(folder.join("to"), &mut |_, _, _| {}) {
        println!("\n{error}");
    }
}

/// Neither is it a world, nor is an empty one begun in its place.
#[test]
#[cfg(feature = "breaks")]
fn a_copy_that_was_killed_is_not_taken_for_a_world() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    mixed_world(&from);
    let status = child("backup::child_that_copies", folder.path())
        .env("DAYSTAR_DIE_AT", "inside-copy")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(!status.unwrap().success(), "it was not killed");
    for error in [refusal(&to), Moment::open(&to, Options::default()).err().unwrap()] {
        assert!(matches!(error, StoreError::HalfCopied { .. }), "{error}");
        assert!(error.to_string().contains("make the copy again"), "{error}");
    }
    look(&from).copy_to(&to, &mut |_, _, _| {}).unwrap();
    assert_eq!(scan_all(&open(&to)), scan_all(&open(&from)));
}

#[test]
#[cfg(unix)]
fn a_copy_without_room_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (folder.path().join("from"), folder.path().join("to"));
    mixed_world(&from);
    let told = limited(child("backup::child_that_copies", folder.path()), 192);
    assert!(told.contains("ulimit -f"), "{told}");
    let left: Vec<_> = fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["DAYSTAR.lock"]);
    look(&from).copy_to(&to, &mut |_, _, _| {}).unwrap();
}
