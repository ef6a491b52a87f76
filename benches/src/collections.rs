//! Two threads that insert into one `Map` of 100,000 entries, against one dashmap.
//!
//! The baseline is a `DashMap<K, V>`: each insertion is there at once, and that is all. The subject inserts in tasks:
//! what else a task did would happen together with it, lookups that found nothing are checked, the number of entries
//! can be asked for without a walk, and every change could go to a disk. Half of the steps insert a key, half remove
//! one, so that the map stays as large as it is while its parts are split and go.
//!
//! Read the ratio, then the conflicts per task: insertions of different keys meet only where the keys lie in one part, or
//! where one is split.
//!
//! Last comes a walk over a million entries in a task that only reads, beside a thread that inserts and removes without
//! a pause, against the same over a dashmap. It may not be run again, and the writer must go on; how fast, is printed.

use std::cell::Cell;
use std::fmt::Debug;
use std::hash::Hash;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dashmap::DashMap;
use daystar::__private::Closure;
use daystar::prelude::*;
use daystar::{Item, Map};
use daystar_engine::{Engine, Outcome, Settings};
use daystar_model::SystemClock;
use daystar_store::MemoryStore;
use parking_lot::Mutex;
use rand_pcg::Pcg64Mcg;

use crate::harness::{Harness, Wanted};
use crate::load::{beside, named, rate, thread_counts};

/// Of as many keys half are there.
const KEYS: u64 = 200_000;

pub(crate) fn run(harness: &mut Harness) {
    let counts = thread_counts();
    harness.plan(2 * (3 * counts.len() as u32 + 1));
    for threads in counts {
        let wanted = |ratio| if threads == 2 { Wanted::Ratio(ratio) } else { Wanted::Nothing };
        case(harness, "texts as keys", threads, 1, wanted(0.3), |number| {
            format!("player {number}")
        });
        case(harness, "numbers as keys", threads, 1, Wanted::Nothing, |number| number);
        case(harness, "numbers as keys", threads, 16, Wanted::Nothing, |number| number);
    }
    walk(harness);
}

/// Of as many keys half are there, for the walk.
const KEYS_WALKED: u64 = 2_000_000;

fn walk(harness: &mut Harness) {
    let keys = if harness.is_quick() { KEYS_WALKED / 10 } else { KEYS_WALKED };
    let table: DashMap<u64, u64> = (0..keys).step_by(2).map(|number| (number, number)).collect();
    let world = World::new(keys, |number| number);
    let map = world.map;
    let (walks, attempts) = (Cell::new(0_u64), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&attempts);
    let job = Closure::new(move |ctx| {
        counted.fetch_add(1, Ordering::Relaxed);
        let mut sum = 0;
        for entry in map.iter(ctx)? {
            sum += entry?.1;
        }
        black_box(sum);
        Ok(())
    });
    let job = job.read_only();
    let steps = AtomicU64::new(0);
    harness.compare(
        format!("a walk over {} entries beside a writer", keys / 2),
        "walks/s",
        Wanted::Nothing,
        |slice| {
            let write = |rng: &mut Pcg64Mcg| {
                let number = rng.random_range(0..keys);
                if rng.random() {
                    table.insert(number, number);
                } else {
                    table.remove(&number);
                }
            };
            beside(1, write, || per_second(slice, || _ = black_box(sum_of(&table))))
        },
        |slice| {
            let write = |rng: &mut Pcg64Mcg| {
                world.step(rng, 1, |number| number);
                steps.fetch_add(1, Ordering::Relaxed);
            };
            beside(1, write, || {
                per_second(slice, || {
                    finish(world.engine.run(&job));
                    walks.set(walks.get() + 1);
                })
            })
        },
    );
    let walks = walks.get() as f64;
    let again = attempts.load(Ordering::Relaxed) as f64 - walks;
    harness.print("walks that were run again".to_owned(), "", again, Wanted::AtMost(0.0));
    let beside = steps.load(Ordering::Relaxed) as f64 / walks;
    harness.print("tasks that went on beside, per walk".to_owned(), "", beside, Wanted::Nothing);
}

