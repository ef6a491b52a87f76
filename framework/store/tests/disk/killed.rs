//! The process is killed in the middle of a call to the disk: before it, when half of a write is out, after it. Unlike a
//! power cut this loses nothing that was written, synced or not.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};

use daystar_model::store::Store;
use daystar_store::{Breaks, LmdbStore, Moment, Options};

use crate::process::{child, folder, is_child, path};
use crate::recording::{Recording, acknowledged};
use crate::story::{Story, contents};
use crate::writer::options;

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

/// Another process has a moment of the world open, so that LMDB's lock file outlives the writer that is killed. Between its
/// meta page and that file, the two say different things about which commit is the last.
#[test]
fn killed_in_a_meta_page_while_another_process_looks() {
    for file in ["journal", "objects"] {
        for nth in [1, 2, 5] {
            let rule = format!("{file}/data.mdb write-synced {nth} 1 kill-after");
            let kept = goes_on_beside_a_looker(&rule, Breaks::default());
            assert_eq!(kept, Ok(()), "{rule}");
        }
    }
}

/// The same, but LMDB is read before it has found out what the last writer did.
#[test]
fn a_store_that_believes_the_lock_file_is_caught() {
    let unsettled = Breaks { unsettled: true, ..Breaks::default() };
    let rules = [1, 2, 5].map(|nth| format!("journal/data.mdb write-synced {nth} 1 kill-after"));
    // Whether the looker has read in the wrong moment differs from run to run.
    let mut tries = (0..TRIES).flat_map(|_| &rules);
    let noticed = tries.find_map(|rule| goes_on_beside_a_looker(rule, unsettled).err());
    println!("{}", noticed.expect("it was not noticed"));
}

const TRIES: usize = 8;

/// Kills a writer by `rule` while another process looks at its world. Then a store with these `breaks` goes on, and
/// everything that it or the writer acknowledged must be there for the next.
fn goes_on_beside_a_looker(rule: &str, breaks: Breaks) -> Result<(), String> {
    let (folder, story) = (folder(), Story(6));
    let recording = Recording::prepare(story, folder.path(), 0);
    let world = recording.live().join("world");
    let store = LmdbStore::open(&world, options()).unwrap();
    (1..=MADE).for_each(|n| store.apply(&story.batch(n)).unwrap());
    drop(store);

    let mut looker = Looker::start(&world);
    let status = recording.writer(BATCHES, &[rule.parse().unwrap()]).output().unwrap().status;
    assert_eq!(status.signal(), Some(SIGKILL), "{rule}: it was not killed");
    let told = recording.log().iter().filter_map(acknowledged).next_back().unwrap_or(MADE);

    let failed = |error| format!("{error}");
    let store = LmdbStore::open(&world, Options { breaks, ..options() }).map_err(failed)?;
    let found = store.last_commit().map_err(failed)?.0;
    let is_kept = |store: &LmdbStore, n| match contents(store) {
        Ok(world) if world == story.world(n) => Ok(()),
        other => Err(format!("it is not the world after batch {n}: {:?}", other.map(drop))),
    };
    if found != told && found != told + 1 {
        return Err(format!("batch {told} was acknowledged, and it is at {found}"));
    }
    for n in found + 1..=found + 3 {
        store.apply(&story.batch(n)).map_err(failed)?;
        is_kept(&store, n)?;
    }
    store.checkpoint().map_err(failed)?;
    drop(store);
    for _ in 0..2 {
        // First beside the other process, then after it.
        let store = LmdbStore::open(&world, options()).map_err(failed)?;
        is_kept(&store, found + 3)?;
        drop(store);
        looker.end();
    }
    Ok(())
}

/// A process that has a moment of a world open until it is told to end.
struct Looker {
    process: Child,
    // Kept open: what the process says at its end goes nowhere, and must not fail.
    _told: BufReader<ChildStdout>,
}

impl Looker {
    fn start(world: &Path) -> Self {
        let mut process = child("killed::child_that_looks")
            .env(WORLD, world)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut told = BufReader::new(process.stdout.take().unwrap());
        let looks = told.by_ref().lines().map(Result::unwrap).any(|line| line == "looks");
        assert!(looks, "the child failed");
        Self { process, _told: told }
    }

    fn end(&mut self) {
        drop(self.process.stdin.take());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Looker {
    fn drop(&mut self) {
        // It ends when nobody holds the other side any more.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_looks() {
    if !is_child() {
        return;
    }
    let moment = Moment::open(path(WORLD).unwrap(), Options::default()).unwrap();
    assert!(contents(&moment).unwrap() == Story(6).world(MADE));
    let mut out = std::io::stdout();
    out.write_all(b"\nlooks\n").unwrap();
    out.flush().unwrap();
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    assert!(contents(&moment).unwrap() == Story(6).world(MADE));
}

const BATCHES: u64 = 20;
/// How many batches there are before somebody looks.
const MADE: u64 = 4;
const WORLD: &str = "DAYSTAR_TEST_WORLD";
const SIGKILL: i32 = 9;
