//! The journal grows no longer than it may. Batches wait for a checkpoint that is slow, and are refused, with the cause, when
//! none can be made; when one can be made again, they are taken again.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use daystar_model::store::{Batch, Store, StoreError};
use daystar_store::{LmdbStore, Options};

use crate::support::*;

fn options() -> Options {
    Options {
        checkpoint_bytes: JOURNAL_BYTES_MAX / 2,
        journal_bytes_max: JOURNAL_BYTES_MAX,
        ..Options::default()
    }
}

const JOURNAL_BYTES_MAX: u64 = 1 << 20;
/// More than a batch has.
const BATCH_BYTES_MAX: u64 = 110_000;

/// Batch `n` adds an object of 100,000 bytes.
fn nth(n: u64) -> Batch {
    batch(n, vec![(object(n), put(large(n)))])
}

fn large(n: u64) -> Thing {
    Thing { number: n, text: "x".repeat(100_000), list: vec![] }
}

fn assert_holds_exactly(store: &LmdbStore, last: u64) {
    let found = scan_all(store);
    assert_eq!(store.last_commit().unwrap().0, last);
    assert!(found.into_iter().eq((1..=last).map(|n| (object(n), n, large(n)))));
    assert!((1..=last).all(|n| load(store, object(n)) == Some((n, large(n)))));
}

/// The checkpoint waits because another process has the objects locked, and as long as it waits, so do the batches.
#[test]
fn batches_wait_for_a_slow_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let store = LmdbStore::open(folder.path(), options()).unwrap();
    let mut holder = child("room::child_that_locks_the_objects", folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let told = &mut BufReader::new(holder.stdout.take().unwrap());
    told.lines().map(Result::unwrap).find(|line| line == "locked").expect("the child failed");

    let applied = AtomicU64::new(0);
    // Closing it unlocks the objects, also when something fails here: or the batches would wait for ever.
    let lock = holder.stdin.take();
    thread::scope(|scope| {
        let lock = lock;
        let writer = scope.spawn(|| {
            for n in 1..=BATCHES {
                store.apply(&nth(n)).unwrap();
                applied.store(n, Ordering::SeqCst);
            }
        });
        while store.status().journal_bytes < JOURNAL_BYTES_MAX {
            assert!(!writer.is_finished(), "the writer did not get as far as to wait");
            thread::sleep(Duration::from_millis(1));
        }
        // The writer has every opportunity to go on, and must not.
        thread::sleep(Duration::from_millis(300));
        let status = store.status();
        assert!(status.journal_bytes < JOURNAL_BYTES_MAX + BATCH_BYTES_MAX, "{status:?}");
        assert_eq!(status.checkpoint_failure, None);
        let waits_at = applied.load(Ordering::SeqCst);
        assert!(waits_at < BATCHES / 2, "nothing waited");
        assert_eq!(store.last_commit().unwrap().0, waits_at);
        assert!((1..=waits_at).all(|n| load(&store, object(n)) == Some((n, large(n)))));
        drop(lock);
        // And now it goes on, and never has more than it may.
        while !writer.is_finished() {
            assert!(store.status().journal_bytes < JOURNAL_BYTES_MAX + BATCH_BYTES_MAX);
            thread::yield_now();
        }
    });
    assert!(holder.wait().unwrap().success());
    assert_holds_exactly(&store, BATCHES);
}

const BATCHES: u64 = 60;

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_locks_the_objects() {
    let Some(folder) = child_folder() else { return };
    lock_objects(&folder, || {
        println!("\nlocked");
        std::io::stdout().flush().unwrap();
        // Until the other side closes it, or dies.
        std::io::stdin().read_line(&mut String::new()).unwrap();
    });
}

/// Applies batches until one is refused; its number and the refusal.
fn fill(store: &LmdbStore) -> (u64, StoreError) {
    let first = store.last_commit().unwrap().0 + 1;
    (first..first + 10_000)
        .find_map(|n| store.apply(&nth(n)).err().map(|error| (n, error)))
        .expect("nothing was refused")
}

/// The objects may grow no further. Then the journal fills up, and batches are refused with that cause; all that was
/// taken is there, and a larger world goes on.
#[test]
fn a_batch_is_refused_with_the_cause_when_no_checkpoint_can_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let small = Options { map_bytes_max: 6 << 20, ..options() };
    let store = LmdbStore::open(folder.path(), small).unwrap();
    let (refused, error) = fill(&store);
    let text = error.to_string();
    assert!(text.contains("make room in the journal") && text.contains("map_bytes_max"), "{text}");
    let status = store.status();
    assert!(status.checkpoint_failure.is_some_and(|cause| cause.contains("map_bytes_max")));
    assert!(status.journal_bytes >= JOURNAL_BYTES_MAX);
    assert_holds_exactly(&store, refused - 1);
    assert!(store.apply(&nth(refused)).is_err(), "there is still no room");
    assert!(store.checkpoint().unwrap_err().to_string().contains("map_bytes_max"));
    assert_holds_exactly(&store, refused - 1);
    drop(store);

    let store = LmdbStore::open(folder.path(), options()).unwrap();
    assert_holds_exactly(&store, refused - 1);
    store.apply(&nth(refused)).unwrap();
    store.checkpoint().unwrap();
    assert_holds_exactly(&store, refused);
}

/// The file of the objects cannot grow, as on a disk that is full; then it can again, and the same store in the same
/// process takes the same batch, without anybody having done anything to it.
#[test]
#[cfg(target_os = "linux")]
fn a_refused_batch_is_taken_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let test = child("room::child_that_gets_room_again", folder.path());
    let mut limited = std::process::Command::new("sh");
    limited
        // The signal ignored, the write fails instead. The limit is soft, so that the process may raise it.
        .args(["-c", "trap '' XFSZ; ulimit -S -f 12288; exec \"$0\" \"$@\""])
        .arg(test.get_program())
        .args(test.get_args())
        .envs(test.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    let last = told.lines().find_map(|line| line.strip_prefix("stored ")).expect(&told);
    assert_holds_exactly(&open(folder.path()), last.parse().unwrap());
}

#[test]
#[ignore = "run by another test, as a process with a limit"]
fn child_that_gets_room_again() {
    let Some(folder) = child_folder() else { return };
    let store = LmdbStore::open(&folder, options()).unwrap();
    let (refused, error) = fill(&store);
    let text = error.to_string();
    assert!(text.contains("make room in the journal") && text.contains("ulimit -f"), "{text}");
    assert_holds_exactly(&store, refused - 1);
    assert!(store.apply(&nth(refused)).is_err(), "there is still no room");
    assert_holds_exactly(&store, refused - 1);

    let own = std::process::id().to_string();
    let raised =
        std::process::Command::new("prlimit").args(["--pid", &own, "--fsize=unlimited"]).status();
    assert!(raised.unwrap().success());
    let tries = (0..600).take_while(|_| {
        let is_refused = store.apply(&nth(refused)).is_err();
        if is_refused {
            thread::sleep(Duration::from_millis(50));
        }
        is_refused
    });
    assert!(tries.count() < 600, "the batch is still refused: {:?}", store.status());
    (refused + 1..refused + 30).for_each(|n| store.apply(&nth(n)).unwrap());
    assert_eq!(store.status().checkpoint_failure, None);
    assert_holds_exactly(&store, refused + 29);
    println!("\nstored {}", refused + 29);
}