fn sum_of(table: &DashMap<u64, u64>) -> u64 {
    table.iter().map(|entry| *entry.value()).sum()
}

/// Calls `work` for as long as `slice` lasts, at least once.
fn per_second(slice: Duration, mut work: impl FnMut()) -> f64 {
    let (start, mut calls) = (Instant::now(), 0);
    while calls == 0 || start.elapsed() < slice {
        work();
        calls += 1;
    }
    f64::from(calls) / start.elapsed().as_secs_f64()
}

fn case<K: Item + Eq + Hash + Debug + Clone + Send + Sync>(
    harness: &mut Harness,
    keys: &str,
    threads: usize,
    per_task: usize,
    wanted: Wanted,
    key: fn(u64) -> K,
) {
    let table = DashMap::new();
    for number in (0..KEYS).step_by(2) {
        table.insert(key(number), number);
    }
    let world = World::new(KEYS, key);
    let (tasks, conflicts) = (Cell::new(0), Cell::new(0));
    let name = format!("{keys}, {per_task} a task, {}", named(threads));
    harness.compare(
        name.clone(),
        "steps/s",
        wanted,
        |slice| {
            rate(threads, slice, |rng| {
                let number = rng.random_range(0..KEYS);
                if rng.random() {
                    table.insert(key(number), number);
                } else {
                    table.remove(&key(number));
                }
            })
        },
        |slice| {
            let before = world.engine.counts();
            let rate = rate(threads, slice, |rng| world.step(rng, per_task, key));
            let after = world.engine.counts();
            tasks.set(tasks.get() + after.commits - before.commits);
            conflicts.set(conflicts.get() + after.conflicts - before.conflicts);
            rate * per_task as f64
        },
    );
    let wanted = if threads == 2 && per_task == 1 { Wanted::AtMost(0.01) } else { Wanted::Nothing };
    let conflicts = conflicts.get() as f64 / tasks.get() as f64;
    harness.print(format!("{name}, conflicts per task"), "", conflicts, wanted);
}

struct World<K> {
    engine: Engine,
    map: Map<K, u64>,
    keys: u64,
}

impl<K: Item + Eq + Hash> World<K> {
    fn new(keys: u64, key: fn(u64) -> K) -> Self {
        let store = Arc::new(MemoryStore::new());
        let engine = Engine::new(store, Arc::new(()), Arc::new(SystemClock), Settings::default());
        let engine = engine.unwrap_or_else(|cause| panic!("a memory store is readable: {cause}"));
        let made = Arc::new(Mutex::new(None));
        let tell = Arc::clone(&made);
        run_task(&engine, move |ctx| {
            *tell.lock() = Some(Map::new(ctx)?);
            Ok(())
        });
        let map: Map<K, u64> = made.lock().unwrap_or_else(|| panic!("the task has made it"));
        for first in (0..keys).step_by(1_000) {
            run_task(&engine, move |ctx| {
                for number in (first..first + 1_000).step_by(2) {
                    map.insert(ctx, key(number), number)?;
                }
                Ok(())
            });
        }
        Self { engine, map, keys }
    }

    fn step(&self, rng: &mut Pcg64Mcg, per_task: usize, key: fn(u64) -> K) {
        let (map, keys) = (self.map, self.keys);
        let seed: u64 = rng.random();
        run_task(&self.engine, move |ctx| {
            let mut number = seed;
            for _ in 0..per_task {
                number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
                let (chosen, inserts) = ((number >> 33) % keys, number >> 63 == 0);
                if inserts {
                    map.insert(ctx, key(chosen), chosen)?;
                } else {
                    map.remove(ctx, &key(chosen))?;
                }
            }
            Ok(())
        });
    }
}

fn run_task(engine: &Engine, work: impl Fn(&Ctx) -> Result<()> + Send + Sync + 'static) {
    finish(engine.run(&Closure::new(work)));
}

fn finish(outcome: Outcome) {
    match outcome {
        Outcome::Committed(_) => {}
        Outcome::Failed(cause) => panic!("a bench's task failed, so there is no figure: {cause:?}"),
    }
}
