//! The process is killed while it writes. A child applies numbered batches as fast as it can, and tells each one that
//! was acknowledged; it is killed (SIGKILL) at a random moment. Then the world must open, hold everything that was
//! acknowledged, and be exactly what it was after some batch: never a part of one. The next child goes on
//! from there.
//!
//! `DAYSTAR_CRASH_ROUNDS` sets how many children are killed; 20 if it is not set.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use daystar_model::ids::{CommitNumber, ObjectId};
use daystar_model::store::{Batch, Store};

use crate::support::*;

/// These carry the number of the last batch, all of them.
const MARKED: u64 = 24;
/// And as many of the newest batches have left an object of their own.
const TRAIL: u64 = 30;

fn marked(n: u64, at: u64) -> Thing {
    // From sharing a page to having several, and never the same size twice in a row.
    Thing { number: n, text: "m".repeat((n * 37 + at * 911) as usize % 6000), list: vec![] }
}

fn nth(n: u64) -> Batch {
    let mut changes: Vec<_> = (0..MARKED).map(|at| (object(at), put(marked(n, at)))).collect();
    changes.push((object(1000 + n), put(thing(n))));
    if n > TRAIL {
        changes.push((object(1000 + n - TRAIL), None));
    }
    Batch { next_index: 1000 + n + 1, ..batch(n, changes) }
}

fn world_after(n: u64) -> Vec<(ObjectId, u64, Thing)> {
    let marked = (0..MARKED).filter(|_| n > 0).map(|at| (object(at), n, marked(n, at)));
    let trail = (n.saturating_sub(TRAIL) + 1..=n).map(|i| (object(1000 + i), i, thing(i)));
    marked.chain(trail).collect()
}

#[test]
fn a_killed_writer_leaves_a_whole_prefix() {
    let rounds = match std::env::var("DAYSTAR_CRASH_ROUNDS") {
        Ok(rounds) => rounds.parse().expect("DAYSTAR_CRASH_ROUNDS must be a number"),
        Err(_) => 20,
    };
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world");
    let mut stored = 0;
    for round in 0..rounds {
        let mut writer =
            child("crash::child_that_writes", &world).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = BufReader::new(writer.stdout.take().unwrap());
        let mut acknowledged = stored;
        // Some are killed at once, while they start or make the world.
        let let_live = random_below(60).saturating_sub(5);
        while acknowledged < stored + let_live {
            acknowledged = next_acknowledged(&mut told).expect("the writer ended by itself");
        }
        thread::sleep(Duration::from_micros(random_below(6000)));
        writer.kill().unwrap();
        assert!(!writer.wait().unwrap().success(), "the writer ended by itself");
        while let Some(last) = next_acknowledged(&mut told) {
            acknowledged = last;
        }

        let store = open(&world);
        let last = store.last_commit().unwrap().0;
        assert!(
            last == acknowledged || last == acknowledged + 1,
            "round {round}: batch {acknowledged} was acknowledged and the world is at {last}"
        );
        assert_eq!(scan_all(&store), world_after(last), "round {round}");
        assert_eq!(store.next_index().unwrap(), if last == 0 { 1 } else { 1000 + last + 1 });
        stored = last;
    }
    assert!(rounds < 20 || stored > 0, "no writer ever got anywhere");
}

#[test]
#[ignore = "run by another test, as a process to be killed"]
fn child_that_writes() {
    let Some(world) = child_folder() else { return };
    let store = open(&world);
    let CommitNumber(mut n) = store.last_commit().unwrap();
    let mut out = std::io::stdout().lock();
    loop {
        n += 1;
        store.apply(&nth(n)).unwrap();
        out.write_all(format!("\nacknowledged {n}\n").as_bytes()).unwrap();
        out.flush().unwrap();
    }
}

/// The next batch that the child tells of; `None` when it tells nothing more. A line that was cut off when the
/// child was killed does not count.
fn next_acknowledged(told: &mut impl BufRead) -> Option<u64> {
    let mut line = String::new();
    while told.read_line(&mut line).unwrap() > 0 {
        if let Some(n) = line.strip_suffix('\n').and_then(|l| l.strip_prefix("acknowledged ")) {
            return Some(n.parse().unwrap());
        }
        line.clear();
    }
    None
}

fn random_below(bound: u64) -> u64 {
    RandomState::new().build_hasher().finish() % bound
}
