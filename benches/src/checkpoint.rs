//! How much tasks notice of a checkpoint: how long they take while one is being made, against the same without.
//!
//! The store is set as every server's is, and the checkpoint is one that a server makes by itself: the journal has become
//! 64 MB long, of 1 kB barrels here and there among 128 MB of them. It begins with the slice that is measured and ends
//! after it, which is looked at; what is left of it is then written in a hurry, and not measured. Against it stands a slice in
//! which none is made.
//!
//! In either slice tasks change one of 100,000 players each, started by the clock, whether the one before was late or not:
//! so one that holds up others is counted with all of them, as players would. Two threads start one every 250 µs each, and
//! wait until it has committed; two more start one every 5 ms, and wait until it is on disk. These are the two figures.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use daystar::{Server, managed};
use daystar_model::{CommitNumber, Object, Store};
use daystar_store::{LmdbStore, Options};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::disk::{Hollow, fill_with, folder, id, open};
use crate::harness::{Harness, Spread, Wanted};
use crate::world::{Player, run as run_task};

pub(crate) fn run(harness: &mut Harness) {
    let folder = folder();
    let store = open(&folder.path().join("world"), Options::default());
    fill_with(&store, PLAYERS + BARRELS, |index| match index {
        1..=PLAYERS => Arc::new(Player::number(index as usize)) as Arc<dyn Object>,
        _ => Arc::new(Barrel { rolls: 0, stones: vec![index; BARREL_BYTES / 8] }),
    });
    let server = Server::builder(Hollow).store(Arc::clone(&store) as _).workers(1).start();
    let server = server.unwrap_or_else(|cause| panic!("no server: {cause}"));
    let world = World { server, store };
    let mut rolled = 0;
    // Half of the time is for filling the journal, and for what is left of the checkpoints.
    harness.plan(4);
    harness.compare_all_spreads(
        (Spread::P99, Wanted::RatioAtMost(2.0)),
        |slice| world.without_checkpoint(slice.max(SLICE_MIN)),
        |slice| world.beside_checkpoint(slice.max(SLICE_MIN), &mut rolled),
    );
    let stopped = world.server.stop();
    stopped.unwrap_or_else(|cause| panic!("the last tasks are not on disk: {cause}"));
}

/// What the journal is filled with.
#[managed]
#[derive(Debug)]
struct Barrel {
    rolls: u64,
    stones: Vec<u64>,
}

struct World {
    server: Server,
    store: Arc<LmdbStore>,
}

impl World {
    fn without_checkpoint(&self, slice: Duration) -> [(&'static str, Spread); 2] {
        thread::sleep(PAUSE);
        let measured = self.paced(slice);
        assert!(!self.is_journal_long(), "a checkpoint has been made");
        measured
    }

    /// `rolled` barrels have been rolled so far.
    fn beside_checkpoint(&self, slice: Duration, rolled: &mut u64) -> [(&'static str, Spread); 2] {
        while !self.is_journal_long() {
            let number = self.run(|attempt| {
                for nth in *rolled..*rolled + BARRELS_PER_TASK {
                    let barrel = PLAYERS + 1 + nth * STRIDE % BARRELS;
                    attempt.get_mut::<Barrel>(id(barrel))?.rolls += 1;
                }
                Ok(())
            });
            *rolled += BARRELS_PER_TASK;
            self.wait_until_durable(number);
        }
        let measured = self.paced(slice);
        assert!(self.is_journal_long(), "the checkpoint was over before the slice was");
        let made = self.store.checkpoint();
        made.unwrap_or_else(|cause| panic!("no checkpoint: {cause}"));
        measured
    }

    /// A checkpoint has begun, and has not ended.
    fn is_journal_long(&self) -> bool {
        self.store.status().journal_bytes >= Options::default().checkpoint_bytes
    }

    /// How long tasks take that are started by the clock: until they have committed, and until they are on disk.
    fn paced(&self, slice: Duration) -> [(&'static str, Spread); 2] {
        let (committed, durable) = thread::scope(|scope| {
            let start = |number, pace, is_durable| {
                scope.spawn(move || self.paced_thread(slice, number, pace, is_durable))
            };
            let committed = [1, 2].map(|number| start(number, PACE, false));
            let durable = [3, 4].map(|number| start(number, PACE_DURABLE, true));
            [committed, durable]
                .map(|threads| {
                    threads.map(|thread| {
                        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                    })
                })
                .into()
        });
        [
            ("until committed", Spread::together(&committed)),
            ("until on disk", Spread::together(&durable)),
        ]
    }

    fn paced_thread(&self, slice: Duration, seed: u64, pace: Duration, is_durable: bool) -> Spread {
        let mut rng = Pcg64Mcg::seed_from_u64(seed);
        let mut spread = Spread::new();
        let start = Instant::now();
        let mut due = start;
        while due - start < slice {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let id = id(rng.random_range(1..=PLAYERS));
            let number = self.run(|attempt| {
                attempt.get_mut::<Player>(id)?.gold += 1;
                Ok(())
            });
            if is_durable {
                self.wait_until_durable(number);
            }
            spread.record(due.elapsed());
            due += pace;
        }
        spread
    }

    fn run(
        &self,
        work: impl Fn(&daystar_engine::Attempt<'_>) -> Result<(), daystar_engine::Error> + Send,
    ) -> CommitNumber {
        run_task(&self.server.engine(), work)
    }

    fn wait_until_durable(&self, number: CommitNumber) {
        let durable = self.server.wait_until_durable(number);
        durable.unwrap_or_else(|cause| panic!("not on disk: {cause}"));
    }
}

/// Less would be too few tasks that wait for the disk.
const SLICE_MIN: Duration = Duration::from_millis(200);
/// The disk ends what it has under way.
const PAUSE: Duration = Duration::from_millis(50);
const PLAYERS: u64 = 100_000;
const BARRELS: u64 = 128 << 10;
const BARREL_BYTES: usize = 1 << 10;
const BARRELS_PER_TASK: u64 = 1_000;
/// A prime: so all barrels come in turn, and those of one checkpoint lie everywhere.
const STRIDE: u64 = 7_919;
const PACE: Duration = Duration::from_micros(250);
/// A thread that waits for the disk cannot start as many.
const PACE_DURABLE: Duration = Duration::from_millis(5);
