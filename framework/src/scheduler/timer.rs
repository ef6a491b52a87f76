//! Wakes tasks at their time; and whoever else must be called now and then.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use daystar_model::{Clock, Dial, ObjectId, Timestamp};
use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::scheduler::kinds::Kinds;

/// What is called every 10 ms, and oftener while tasks become due; it has a clock of its own if it wants to know. Must
/// not block.
pub(crate) type Tick = Box<dyn FnMut() + Send>;

/// A task that waits for its time, as far as timers know it. It is no more than a hint: the task itself, in the store, knows
/// whether it is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Waiting {
    due: Timestamp,
    task: ObjectId,
    /// The kind's place in the list of kinds.
    kind: u32,
}

// What each of a million costs.
const _: () = assert!(size_of::<Waiting>() == 24);

/// The tasks that wait for their time: nothing but their ids, the tasks themselves are in the store.
pub(crate) struct Timers {
    kinds: Arc<Kinds>,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Condvar,
    /// As in `state`, for those who look without the lock.
    is_firing: AtomicBool,
}

#[derive(Default)]
struct State {
    by_world: BinaryHeap<Reverse<Waiting>>,
    by_wall: BinaryHeap<Reverse<Waiting>>,
    /// Tasks that were cancelled: most of them still lie in a heap, where nothing is found by its id. Each is let go of when it comes
    /// up, or when there are many.
    cancelled: HashSet<ObjectId>,
    /// How many more were cancelled, which are being let go of.
    leaving: usize,
    is_firing: bool,
    is_closed: bool,
}

/// The thread that watches the clock.
pub(crate) struct TimerThread {
    timers: Arc<Timers>,
    thread: Option<JoinHandle<()>>,
}

impl Timers {
    /// Hands tasks to `kinds` when `clock` says that it is time.
    pub(crate) fn new(kinds: Arc<Kinds>, clock: Arc<dyn Clock>) -> Self {
        let (state, is_firing) = (Mutex::default(), AtomicBool::new(false));
        Self { kinds, clock, state, changed: Condvar::new(), is_firing }
    }

    /// Has the `task` of the kind called `kind` fired when it is `due` by the clock that `dial` names, or as soon as may be if that has passed.
    pub(crate) fn add(&self, task: ObjectId, due: Timestamp, dial: Dial, kind: &str) {
        let Some(kind) = self.kinds.place(kind) else {
            tracing::error!(%task, kind, "a task of this kind cannot be run by this program; it waits for one that can");
            return;
        };
        self.kinds.add();
        // Most tasks that are due at once have just been spawned, and need not pass through the other thread.
        if self.is_firing.load(Ordering::Relaxed) && due <= self.clock.read(dial) {
            return self.kinds.push(kind, [task]);
        }
        let kind = u32::try_from(kind).unwrap_or(u32::MAX);
        let mut state = self.state.lock();
        let heap = state.heap(dial);
        let is_first = heap.peek().is_none_or(|Reverse(first)| due < first.due);
        heap.push(Reverse(Waiting { due, task, kind }));
        drop(state);
        if is_first {
            self.changed.notify_one();
        }
    }

    /// The `task`, which was added, is gone. It may have fired already.
    pub(crate) fn cancel(&self, task: ObjectId) {
        let mut state = self.state.lock();
        state.cancelled.insert(task);
        self.kinds.set_cancelled(state.cancelled.len() + state.leaving);
    }

