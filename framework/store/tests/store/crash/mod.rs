//! The process is killed while it writes, with epochs, checkpoints and cuts under way: at a random moment, or at each of
//! the named points before, inside and after everything that is written. Then the world must open, hold everything
//! that was acknowledged, and be exactly what it was after some batch: never a part of one. The next writer
//! goes on from there.
//!
//! `DAYSTAR_CRASH_ROUNDS` sets how many writers are killed; 50 if it is not set. With `--nocapture` it is printed how
//! often each point was reached.

mod breaks;
mod ledger;
mod writer;

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;
use std::thread;
use std::time::Duration;

use self::writer::{End, Writer};

/// Every fail point, and up to how many passes of it are waited for.
const POINTS: [(&str, u64); 9] = [
    ("before-epoch", 30),
    ("inside-epoch", 30),
    ("after-epoch", 30),
    ("before-checkpoint", 6),
    ("inside-checkpoint", 3),
    ("after-checkpoint", 6),
    ("before-cut", 8),
    ("inside-cut", 5),
    ("after-cut", 8),
];

#[test]
fn a_killed_writer_leaves_a_whole_prefix() {
    let rounds = match std::env::var("DAYSTAR_CRASH_ROUNDS") {
        Ok(rounds) => rounds.parse().expect("DAYSTAR_CRASH_ROUNDS must be a number"),
        Err(_) => 50,
    };
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world");
    let mut stored = 0;
    let mut reached: BTreeMap<&str, u64> = BTreeMap::new();
    let mut largest = 0;
    for round in 0..rounds {
        // Every third at a random moment, the others at each point in turn.
        let (point, (end, acknowledged)) = match round % 3 {
            0 => ("a random moment", at_random(&world, stored)),
            _ => at_point(&world, stored, POINTS[(round - round / 3 - 1) % POINTS.len()]),
        };
        let wanted = if round % 3 == 0 { End::Killed } else { End::AtPoint };
        assert_eq!(end, wanted, "round {round}: {point}");
        *reached.entry(point).or_default() += 1;
        stored = ledger::check(&world, acknowledged)
            .unwrap_or_else(|wrong| panic!("round {round}, killed at {point}: {wrong}"));
        largest = largest.max(journal_bytes(&world));
        assert!(largest < JOURNAL_FILE_BYTES_MAX, "round {round}: {largest} bytes");
    }
    println!(
        "{rounds} writers killed, {stored} batches; the journal's file had {largest} bytes at most"
    );
    reached.iter().for_each(|(point, times)| println!("{times:6} at {point}"));
    assert!(rounds < 30 || reached.len() == POINTS.len() + 1, "some point was never tried");
}

/// Some are killed at once, while they start or make the world.
fn at_random(world: &Path, stored: u64) -> (End, u64) {
    let mut writer = Writer::start(world, stored, "", "");
    let let_live = random_below(60).saturating_sub(5);
    while writer.acknowledged < stored + let_live {
        assert!(writer.goes_on(), "the writer ended by itself");
    }
    thread::sleep(Duration::from_micros(random_below(20_000)));
    writer.kill()
}

fn at_point(
    world: &Path,
    stored: u64,
    (point, passes_max): (&'static str, u64),
) -> (&'static str, (End, u64)) {
    let die_at = format!("{point}:{}", 1 + random_below(passes_max));
    let mut writer = Writer::start(world, stored, &die_at, "");
    while writer.goes_on() {
        assert!(writer.acknowledged < stored + 1000, "{die_at} was never reached");
    }
    (point, writer.end())
}

fn journal_bytes(world: &Path) -> u64 {
    fs::metadata(world.join("journal/data.mdb")).unwrap().len()
}

fn random_below(bound: u64) -> u64 {
    RandomState::new().build_hasher().finish() % bound
}

/// However long this goes on: what the journal may be long, and as much again for each that a checkpoint and a reader
/// keep from being used again, and for the holes between epochs of different lengths.
const JOURNAL_FILE_BYTES_MAX: u64 = 8 * writer::JOURNAL_BYTES_MAX;
