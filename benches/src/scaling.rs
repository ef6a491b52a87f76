//! Tasks of 20 µs of work on different objects: all cores, against the same under one global lock.

use std::hint::black_box;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::RngExt;

use crate::harness::{Harness, Wanted};
use crate::world::{Player, engine_with_players, rate, run as run_task};

const OBJECTS: usize = 10_000;
const WORK: Duration = Duration::from_micros(20);

pub(crate) fn run(harness: &mut Harness) {
    let (engine, ids) = engine_with_players(OBJECTS);
    let players: Vec<Player> = (0..OBJECTS).map(Player::number).collect();
    let world = Mutex::new(players);
    let rounds = rounds_of(WORK);
    let slice = harness.slice(2);
    for threads in [1, 2] {
        let wanted = if threads == 2 { Wanted::Ratio(1.9) } else { Wanted::Nothing };
        harness.compare(
            "scaling",
            format!("20 us of work, {threads} threads"),
            "tasks/s",
            wanted,
            || {
                rate(threads, slice, |rng| {
                    let place = rng.random_range(0..OBJECTS);
                    let mut world = world.lock();
                    world[place].gold += work(rounds, world[place].gold) & 1;
                })
            },
            || {
                rate(threads, slice, |rng| {
                    let id = ids[rng.random_range(0..OBJECTS)];
                    run_task(&engine, |attempt| {
                        let mut player = attempt.get_mut::<Player>(id)?;
                        player.gold += work(rounds, player.gold) & 1;
                        Ok(())
                    });
                })
            },
        );
    }
}

/// A chain of multiplications that no compiler shortens.
fn work(rounds: u64, seed: u64) -> u64 {
    (0..rounds)
        .fold(seed | 1, |x, _| black_box(x.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7)))
}

/// How many rounds of [`work`] take as long as `duration` on this machine.
fn rounds_of(duration: Duration) -> u64 {
    let trial = 2_000_000;
    let start = Instant::now();
    black_box(work(trial, 7));
    let each = start.elapsed().as_secs_f64() / trial as f64;
    (duration.as_secs_f64() / each) as u64
}
