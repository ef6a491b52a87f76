//! Tasks per second as the world grows, and as tasks touch more objects: a curve without a cliff.
//!
//! There is no baseline: each point is compared with its neighbour on the curve. Worlds have 10^3 objects, ten times
//! as many at each step, up to 10^7 (with `--quick` 10^6), and each task changes one of them; then tasks change 1, 10
//! and 100 objects, scattered over a world of 10^5. All points of a curve are measured in turns.
//!
//! Read the curve, then its *largest fall between neighbours*: the rate at a point by that of the point before, the
//! worst pair of the curve, the median of the rounds. Larger worlds leave the caches, so that 0.6 where that
//! happens is a slope; far less would be a cliff. For tasks that touch more objects it is the rate of objects that is
//! compared.
//!
//! Also printed, where a world is large enough to tell: the memory that an object takes, from what the process had
//! resident before and after, the bench's own list of ids (8 bytes each) included. All worlds are in memory at once,
//! so that 11 million objects must find room. A world that could not be made in time is left out, and that is told on
//! the error stream.

use std::time::{Duration, Instant};

use daystar_engine::Engine;
use daystar_model::ObjectId;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::harness::{Harness, Measure, Wanted, median};
use crate::kernel::resident_bytes;
use crate::load::rate;
use crate::world::{Player, engine_with_players, run as run_task};

pub(crate) fn run(harness: &mut Harness) {
    let worlds = worlds(harness);
    let of_tasks = worlds.iter().find(|world| world.exponent == TASKS_EXPONENT);
    let touching = of_tasks.map_or(0, |_| TOUCHED.len());
    harness.plan((worlds.len() + touching) as u32);

    let points: Vec<Point<'_>> = worlds.iter().map(|world| Point { world, touched: 1 }).collect();
    let name = |point: &Point<'_>| format!("world of 10^{} objects", point.world.exponent);
    curve(harness, "worlds", &points, name);
    for world in &worlds {
        if let Some(bytes) = world.bytes_each {
            let case = format!("world of 10^{} objects, memory", world.exponent);
            harness.print(case, "bytes/object", bytes, Wanted::Nothing);
        }
    }
    if let Some(world) = of_tasks {
        let points = TOUCHED.map(|touched| Point { world, touched });
        curve(harness, "tasks", &points, |point| format!("{} objects per task", point.touched));
    }
}

/// A world, and what it took to make.
struct World {
    exponent: u32,
    engine: Engine,
    ids: Vec<ObjectId>,
    bytes_each: Option<f64>,
}

/// All worlds for which there is time: the smallest first, each ten times as large as the one before.
fn worlds(harness: &Harness) -> Vec<World> {
    let largest = if harness.is_quick() { 6 } else { 7 };
    let mut worlds = Vec::new();
    let mut took = Duration::ZERO;
    for exponent in SMALLEST_EXPONENT..=largest {
        if !is_time_for(took * 10, harness.time_left()) {
            eprintln!("growth: no time to make a world of 10^{exponent} objects: not measured");
            break;
        }
        let start = Instant::now();
        worlds.push(World::of(exponent));
        took = start.elapsed();
    }
    worlds
}

/// Whether so long a setup leaves half of the time for measuring.
fn is_time_for(setup: Duration, left: Duration) -> bool {
    setup * 2 <= left
}

impl World {
    fn of(exponent: u32) -> Self {
        let count = 10_usize.pow(exponent);
        let before = resident_bytes();
        let (engine, ids) = engine_with_players(count);
        let grown =
            before.zip(resident_bytes()).map(|(before, after)| after.saturating_sub(before));
        let is_told = exponent >= MEMORY_EXPONENT_MIN;
        let bytes_each = grown.filter(|_| is_told).map(|grown| grown as f64 / count as f64);
        Self { exponent, engine, ids, bytes_each }
    }
}

/// A point of a curve: tasks that touch so many objects of that world.
struct Point<'a> {
    world: &'a World,
    touched: usize,
}

