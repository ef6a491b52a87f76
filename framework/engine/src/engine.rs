//! The engine: what all attempts share, and how a job gets run.

use std::cell::{OnceCell, RefCell};
use std::time::Duration;

use daystar_model::{Clock, CommitNumber, ObjectId, Space, Store, StoreError};

use crate::attempt::Input;
use crate::breaks::Breaks;
use crate::budget::Budget;
use crate::gate::Gate;
use crate::handover::{CommitSink, Handover, TaskKeeper};
use crate::heat::Heat;
use crate::history::Recorder;
use crate::job::{Job, Outcome};
use crate::ladder;
use crate::limits::Limits;
use crate::reclaim::Epoch;
use crate::reserve::Long;
use crate::seat::{Seated, Seats, Tally};
use crate::snapshot::{CommitClock, Snapshots};
use crate::sync::{Arc, AtomicU64, CachePadded, Ordering};
use crate::table::Table;
use crate::watch::{Overdue, Watch};

/// Runs jobs, from as many threads as call [`run`](Self::run).
pub struct Engine {
    pub(crate) shared: Shared,
    sink: Arc<dyn CommitSink>,
    seed: u64,
    watch: Watch,
}

/// How an engine is to behave.
#[derive(Clone, Default)]
pub struct Settings {
    /// What one job may use.
    pub limits: Limits,
    /// Where random numbers start.
    pub seed: u64,
    /// How many bytes of memory the world may take, if not as many as it wants: its objects, the cells that they lie in,
    /// and what is kept to know which are cold. Beyond it, objects that the store has and that were not used for long are
    /// taken out of memory, and loaded again when they are. What a running job has read stays until it ends. Needs
    /// somebody who calls [`Engine::stored`].
    pub memory: Option<u64>,
    /// Who says how many tasks wait, if there is a limit to that.
    pub tasks: Option<Arc<dyn TaskKeeper>>,
    /// Who is told of every job, if anybody is.
    pub recorder: Option<Arc<dyn Recorder>>,
    /// What is broken on purpose, to see a test catch it.
    #[cfg(feature = "breaks")]
    pub breaks: Breaks,
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
    /// Attempts made with all reserved that the one before them touched.
    pub reserved: u64,
    /// Attempts made alone.
    pub alone: u64,
    /// The most attempts that any job needed, if any needed more than one.
    pub attempts_most: u64,
    /// Objects, or absences of objects, in memory.
    pub objects: u64,
    /// Bytes of memory that the world takes; see [`Settings::memory`].
    pub bytes: u64,
    /// Objects brought from the store, each as often as it was.
    pub loads: u64,
    /// Objects taken out of memory, each as often as it was.
    pub evictions: u64,
}