    /// Lets go of what was cancelled, if it is more than half of what is there: so that it takes no room for long, and no more
    /// time than it took to add. What comes meanwhile does not wait for that.
    fn tidy(&self, state: &mut MutexGuard<'_, State>) {
        if state.cancelled.len() <= state.waiting() / 2 {
            return;
        }
        let cancelled = std::mem::take(&mut state.cancelled);
        state.leaving = cancelled.len();
        let mut heaps = [Dial::World, Dial::Wall].map(|dial| std::mem::take(state.heap(dial)));
        let removed = MutexGuard::unlocked(state, || {
            let mut removed = 0;
            for heap in &mut heaps {
                let before = heap.len();
                heap.retain(|Reverse(waiting)| !cancelled.contains(&waiting.task));
                removed += before - heap.len();
            }
            removed
        });
        for (dial, mut heap) in [Dial::World, Dial::Wall].into_iter().zip(heaps) {
            // The larger one first: it takes the other in.
            if heap.len() < state.heap(dial).len() {
                std::mem::swap(&mut heap, state.heap(dial));
            }
            heap.append(state.heap(dial));
            *state.heap(dial) = heap;
        }
        state.leaving = 0;
        self.kinds.take_all(removed);
        self.kinds.set_cancelled(state.cancelled.len());
    }

    /// How many tasks wait for their time, those that were cancelled of late included.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().waiting()
    }

    fn run(&self, tick: &mut Tick) {
        let mut due: Vec<Vec<ObjectId>> = vec![Vec::new(); self.kinds.count()];
        let mut state = self.state.lock();
        while !state.is_closed {
            let mut cancelled = 0;
            for dial in [Dial::World, Dial::Wall] {
                cancelled += state.take_due(dial, self.clock.read(dial), &mut due);
            }
            if cancelled > 0 {
                self.kinds.take_all(cancelled);
                self.kinds.set_cancelled(state.cancelled.len());
            }
            self.tidy(&mut state);
            MutexGuard::unlocked(&mut state, || {
                for (kind, due) in due.iter_mut().enumerate().filter(|(_, due)| !due.is_empty()) {
                    self.kinds.push(kind, due.drain(..));
                }
                tick();
            });
            // Asked again, since it may have changed meanwhile without our hearing of it.
            let pause = state.pause(&*self.clock).min(TICK_EVERY);
            self.changed.wait_for(&mut state, pause);
        }
    }
}

impl State {
    fn heap(&mut self, dial: Dial) -> &mut BinaryHeap<Reverse<Waiting>> {
        match dial {
            Dial::World => &mut self.by_world,
            Dial::Wall => &mut self.by_wall,
        }
    }

    fn waiting(&self) -> usize {
        self.by_world.len() + self.by_wall.len()
    }

    /// Moves tasks that are due into `due`, by kind: some of them, since others wait for the lock. How many came up that were
    /// cancelled.
    fn take_due(&mut self, dial: Dial, now: Timestamp, due: &mut [Vec<ObjectId>]) -> usize {
        let mut cancelled = 0;
        for _ in 0..if self.is_firing { BATCH } else { 0 } {
            let heap = self.heap(dial);
            let Some(Reverse(first)) = heap.peek().copied().filter(|first| first.0.due <= now)
            else {
                break;
            };
            heap.pop();
            if self.cancelled.remove(&first.task) {
                cancelled += 1;
            } else {
                due[first.kind as usize].push(first.task);
            }
        }
        cancelled
    }

    /// How long until the next task is to be fired.
    fn pause(&mut self, clock: &dyn Clock) -> Duration {
        if !self.is_firing {
            return Duration::MAX;
        }
        let mut pause = Duration::MAX;
        for dial in [Dial::World, Dial::Wall] {
            if let Some(Reverse(first)) = self.heap(dial).peek() {
                pause = pause.min(first.due.since(clock.read(dial)));
            }
        }
        pause
    }
}

impl TimerThread {
    /// Starts the thread. It ticks at once, and fires when it is told to.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(crate) fn start(timers: &Arc<Timers>, mut tick: Tick) -> io::Result<Self> {
        let watched = Arc::clone(timers);
        let run = move || watched.run(&mut tick);
        let thread = Builder::new().name("timers".to_owned()).spawn(run)?;
        Ok(Self { timers: Arc::clone(timers), thread: Some(thread) })
    }

    /// Says whether tasks are to be fired; those that are not wait.
    pub(crate) fn set_firing(&self, is_firing: bool) {
        self.timers.kinds.set_open(is_firing);
        self.timers.is_firing.store(is_firing, Ordering::Relaxed);
        self.timers.state.lock().is_firing = is_firing;
        self.timers.changed.notify_one();
    }

    /// Ends the thread. What has not fired stays in the store, for the next start.
    pub(crate) fn finish(&mut self) {
        self.timers.state.lock().is_closed = true;
        self.timers.changed.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the timer thread panicked");
        }
    }
}

