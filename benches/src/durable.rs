//! Small tasks acknowledged after they are on disk, against one LMDB transaction for each event.
//!
//! The subject is a whole server: tasks that change one of 100,000 players, journal, checkpoints as they come.
//! Each of two workers has so many tasks under way that are not yet acknowledged, as players wait for answers; the
//! rate counts what is acknowledged. The baseline writes a record of the same size in a synced transaction of its own,
//! from as many threads; LMDB lets one in at a time.
//!
//! Read the ratio, then how long the acknowledgement took: from before the task to after the sync.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use daystar::Server;
use daystar_engine::Engine;
use daystar_model::CommitNumber;
use daystar_store::Options;
use parking_lot::Mutex;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::disk::{Hollow, fill, folder, id, open};
use crate::harness::{Harness, Spread, Wanted};
use crate::load::rate;
use crate::single::Single;
use crate::world::{Player, run as run_task};

pub(crate) fn run(harness: &mut Harness) {
    let folder = folder();
    let (baseline, world) = (folder.path().join("baseline"), folder.path().join("world"));
    let store = open(&world, Options::default());
    fill(&store, OBJECTS, |index| Player::number(index as usize));
    let server = Server::builder(Hollow).store(store).workers(1).start();
    let server = server.unwrap_or_else(|cause| panic!("no server: {cause}"));
    let acknowledged = Mutex::new(Spread::new());
    let single = Single::new(&baseline, OBJECTS);
    harness.plan(2);
    harness.compare(
        format!("{WORKERS} workers, {WINDOW} tasks each under way"),
        "tasks/s",
        Wanted::RatioAndValue(100.0, 300_000.0),
        |slice| rate(WORKERS, slice, |rng| single.put(rng)),
        |slice| durable(&server, slice, &acknowledged),
    );
    let spread = acknowledged.into_inner();
    harness.print_spread("acknowledged after", &spread, (Spread::P99, Wanted::AtMost(20.0)));
    let journal = server.journal();
    let coalesced = journal.changes as f64 / journal.objects_written.max(1) as f64;
    harness.print("changes per written object", "", coalesced, Wanted::Nothing);
    let per_epoch = journal.objects_written as f64 / journal.epochs.max(1) as f64;
    harness.print("objects per epoch", "", per_epoch, Wanted::Nothing);
    server.stop().unwrap_or_else(|cause| panic!("the last tasks are not on disk: {cause}"));
}

/// Tasks per second that were acknowledged, of workers that keep [`WINDOW`] tasks under way.
fn durable(server: &Server, slice: Duration, acknowledged: &Mutex<Spread>) -> f64 {
    let engine = server.engine();
    let (told, asked) = sync_channel::<(CommitNumber, Instant)>(1 << 16);
    let (count, start) = (AtomicU64::new(0), Instant::now());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut spread = Spread::new();
            for (number, since) in asked {
                wait(server, number);
                spread.record(since.elapsed());
            }
            let mut all = acknowledged.lock();
            *all = Spread::together([&*all, &spread]);
        });
        for worker in 0..WORKERS as u64 {
            let (engine, told, count) = (&*engine, told.clone(), &count);
            let rng = Pcg64Mcg::seed_from_u64(worker);
            scope.spawn(move || {
                let done = work(server, engine, rng, start + slice, &told);
                count.fetch_add(done, Ordering::Relaxed);
            });
        }
        drop(told);
    });
    count.into_inner() as f64 / start.elapsed().as_secs_f64()
}

/// One worker; returns how many of its tasks were acknowledged, which at the end are all.
fn work(
    server: &Server,
    engine: &Engine,
    mut rng: Pcg64Mcg,
    end: Instant,
    told: &SyncSender<(CommitNumber, Instant)>,
) -> u64 {
    let mut under_way = VecDeque::with_capacity(WINDOW / LOOK + 1);
    let mut count = 0_u64;
    loop {
        let since = Instant::now();
        if since >= end {
            break;
        }
        let mut last = CommitNumber::ZERO;
        for nth in 0..LOOK {
            let id = id(rng.random_range(1..=OBJECTS));
            last = run_task(engine, |attempt| {
                attempt.get_mut::<Player>(id)?.gold += 1;
                Ok(())
            });
            if nth == 0 {
                // The first of them has waited longest, and stands for all.
                let _ = told.send((last, since));
            }
        }
        count += LOOK as u64;
        under_way.push_back(last);
        if under_way.len() > WINDOW / LOOK
            && let Some(oldest) = under_way.pop_front()
        {
            wait(server, oldest);
        }
    }
    if let Some(last) = under_way.pop_back() {
        wait(server, last);
    }
    count
}

fn wait(server: &Server, number: CommitNumber) {
    let durable = server.wait_until_durable(number);
    durable.unwrap_or_else(|cause| panic!("not on disk, so there is no figure: {cause}"));
}

const OBJECTS: u64 = 100_000;
const WORKERS: usize = 2;
/// So many tasks of each worker are not acknowledged yet.
const WINDOW: usize = 2_048;
/// A worker looks at the clock and at the oldest of its tasks once in so many.
const LOOK: usize = 16;