impl Point<'_> {
    fn step(&self, rng: &mut Pcg64Mcg) {
        let ids = &self.world.ids;
        let first = rng.random_range(0..ids.len());
        run_task(&self.world.engine, |attempt| {
            for number in 0..self.touched {
                let id = ids[(first + number * STRIDE) % ids.len()];
                attempt.get_mut::<Player>(id)?.gold += 1;
            }
            Ok(())
        });
    }
}

/// Measures the points of one curve in turns, and prints them and how far it falls.
fn curve(
    harness: &mut Harness,
    name: &str,
    points: &[Point<'_>],
    case: impl Fn(&Point<'_>) -> String,
) {
    let mut measures: Vec<_> = points
        .iter()
        .map(|point| move |slice| rate(THREADS, slice, |rng: &mut Pcg64Mcg| point.step(rng)))
        .collect();
    let mut measures: Vec<Measure<'_, f64>> =
        measures.iter_mut().map(|measure| measure as Measure<'_, f64>).collect();
    let rounds = harness.in_turns(&mut measures);
    for (place, point) in points.iter().enumerate() {
        let tasks = median(rounds.iter().map(|round| round[place]).collect());
        harness.print(case(point), "tasks/s", tasks, Wanted::Nothing);
    }
    let touched: Vec<f64> = points.iter().map(|point| point.touched as f64).collect();
    let fall = largest_fall(&rounds, &touched);
    harness.print(
        format!("{name}, largest fall between neighbours"),
        "x",
        fall.unwrap_or(f64::NAN),
        Wanted::Nothing,
    );
}

/// The least ratio of a point to the one before it, each the median of the rounds; `touched` is how many objects a
/// task of each point touches. `None` if there are no neighbours.
fn largest_fall(rounds: &[Vec<f64>], touched: &[f64]) -> Option<f64> {
    let ratio = |place: usize| {
        let of = |round: &Vec<f64>| {
            (round[place] * touched[place]) / (round[place - 1] * touched[place - 1])
        };
        median(rounds.iter().map(of).collect())
    };
    (1..touched.len()).map(ratio).min_by(f64::total_cmp)
}

const SMALLEST_EXPONENT: u32 = 3;
/// Smaller worlds disappear in what the allocator has at hand.
const MEMORY_EXPONENT_MIN: u32 = 5;
/// The size of the world in which tasks touch more and more objects.
const TASKS_EXPONENT: u32 = 5;
const TOUCHED: [usize; 3] = [1, 10, 100];
/// Far enough to be on another page, and coprime to every power of ten, so that a task meets no object twice.
const STRIDE: usize = 7_919;
const THREADS: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_fall_is_that_of_the_worst_neighbours_in_most_rounds() {
        // The second round was disturbed: its fall from 90 to 9 does not count.
        let rounds = [vec![100.0, 90.0, 45.0], vec![100.0, 90.0, 9.0], vec![100.0, 90.0, 54.0]];
        assert_eq!(largest_fall(&rounds, &[1.0; 3]), Some(0.5));
    }

    #[test]
    fn tasks_that_touch_ten_times_as_much_may_take_ten_times_as_long() {
        let rounds = [vec![1_000.0, 100.0, 8.0]];
        assert_eq!(largest_fall(&rounds, &[1.0, 10.0, 100.0]), Some(0.8));
    }

    #[test]
    fn a_curve_of_one_point_does_not_fall() {
        assert_eq!(largest_fall(&[vec![1.0]], &[1.0]), None);
    }

    #[test]
    fn a_setup_may_take_half_of_the_time() {
        let seconds = Duration::from_secs;
        assert!(is_time_for(seconds(5), seconds(10)));
        assert!(!is_time_for(seconds(6), seconds(10)));
    }

    #[test]
    fn a_task_changes_as_many_objects_as_it_says() {
        let world = World::of(3);
        let point = Point { world: &world, touched: 100 };
        point.step(&mut Pcg64Mcg::new(1));
        let changed = world.ids.iter().filter(|id| {
            let gold = std::sync::atomic::AtomicU64::new(0);
            crate::world::look(&world.engine, |attempt| {
                let found = attempt.get::<Player>(**id)?.gold;
                gold.store(found, std::sync::atomic::Ordering::Relaxed);
                Ok(())
            });
            gold.into_inner() == 1_001
        });
        assert_eq!(changed.count(), 100);
    }
}