/// What all attempts share.
pub(crate) struct Shared {
    pub(crate) table: Table,
    pub(crate) clock: CommitClock,
    pub(crate) snapshots: Snapshots,
    pub(crate) handover: Handover,
    /// Every commit passes it; a job that runs alone closes it.
    pub(crate) gate: Gate,
    pub(crate) seats: Seats,
    pub(crate) epoch: Epoch,
    pub(crate) heat: Heat,
    pub(crate) budget: Budget,
    pub(crate) long: Long,
    pub(crate) time: Arc<dyn Clock>,
    pub(crate) limits: Limits,
    pub(crate) tasks: Option<Arc<dyn TaskKeeper>>,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
    next_index: CachePadded<AtomicU64>,
    breaks: Breaks,
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
        #[cfg(feature = "breaks")]
        let breaks = settings.breaks;
        #[cfg(not(feature = "breaks"))]
        let breaks = Breaks::default();
        let shared = Shared {
            table: Table::new(store),
            clock: CommitClock::new(last),
            snapshots: Snapshots::new(),
            handover: Handover::new(),
            gate: Gate::new(),
            seats: Seats::new(),
            epoch: Epoch::new(breaks),
            heat: Heat::new(),
            budget: Budget::new(settings.memory, last),
            long: Long::new(),
            time,
            limits: settings.limits,
            tasks: settings.tasks,
            recorder: settings.recorder,
            next_index: CachePadded::new(AtomicU64::new(next_index)),
            breaks,
        };
        Ok(Self { shared, sink, seed: settings.seed ^ last.0, watch: Watch::default() })
    }

    /// Runs `job` on this thread until it has committed or failed for good.
    ///
    /// May wait for others, and for the sink to have room. A panic of the job is contained. Not to be called from inside
    /// a job: who waits for others there, and holds what they wait for, waits for ever.
    pub fn run(&self, job: &dyn Job) -> Outcome {
        self.sink.wait_for_room();
        let seated = self.shared.seats.take();
        self.shared.wait_for_memory(&seated);
        let input = Input {
            kind: job.kind(),
            seed: seated.striped(scramble(self.seed.wrapping_add(seated.next_job()))),
            now: OnceCell::new(),
            wall: OnceCell::new(),
            indices: RefCell::default(),
        };
        let outcome = ladder::climb(&self.shared, &*self.sink, job, &input, &seated);
        self.shared.give_up_gone(&seated);
        self.shared.keep_to_budget(&seated);
        outcome
    }

    /// Learns that the store has every commit up to `until`, and answers with it from now on. What is not known to be
    /// there stays in memory.
    pub fn stored(&self, until: CommitNumber) {
        self.shared.budget.stored(until);
    }

    /// Looks for attempts that have been running for too long, and stops those that have reached the limit at their
    /// next call of the engine. To be called every few milliseconds, with the time by any clock that does not go
    /// back. Each attempt is reported when it is late, and when it is stopped.
    pub fn watch(&self, now: Duration) -> Vec<Overdue> {
        let Limits { time_warn, time_max, .. } = self.shared.limits;
        self.watch.look(&self.shared.seats, now, time_warn, time_max)
    }

    /// A new id in `space`, never given before and never to be given again.
    pub fn new_id(&self, space: Space) -> ObjectId {
        ObjectId::new(space, self.shared.next_index())
    }

    /// What [`Counts::bytes`] says, found out by looking at everything. Right only while no job runs.
    #[cfg(feature = "breaks")]
    #[doc(hidden)]
    pub fn recount(&self) -> u64 {
        self.shared.recount()
    }

    /// Gives up what memory is kept of objects that are gone, as it is otherwise done from time to time.
    #[cfg(feature = "breaks")]
    #[doc(hidden)]
    pub fn look_for_gone(&self) {
        self.shared.look_for_gone(&self.shared.seats.take());
    }

    /// How many jobs ended how, since the start.
    pub fn counts(&self) -> Counts {
        let seats = &self.shared.seats;
        let total = |count: fn(&Tally) -> &AtomicU64| -> u64 {
            seats.iter().map(|seat| count(&seat.tally).load(Ordering::Relaxed)).sum()
        };
        let most = seats.iter().map(|seat| seat.tally.attempts_most.load(Ordering::Relaxed)).max();
        Counts {
            commits: total(|tally| &tally.commits),
            failures: total(|tally| &tally.failures),
            conflicts: total(|tally| &tally.conflicts),
            reserved: total(|tally| &tally.reserved),
            alone: total(|tally| &tally.alone),
            attempts_most: most.unwrap_or(0),
            objects: self.shared.table.settled().wrapping_sub(seats.total(|tally| &tally.away)),
            bytes: self.shared.bytes(),
            loads: seats.total(|tally| &tally.loads),
            evictions: seats.total(|tally| &tally.evictions),
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

    /// Treats all ids below this index as given away, and no others: for the single thread that runs recorded jobs
    /// again.
    pub(crate) fn set_ids_given(&self, index: u64) {
        self.next_index.store(index, Ordering::SeqCst);
    }

    /// Looks after objects that keep versions which nobody may want any more.
    pub(crate) fn tidy(&self, seated: &Seated<'_>) {
        let litter = self.snapshots.take_litter();
        if litter.is_empty() {
            return;
        }
        // To whoever is alone, a cell that is locked for this would look like one that is being changed.
        let _passing = self.gate.pass(seated.seat);
        let pin = self.epoch.pin(&self.seats, seated.seat, &seated.yard);
        let has_past = |id: &ObjectId| {
            self.table.peek(*id, &pin).is_some_and(|cell| cell.tidy(&self.snapshots, &pin))
        };
        litter.into_iter().filter(has_past).for_each(|id| self.snapshots.litter(id));
    }

    /// What is broken on purpose; nothing, but in tests.
    pub(crate) fn breaks(&self) -> Breaks {
        if cfg!(feature = "breaks") { self.breaks } else { Breaks::default() }
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
