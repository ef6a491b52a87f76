//! One read and one write of two of 100,000 objects, against a hand-written table with a lock per object.

use std::hint::black_box;
use std::sync::Arc;

use dashmap::DashMap;
use parking_lot::Mutex;
use rand::RngExt;

use crate::harness::{Harness, Wanted};
use crate::world::{Player, engine_with_players, rate, run as run_task};

const OBJECTS: usize = 100_000;

pub(crate) fn run(harness: &mut Harness) {
    let (engine, ids) = engine_with_players(OBJECTS);
    let table: DashMap<usize, Arc<Mutex<Player>>> = DashMap::new();
    for number in 0..OBJECTS {
        table.insert(number, Arc::new(Mutex::new(Player::number(number))));
    }
    let slice = harness.slice(2);
    for threads in [1, 2] {
        let wanted =
            if threads == 2 { Wanted::RatioAndValue(0.5, 1e6) } else { Wanted::Ratio(0.5) };
        harness.compare(
            "inproc",
            format!("one read, one write, {threads} threads"),
            "tasks/s",
            wanted,
            || {
                rate(threads, slice, |rng| {
                    let (seen, changed) = two_of(rng, OBJECTS);
                    let gold = {
                        let player = table.get(&seen).map(|player| Arc::clone(&player));
                        player.map_or(0, |player| player.lock().gold)
                    };
                    let player = table.get(&changed).map(|player| Arc::clone(&player));
                    if let Some(player) = player {
                        player.lock().gold += gold & 1;
                    }
                })
            },
            || {
                rate(threads, slice, |rng| {
                    let (seen, changed) = two_of(rng, OBJECTS);
                    run_task(&engine, |attempt| {
                        let gold = attempt.get::<Player>(ids[seen])?.gold;
                        attempt.get_mut::<Player>(ids[changed])?.gold += black_box(gold) & 1;
                        Ok(())
                    });
                })
            },
        );
    }
}

fn two_of(rng: &mut impl rand::Rng, count: usize) -> (usize, usize) {
    let first = rng.random_range(0..count);
    (first, (first + rng.random_range(1..count)) % count)
}
