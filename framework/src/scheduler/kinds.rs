//! Due tasks, by their kinds: each kind has a queue of its own and takes turns with the others and with the sessions, so
//! that none takes the workers from the others, however many tasks it has or however long they run.
//!
//! A kind is in the run queue at most once for each worker, and goes to its back after [`TURN`] tasks or [`TURN_TIME`], times
//! its weight. Kinds whose tasks are long cannot be made to give a worker up in time, so all of them together leave one to the
//! others. What waits here is an id; the task itself is in the store.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use daystar_engine::{Engine, TaskKeeper};
use daystar_model::ObjectId;
use parking_lot::Mutex;

use crate::scheduler::queue::{RunQueue, TURN_TIME, contained};

/// How many tasks of a kind of weight one run before others have their turn.
const TURN: u32 = 16;
/// Tasks that take as long as this, on average, are long.
const LONG: Duration = Duration::from_millis(1);

/// What a kind is called, and its weight.
pub(crate) type Name = (&'static str, u32);

/// Runs one task of the kind with this place in the list.
pub(crate) type RunTask = Box<dyn Fn(&Engine, usize, ObjectId) + Send + Sync>;

/// All kinds of task.
pub(crate) struct Kinds {
    kinds: Vec<Kind>,
    places: HashMap<&'static str, usize>,
    queue: Arc<RunQueue>,
    workers: usize,
    run: RunTask,
    /// Whether tasks are run; those that are not, the next start finds in the store.
    is_open: AtomicBool,
    known: Arc<Known>,
    long: Mutex<Long>,
}

/// The turns of all kinds whose tasks are long.
#[derive(Default)]
struct Long {
    /// How many are in the run queue, or in a worker's hands.
    turns: usize,
    /// The kinds whose turns wait for one of those to end, in order.
    waiting: VecDeque<usize>,
}

/// How many tasks are known that wait: for their time, for their turn, or for whatever else they need.
#[derive(Debug, Default)]
pub(crate) struct Known {
    added: AtomicU64,
    /// Those of them that were cancelled, about: whoever has them does not let go of them at once.
    cancelled: AtomicU64,
}

impl Known {
    /// One more begins to wait.
    pub(crate) fn add(&self) {
        self.added.fetch_add(1, Ordering::Relaxed);
    }

    /// One that was added waits no more.
    pub(crate) fn take(&self) {
        self.take_all(1);
    }

    /// The same of several.
    pub(crate) fn take_all(&self, count: usize) {
        self.added.fetch_sub(count as u64, Ordering::Relaxed);
    }

    /// So many are cancelled, of those that were added and not taken.
    pub(crate) fn set_cancelled(&self, count: usize) {
        self.cancelled.store(count as u64, Ordering::Relaxed);
    }
}

impl TaskKeeper for Known {
    fn kept(&self) -> u64 {
        let added = self.added.load(Ordering::Relaxed);
        added.saturating_sub(self.cancelled.load(Ordering::Relaxed))
    }
}

struct Kind {
    name: &'static str,
    weight: u32,
    state: Mutex<State>,
    /// How long its tasks have taken of late, on average, in microseconds.
    average_us: AtomicU32,
}

#[derive(Default)]
struct State {
    due: VecDeque<ObjectId>,
    /// How often the kind is in the run queue, or in a worker's hands.
    turns: usize,
}

impl Kinds {
    /// Kinds of these names, whose tasks are run by `run` when one of the `workers` that take from `queue` comes to them. Those
    /// that wait are `known`.
    pub(crate) fn new(
        names: impl IntoIterator<Item = Name>,
        queue: Arc<RunQueue>,
        workers: usize,
        run: RunTask,
        known: Arc<Known>,
    ) -> Arc<Self> {
        let (mut kinds, mut places) = (Vec::new(), HashMap::new());
        for (name, weight) in names {
            places.insert(name, kinds.len());
            let (weight, state) = (weight.max(1), Mutex::default());
            kinds.push(Kind { name, weight, state, average_us: AtomicU32::new(0) });
        }
        let (workers, is_open) = (workers.max(1), AtomicBool::new(false));
        let long = Mutex::default();
        Arc::new(Self { kinds, places, queue, workers, run, is_open, known, long })
    }

    /// The place in the list of the kind called `name`.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Says whether tasks are run. Those that are pushed meanwhile, and those that wait, are forgotten: they stay in the store.
    pub(crate) fn set_open(&self, is_open: bool) {
        self.is_open.store(is_open, Ordering::Relaxed);
    }

    /// Learns of a task that will be pushed when it is due.
    pub(crate) fn add(&self) {
        self.known.add();
    }

    /// So many that were added will not be pushed.
    pub(crate) fn take_all(&self, count: usize) {
        self.known.take_all(count);
    }

    /// So many of those that were added are cancelled.
    pub(crate) fn set_cancelled(&self, count: usize) {
        self.known.set_cancelled(count);
    }

    /// How many kinds there are.
    pub(crate) fn count(&self) -> usize {
        self.kinds.len()
    }

    /// Has tasks of one kind run, as soon as its turn comes. They were [`add`](Self::add)ed.
    pub(crate) fn push(self: &Arc<Self>, place: usize, tasks: impl IntoIterator<Item = ObjectId>) {
        let Some(kind) = self.kinds.get(place) else { return };
        let more = {
            let mut state = kind.state.lock();
            state.due.extend(tasks);
            let useful = state.due.len().div_ceil(TURN as usize).min(self.turns_max(kind));
            let more = useful.saturating_sub(state.turns);
            state.turns += more;
            more
        };
        for _ in 0..more {
            self.queue_turn(place);
        }
    }

    fn queue_turn(self: &Arc<Self>, place: usize) {
        let is_long = self.kinds[place].is_long();
        if is_long {
            let mut long = self.long.lock();
            if long.turns >= self.long_turns_max() {
                long.waiting.push_back(place);
                return;
            }
            long.turns += 1;
        }
        self.queue_this(place, is_long);
    }

    fn queue_this(self: &Arc<Self>, place: usize, is_long: bool) {
        let kinds = Arc::clone(self);
        self.queue.push_loose(Box::new(move |engine| {
            let has_more = kinds.take_turn(place, engine);
            if is_long {
                kinds.end_long_turn();
            }
            if has_more {
                kinds.queue_turn(place);
            }
        }));
    }

    /// A turn of a kind whose tasks are long is over: the next of them has its turn.
    fn end_long_turn(self: &Arc<Self>) {
        let next = {
            let mut long = self.long.lock();
            let next = long.waiting.pop_front();
            if next.is_none() {
                long.turns -= 1;
            }
            next
        };
        if let Some(place) = next {
            self.queue_this(place, true);
        }
    }

    /// Runs some tasks of a kind. Whether it may have more.
    fn take_turn(&self, place: usize, engine: &Engine) -> bool {
        let kind = &self.kinds[place];
        let began = Instant::now();
        let mut before = Duration::ZERO;
        for _ in 0..TURN.saturating_mul(kind.weight) {
            let task = {
                let mut state = kind.state.lock();
                let is_one_too_many = state.turns > self.turns_max(kind);
                let may_run = !is_one_too_many && self.is_open.load(Ordering::Relaxed);
                let task = if may_run { state.due.pop_front() } else { None };
                if task.is_none() {
                    state.turns -= 1;
                }
                task
            };
            let Some(task) = task else { return false };
            // It was added once for each time that it was pushed.
            self.known.take();
            contained(kind.name, || (self.run)(engine, place, task));
            let now = began.elapsed();
            kind.learn(now - before);
            before = now;
            if now >= TURN_TIME * kind.weight {
                break;
            }
        }
        true
    }

    /// In how many workers' hands the kind may be at once.
    fn turns_max(&self, kind: &Kind) -> usize {
        if kind.is_long() { self.long_turns_max() } else { self.workers }
    }

    /// In how many workers' hands all kinds may be together whose tasks are long.
    fn long_turns_max(&self) -> usize {
        (self.workers - 1).max(1)
    }
}

impl Kind {
    fn is_long(&self) -> bool {
        u128::from(self.average_us.load(Ordering::Relaxed)) >= LONG.as_micros()
    }

    /// Learns how long a task has taken. What two workers write at once may get lost, and is not missed.
    fn learn(&self, time: Duration) {
        let time = u32::try_from(time.as_micros()).unwrap_or(u32::MAX / 8);
        let average = self.average_us.load(Ordering::Relaxed);
        let next = average - average / 8 + time / 8;
        self.average_us.store(next, Ordering::Relaxed);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use daystar_engine::Settings;
    use daystar_model::store::{Batch, Store, StoreError, Stored, Visit};
    use daystar_model::{CommitNumber, Space, SystemClock};

    use super::*;

    /// Keeps nothing, since nothing is kept here.
    struct Empty;

    impl Store for Empty {
        fn load(&self, _: ObjectId) -> Result<Option<Stored>, StoreError> {
            Ok(None)
        }
        fn apply(&self, _: &Batch) -> Result<(), StoreError> {
            Ok(())
        }
        fn scan(&self, _: ObjectId, _: ObjectId, _: &mut Visit<'_>) -> Result<(), StoreError> {
            Ok(())
        }
        fn last_commit(&self) -> Result<CommitNumber, StoreError> {
            Ok(CommitNumber::ZERO)
        }
        fn next_index(&self) -> Result<u64, StoreError> {
            Ok(1)
        }
    }

    /// An engine for what needs none.
    pub(in crate::scheduler) fn engine() -> Engine {
        let (store, clock) = (Arc::new(Empty), Arc::new(SystemClock));
        Engine::new(store, Arc::new(()), clock, Settings::default()).expect("an engine")
    }

    fn tasks(count: u64) -> impl Iterator<Item = ObjectId> {
        (0..count).map(|index| ObjectId::new(Space::Task, index))
    }

    /// Kinds `a` and `b` of these weights, and which of them has run, in order.
    fn kinds(weights: [u32; 2]) -> (Arc<RunQueue>, Arc<Kinds>, Arc<Mutex<Vec<usize>>>) {
        let queue = Arc::new(RunQueue::new(0));
        let ran = Arc::<Mutex<Vec<usize>>>::default();
        let told = Arc::clone(&ran);
        let run: RunTask = Box::new(move |_, place, _| told.lock().push(place));
        let names = [("a", weights[0]), ("b", weights[1])];
        let kinds = Kinds::new(names, Arc::clone(&queue), 2, run, Arc::default());
        kinds.set_open(true);
        (queue, kinds, ran)
    }

    fn run_all(queue: &RunQueue) {
        queue.close();
        let engine = engine();
        while queue.run_next(&engine) {}
    }

    #[test]
    fn kinds_take_turns_by_their_weights() {
        let (queue, kinds, ran) = kinds([1, 2]);
        kinds.push(0, tasks(200));
        kinds.push(1, tasks(200));
        (0..400).for_each(|_| kinds.add());
        run_all(&queue);
        assert_eq!(kinds.known.kept(), 0);
        let ran = ran.lock();
        assert_eq!(ran.len(), 400, "all have run");
        // Of the time until the second is done, the first had about a third; and more only if a turn was over by time.
        let done = ran.iter().rposition(|place| *place == 1).unwrap_or_default();
        let first = ran[..done].iter().filter(|place| **place == 0).count();
        assert!(first < 160, "{first} of the other kind ran before this one was done");
        let begun = ran.iter().position(|place| *place == 1).unwrap_or_default();
        assert!(begun <= 2 * TURN as usize, "it had to wait for {begun}");
    }

    #[test]
    fn a_kind_whose_tasks_are_long_leaves_a_worker_to_the_others() {
        let (_queue, kinds, _) = kinds([1, 1]);
        kinds.kinds[0].learn(LONG * 8);
        for place in [0, 1] {
            kinds.push(place, tasks(200));
        }
        let turns = |place: usize| kinds.kinds[place].state.lock().turns;
        assert_eq!((turns(0), turns(1)), (1, 2));
    }

    #[test]
    fn kinds_whose_tasks_are_long_leave_a_worker_to_the_others_together() {
        let (queue, kinds, ran) = kinds([1, 1]);
        kinds.kinds.iter().for_each(|kind| kind.learn(LONG * 8));
        for place in [0, 1] {
            kinds.push(place, tasks(50));
        }
        let queued = || {
            let long = kinds.long.lock();
            (long.turns, long.waiting.len())
        };
        assert_eq!(queued(), (1, 1), "there are two workers");
        let engine = engine();
        assert!(queue.run_next(&engine));
        // Here they take no time, of which the kind learns: its next turn may be an ordinary one.
        assert_eq!(queued(), (1, 0), "the other has its turn");
        run_all(&queue);
        assert_eq!(ran.lock().len(), 100, "all have run");
        assert_eq!(queued(), (0, 0));
    }

    #[test]
    fn nothing_runs_while_tasks_are_not_to() {
        let (queue, kinds, ran) = kinds([1, 1]);
        kinds.set_open(false);
        kinds.push(0, tasks(200));
        run_all(&queue);
        assert!(ran.lock().is_empty());
    }
}
