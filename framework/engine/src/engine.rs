//! The engine: what all attempts share, and how a job gets run.

use std::cell::{OnceCell, RefCell};

use daystar_model::{Clock, ObjectId, Space, Store, StoreError};

use crate::attempt::Input;
use crate::gate::Gate;
use crate::handover::{CommitSink, Handover};
use crate::heat::Heat;
use crate::job::{Job, Outcome};
use crate::ladder;
use crate::snapshot::{CommitClock, Snapshots};
use crate::sync::{Arc, AtomicU64, CachePadded, Ordering};
use crate::table::Table;
use crate::thread::{Counter, unique};

/// Runs jobs, from as many threads as call [`run`](Self::run).
pub struct Engine {
    shared: Shared,
    sink: Arc<dyn CommitSink>,
    seed: u64,
}

/// How an engine is to behave.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// What one job may use.
    pub limits: Limits,
    /// Where random numbers start.
    pub seed: u64,
    /// What is broken on purpose, to see a test catch it.
    #[cfg(feature = "breaks")]
    pub breaks: Breaks,
}

/// What one job may use.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many objects it may touch.
    pub objects_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // A task over more objects than this should be several: it holds up whoever it meets.
        Self { objects_max: 100_000 }
    }
}

/// Deliberate breaks. Each must be seen to make a test fail.
#[cfg(feature = "breaks")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaks {
    /// Commit without checking what was read.
    pub no_validation: bool,
    /// Move the snapshot up without checking what was read.
    pub unchecked_extension: bool,
}

/// How many jobs ended how, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Jobs that committed.
    pub commits: u64,
    /// Jobs that failed for good.
    pub failures: u64,
    /// Attempts that met a conflict and were made again.
    pub conflicts: u64,
    /// Jobs that had to be run alone.
    pub alone: u64,
    /// Objects, or absences of objects, in memory.
    pub objects: u64,
}

/// What all attempts share.
pub(crate) struct Shared {
    pub(crate) table: Table,
    pub(crate) clock: CommitClock,
    pub(crate) snapshots: Snapshots,
    pub(crate) handover: Handover,
    /// Every commit passes it; a job that runs alone closes it.
    pub(crate) gate: Gate,
    pub(crate) heat: Heat,
    pub(crate) time: Arc<dyn Clock>,
    pub(crate) counters: Counters,
    pub(crate) limits: Limits,
    next_index: CachePadded<AtomicU64>,
    #[cfg(feature = "breaks")]
    breaks: Breaks,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) commits: Counter,
    pub(crate) failures: Counter,
    pub(crate) conflicts: Counter,
    pub(crate) alone: Counter,
}

impl Engine {
    /// An engine over the world in `store`, handing its commits to `sink`.
    ///
    /// # Errors
    /// The store cannot say where its world stands.
    pub fn new(
        store: Arc<dyn Store>,
        sink: Arc<dyn CommitSink>,
        time: Arc<dyn Clock>,
        settings: Settings,
    ) -> Result<Self, StoreError> {
        let last = store.last_commit()?;
        let next_index = store.next_index()?;
        let shared = Shared {
            table: Table::new(store),
            clock: CommitClock::new(last),
            snapshots: Snapshots::new(),
            handover: Handover::new(last),
            gate: Gate::new(),
            heat: Heat::new(),
            time,
            counters: Counters::default(),
            limits: settings.limits,
            next_index: CachePadded::new(AtomicU64::new(next_index)),
            #[cfg(feature = "breaks")]
            breaks: settings.breaks,
        };
        Ok(Self { shared, sink, seed: settings.seed ^ last.0 })
    }

    /// Runs `job` on this thread until it has committed or failed for good.
    ///
    /// May wait for others, and for the sink to have room. A panic of the job is contained.
    pub fn run(&self, job: &dyn Job) -> Outcome {
        self.sink.wait_for_room();
        let input = Input {
            kind: job.kind(),
            seed: scramble(self.seed.wrapping_add(unique())),
            now: OnceCell::new(),
            indices: RefCell::default(),
        };
        ladder::climb(&self.shared, &*self.sink, job, &input)
    }

    /// A new id in `space`, never given before and never to be given again.
    pub fn new_id(&self, space: Space) -> ObjectId {
        ObjectId::new(space, self.shared.next_index())
    }

    /// How many jobs ended how, since the start.
    pub fn counts(&self) -> Counts {
        let counters = &self.shared.counters;
        Counts {
            commits: counters.commits.total(),
            failures: counters.failures.total(),
            conflicts: counters.conflicts.total(),
            alone: counters.alone.total(),
            objects: self.shared.table.len(),
        }
    }
}

impl Shared {
    pub(crate) fn next_index(&self) -> u64 {
        self.next_index.fetch_add(1, Ordering::SeqCst)
    }

    /// Whether nobody has been given `id` yet. Names are not given: their ids are hashes.
    pub(crate) fn is_unallocated(&self, id: ObjectId) -> bool {
        id.space() != Space::Name && id.index() >= self.ids_given()
    }

    /// No id with this index or a higher one has been given away.
    pub(crate) fn ids_given(&self) -> u64 {
        self.next_index.load(Ordering::SeqCst)
    }

    #[cfg(feature = "breaks")]
    pub(crate) fn breaks_validation(&self) -> bool {
        self.breaks.no_validation
    }

    #[cfg(not(feature = "breaks"))]
    pub(crate) fn breaks_validation(&self) -> bool {
        false
    }

    #[cfg(feature = "breaks")]
    pub(crate) fn breaks_extension(&self) -> bool {
        self.breaks.unchecked_extension
    }

    #[cfg(not(feature = "breaks"))]
    pub(crate) fn breaks_extension(&self) -> bool {
        false
    }
}

/// Spreads consecutive seeds over all numbers: the finaliser of SplitMix64 (G. Steele, D. Lea, C. Flood,
/// "Fast splittable pseudorandom number generators", OOPSLA 2014).
fn scramble(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
