//! Bytes written to disk per byte of changed object, for several kinds of load.
//!
//! What is changed is counted in records, as they would be written if each change were: so what is written once for
//! many changes brings the figure below what a journal and a checkpoint would write, twice as much. What is written is
//! what this process has handed to the system's calls for writing, journal and checkpoints, LMDB's own pages and all; at the
//! end of each case a checkpoint makes sure that nothing is still to come. (The kernel's own count of bytes for the disk
//! takes a few kilobytes within a large page of its cache for the whole of that page.)

use std::sync::Arc;
use std::time::Duration;

use daystar::{Server, managed};
use daystar_engine::{Attempt, Error};
use daystar_model::{CommitNumber, Managed, Record, Space};
use daystar_store::Options;
use rand::RngExt;
use rand_pcg::Pcg64Mcg;

use crate::disk::{Hollow, fill, folder, id, open};
use crate::harness::{Harness, Wanted};
use crate::kernel::written_bytes;
use crate::load::rate;
use crate::world::{Player, run as run_task};

/// Something large of which little changes at a time.
#[managed]
#[derive(Debug)]
struct Chest {
    number: u64,
    content: Vec<u8>,
}

pub(crate) fn run(harness: &mut Harness) {
    let slice = Duration::from_millis(if harness.is_quick() { 500 } else { 15_000 });
    let load = |name, per_second| Load { name, slice, per_second };
    let pay = |count: u64| {
        move |attempt: &Attempt<'_>, rng: &mut Pcg64Mcg| {
            attempt.get_mut::<Player>(id(rng.random_range(1..=count)))?.gold += 1;
            Ok(())
        }
    };
    let player = |index: u64| Player::number(index as usize);
    load("small, any of 100,000", None).measure(harness, player, pay(OBJECTS));
    load("small, any of 100", None).measure(harness, player, pay(100));
    load("small, any of 100,000", Some(2_000)).measure(harness, player, pay(OBJECTS));
    load("small, any of 100", Some(2_000)).measure(harness, player, pay(100));
    let chest = |index: u64| Chest { number: index, content: vec![index as u8; 4_000] };
    load("4 kB, any of 10,000", Some(2_000)).measure(harness, chest, |attempt, rng| {
        attempt.get_mut::<Chest>(id(rng.random_range(1..=10_000)))?.number += 1;
        Ok(())
    });
    load("small, new", Some(2_000)).measure(harness, player, |attempt, _| {
        attempt.insert(Space::Object, Player::number(1))?;
        Ok(())
    });
}

/// How often tasks are started, and for how long.
struct Load {
    name: &'static str,
    slice: Duration,
    /// As often as can be, if it is not set.
    per_second: Option<u32>,
}

impl Load {
    /// Prints what is written while tasks do `task` to a world filled with `object`s.
    fn measure<T: Managed>(
        &self,
        harness: &mut Harness,
        object: impl Fn(u64) -> T,
        task: impl Fn(&Attempt<'_>, &mut Pcg64Mcg) -> Result<(), Error> + Sync,
    ) {
        let record = Record::encode(id(1), CommitNumber(1), &object(1));
        let record_bytes = record.unwrap_or_else(|cause| panic!("no record: {cause}")).len();
        let folder = folder();
        let store = open(&folder.path().join("world"), Options::default());
        fill(&store, OBJECTS, object);
        let server = Server::builder(Hollow).store(Arc::clone(&store) as _).workers(1).start();
        let server = server.unwrap_or_else(|cause| panic!("no server: {cause}"));
        let engine = server.engine();
        let Some(before) = written_bytes() else { return };
        let commits = engine.counts().commits;
        let pause = self.per_second.map(|per_second| Duration::from_secs(THREADS) / per_second);
        rate(THREADS as usize, self.slice, |rng| {
            let seed = rng.clone();
            // An attempt that is made again makes the same choices.
            run_task(&engine, |attempt| task(attempt, &mut seed.clone()));
            let _: u64 = rng.random();
            if let Some(pause) = pause {
                std::thread::sleep(pause);
            }
        });
        let changed = (engine.counts().commits - commits) * record_bytes as u64;
        drop(engine);
        server.stop().unwrap_or_else(|cause| panic!("the last tasks are not on disk: {cause}"));
        store.checkpoint().unwrap_or_else(|cause| panic!("no checkpoint: {cause}"));
        let written = written_bytes().unwrap_or(before) - before;
        let pace = self.per_second.map_or("full speed".to_owned(), |n| format!("{n} tasks/s"));
        let case = format!("{}, {pace}", self.name);
        harness.print(case, "B/B", written as f64 / changed.max(1) as f64, Wanted::Nothing);
    }
}

const OBJECTS: u64 = 100_000;
const THREADS: u64 = 2;
