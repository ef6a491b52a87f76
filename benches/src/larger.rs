//! A world ten times larger than its memory budget, against the same world all in memory.
//!
//! 10 GB of objects of 1 kB, a budget of 1 GB, access skewed by Zipf's law with exponent 0.99 as in the benchmarks of
//! key-value stores, scattered over all ids. A task reads one object and changes it once in ten times. The two cannot
//! take turns, because together they do not fit into most machines: first the small budget, then, over the same files, all in
//! memory, after a walk over everything. Each is measured when its memory has settled, in a process of its own: what another left
//! free would pass for memory that is not taken. For the one that is all in memory the journal may grow as it likes: its tasks change
//! so much that they would wait for the disk otherwise, for seconds at a time, and the comparison would be with that.
//!
//! Read the ratio, then the resident memory of the first: with what LMDB has mapped, against the budget.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use daystar::{Server, managed};
use daystar_model::CommitNumber;
use daystar_store::Options;
use rand::RngExt;
use rand_distr::{Distribution, Zipf};
use serde::{Deserialize, Serialize};

use crate::disk::{Hollow, fill, folder, id, open};
use crate::harness::{Harness, Wanted, median};
use crate::kernel::resident_bytes;
use crate::load::{beside, cores};
use crate::world::run as run_task;

/// A kilobyte.
#[managed]
#[derive(Debug)]
struct Thing {
    count: u64,
    content: Vec<u8>,
}

pub(crate) fn run(harness: &mut Harness) {
    let objects = if harness.is_quick() { 100_000 } else { 10_000_000 };
    let budget = objects * BYTES_EACH / 10;
    let folder = folder();
    let world = folder.path().join("world");
    fill(&open(&world, Options::default()), objects, |index| Thing {
        count: index,
        content: vec![index as u8; BYTES_EACH as usize - size_of::<Thing>()],
    });
    let slice = Duration::from_millis(if harness.is_quick() { 200 } else { 2_000 });
    let small = Run { world: world.clone(), objects, budget, slice }.in_its_own_process();
    let large = Run { world, objects, budget: u64::MAX, slice }.in_its_own_process();
    let case = format!("{} MB of objects, budget {} MB", objects * BYTES_EACH / MB, budget / MB);
    harness.print_against(&case, "tasks/s", small.rate, large.rate, Wanted::Ratio(0.5));
    harness.print("loads per task", "", small.loads_per_task, Wanted::Nothing);
    let ratio = small.resident as f64 / budget as f64;
    // A small budget is less than what a server takes by itself.
    let wanted = if harness.is_quick() { Wanted::Nothing } else { Wanted::AtMost(1.3) };
    harness.print("resident memory, most, per budget", "", ratio, wanted);
    harness.print(
        "resident memory, all in memory",
        "MB",
        large.resident as f64 / 1e6,
        Wanted::Nothing,
    );
}

/// A world under load with a budget.
#[derive(Serialize, Deserialize)]
struct Run {
    world: PathBuf,
    objects: u64,
    budget: u64,
    slice: Duration,
}

/// What a run has come to.
#[derive(Serialize, Deserialize)]
struct Measured {
    rate: f64,
    loads_per_task: f64,
    /// The most that was seen, in bytes: all that the process had, its program and what it had mapped of files included.
    resident: u64,
}

/// Whether this process is there for one run, which then is over.
pub(crate) fn is_run() -> bool {
    let Ok(wish) = std::env::var(RUN) else { return false };
    let run: Run = serde_json::from_str(&wish)
        .unwrap_or_else(|cause| panic!("{RUN} is not set by hand: {cause}"));
    println!("{}", serde_json::json!(run.measure()));
    true
}

const RUN: &str = "DAYSTAR_BENCH_LARGER";

impl Run {
    fn in_its_own_process(&self) -> Measured {
        let wish = serde_json::json!(self).to_string();
        let ran = std::env::current_exe().and_then(|program| {
            Command::new(program).env(RUN, wish).stderr(Stdio::inherit()).output()
        });
        let ran = ran.unwrap_or_else(|cause| panic!("no process for a run: {cause}"));
        serde_json::from_slice(&ran.stdout)
            .unwrap_or_else(|cause| panic!("the run ended with {}: {cause}", ran.status))
    }

    fn measure(&self) -> Measured {
        let is_all_in_memory = self.budget == u64::MAX;
        // Nobody waits for the disk when all is in memory; as it is set otherwise, tasks that are so quick would.
        let journal_bytes_max =
            if is_all_in_memory { u64::MAX } else { Options::default().journal_bytes_max };
        let store = open(&self.world, Options { journal_bytes_max, ..Options::default() });
        let server = Server::builder(Hollow).store(store).memory(self.budget).workers(1).start();
        let server = server.unwrap_or_else(|cause| panic!("no server: {cause}"));
        let engine = server.engine();
        let zipf = Zipf::new(self.objects as f64, 0.99);
        let zipf = zipf.unwrap_or_else(|cause| panic!("no such law: {cause}"));
        if is_all_in_memory {
            for first in (1..=self.objects).step_by(PER_LOOK) {
                look(&engine, first..(first + PER_LOOK as u64).min(self.objects + 1));
            }
        }
        let task = |rng: &mut rand_pcg::Pcg64Mcg| {
            let rank = zipf.sample(rng) as u64;
            // Neighbours in popularity are no neighbours on disk.
            let id = id(1 + rank.wrapping_mul(SCATTER) % self.objects);
            let is_change = rng.random_range(0..10) == 0;
            run_task(&engine, |attempt| {
                if is_change {
                    attempt.get_mut::<Thing>(id)?.count += 1;
                } else {
                    std::hint::black_box(attempt.get::<Thing>(id)?.count);
                }
                Ok(())
            });
        };
        let mut resident = 0;
        let mut rates = Vec::new();
        let (mut settled, mut last) = (engine.counts(), engine.counts());
        // The same threads all the time, as a server's workers are.
        beside(cores(), task, || {
            for round in 0..WARM_UP + ROUNDS {
                let (start, before) = (Instant::now(), engine.counts());
                thread::sleep(self.slice);
                last = engine.counts();
                let tasks = last.commits - before.commits;
                rates.push(tasks as f64 / start.elapsed().as_secs_f64());
                if round + 1 == WARM_UP {
                    settled = last;
                }
                resident = resident.max(resident_bytes().unwrap_or(0));
            }
        });
        let tasks = (last.commits - settled.commits).max(1) as f64;
        let loads_per_task = (last.loads - settled.loads) as f64 / tasks;
        drop(engine);
        server.stop().unwrap_or_else(|cause| panic!("the last tasks are not on disk: {cause}"));
        Measured { rate: median(rates.split_off(WARM_UP)), loads_per_task, resident }
    }
}

/// Loads a range of objects.
fn look(engine: &daystar_engine::Engine, range: std::ops::Range<u64>) -> CommitNumber {
    run_task(engine, |attempt| {
        for index in range.clone() {
            attempt.get::<Thing>(id(index))?;
        }
        Ok(())
    })
}

const BYTES_EACH: u64 = 1_000;
const MB: u64 = 1_000_000;
const WARM_UP: usize = 15;
const ROUNDS: usize = 15;
const PER_LOOK: usize = 1_000;
/// Odd, and as large as they come: the golden ratio's.
const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;
