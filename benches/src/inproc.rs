//! One read and one write of two of 100,000 objects, against a hand-written table with a lock per object.
//!
//! The baseline is what a programmer would write first: a dashmap of `Arc<Mutex<Player>>`. It locks one player, reads
//! its gold, unlocks it, and then does the same to change another. Nothing holds the two together, nothing is rolled
//! back, and nobody could replay it: it is the price list without the guarantees. The subject does both in one task.
//!
//! Read the ratio: how much of the speed is left once there are guarantees. The value says the same in tasks per
//! second, and depends on the machine. Threads beyond two are measured where there are cores for them, and are only
//! printed.

use std::hint::black_box;
use std::sync::Arc;

use dashmap::DashMap;
use parking_lot::Mutex;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::harness::{Harness, Wanted};
use crate::load::{named, rate, thread_counts};
use crate::world::{Player, engine_with_players, run as run_task};

const OBJECTS: usize = 100_000;

pub(crate) fn run(harness: &mut Harness) {
    let (engine, ids) = engine_with_players(OBJECTS);
    let table = table_with_players(OBJECTS);
    let by_hand = |rng: &mut Pcg64Mcg| {
        let (seen, changed) = two_of(rng, OBJECTS);
        let gold = player(&table, seen).map_or(0, |player| player.lock().gold);
        if let Some(player) = player(&table, changed) {
            player.lock().gold += black_box(gold) & 1;
        }
    };
    let in_a_task = |rng: &mut Pcg64Mcg| {
        let (seen, changed) = two_of(rng, OBJECTS);
        run_task(&engine, |attempt| {
            let gold = attempt.get::<Player>(ids[seen])?.gold;
            attempt.get_mut::<Player>(ids[changed])?.gold += black_box(gold) & 1;
            Ok(())
        });
    };
    let counts = thread_counts();
    harness.plan(2 * counts.len() as u32);
    for threads in counts {
        harness.compare(
            format!("one read, one write, {}", named(threads)),
            "tasks/s",
            wanted_of(threads),
            |slice| rate(threads, slice, by_hand),
            |slice| rate(threads, slice, in_a_task),
        );
    }
}

/// The value is wanted of two threads on two quiet cores.
fn wanted_of(threads: usize) -> Wanted {
    match threads {
        1 => Wanted::Ratio(0.5),
        2 => Wanted::RatioAndValue(0.5, 1e6),
        _ => Wanted::Nothing,
    }
}

type Table = DashMap<usize, Arc<Mutex<Player>>>;

fn table_with_players(count: usize) -> Table {
    (0..count).map(|number| (number, Arc::new(Mutex::new(Player::number(number))))).collect()
}

/// The map's own lock is let go before the player's is taken, as whoever writes such a program soon learns to.
fn player(table: &Table, number: usize) -> Option<Arc<Mutex<Player>>> {
    table.get(&number).map(|player| Arc::clone(&player))
}

/// Two different ones of `count`.
fn two_of(rng: &mut Pcg64Mcg, count: usize) -> (usize, usize) {
    let first = rng.random_range(0..count);
    (first, (first + rng.random_range(1..count)) % count)
}