impl Drop for TimerThread {
    fn drop(&mut self) {
        self.finish();
    }
}

/// How long the thread sleeps at most.
const TICK_EVERY: Duration = Duration::from_millis(10);

/// How many tasks are taken from the heap before others may add some.
const BATCH: usize = 1024;

#[cfg(test)]
mod tests {
    use daystar_engine::TaskKeeper;
    use daystar_model::{ManualClock, Space};

    use super::*;
    use crate::scheduler::kinds::Known;
    use crate::scheduler::queue::RunQueue;

    fn task(index: u64) -> ObjectId {
        ObjectId::new(Space::Task, index)
    }

    fn at(unix_ms: u64) -> Timestamp {
        Timestamp { unix_ms }
    }

    /// Timers that fire, of tasks of the kind `a`, without a thread.
    fn timers() -> (Timers, Arc<Known>) {
        let (queue, known) = (Arc::new(RunQueue::new(0)), Arc::<Known>::default());
        let kinds = Kinds::new([("a", 1)], queue, 1, Box::new(|_, _, _| {}), Arc::clone(&known));
        let timers = Timers::new(kinds, Arc::new(ManualClock::new(at(0))));
        timers.state.lock().is_firing = true;
        (timers, known)
    }

    /// A time-out of a day, put off again and again.
    #[test]
    fn what_was_cancelled_does_not_wait_until_its_time() {
        let (timers, known) = timers();
        for index in 0..10_000 {
            let dial = if index % 2 == 0 { Dial::World } else { Dial::Wall };
            timers.add(task(index), at(86_400_000 + index), dial, "a");
            if index >= 10 {
                timers.cancel(task(index - 10));
            }
            assert_eq!(known.kept(), (index + 1).min(10), "those that live");
            timers.tidy(&mut timers.state.lock());
            assert_eq!(known.kept(), (index + 1).min(10), "those that live");
            let state = timers.state.lock();
            assert!(state.waiting() <= 21 && state.cancelled.len() <= 10, "{}", state.waiting());
        }
        let mut due = vec![Vec::new()];
        let mut state = timers.state.lock();
        for dial in [Dial::World, Dial::Wall] {
            state.take_due(dial, at(u64::MAX), &mut due);
        }
        due[0].sort_unstable();
        assert!(due[0].iter().copied().eq((9_990..10_000).map(task)), "{due:?}");
    }

    #[test]
    fn what_was_cancelled_does_not_fire() {
        let (timers, _) = timers();
        (0..10).for_each(|index| timers.add(task(index), at(5), Dial::World, "a"));
        timers.cancel(task(3));
        let (mut due, mut state) = (vec![Vec::new()], timers.state.lock());
        assert_eq!(state.take_due(Dial::World, at(5), &mut due), 1);
        assert_eq!(due[0].len(), 9);
        assert!(!due[0].contains(&task(3)) && state.cancelled.is_empty());
    }

    /// It is the queue's then, which counts it as well.
    #[test]
    fn what_is_cancelled_when_it_has_fired_is_not_counted_twice() {
        let (timers, known) = timers();
        timers.add(task(1), at(5), Dial::World, "a");
        let mut due = vec![Vec::new()];
        timers.state.lock().take_due(Dial::World, at(5), &mut due);
        timers.cancel(task(1));
        timers.tidy(&mut timers.state.lock());
        assert_eq!(known.kept(), 1, "it waits for its turn");
        known.take();
        timers.cancel(task(1));
        assert_eq!(known.kept(), 0);
    }
}
