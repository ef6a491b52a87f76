//! Wakes tasks at their time; and whoever else must be called now and then.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
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

    /// How many tasks wait for their time, those that were cancelled included.
    pub(crate) fn waiting(&self) -> usize {
        let state = self.state.lock();
        state.by_world.len() + state.by_wall.len()
    }

    fn run(&self, tick: &mut Tick) {
        let mut due: Vec<Vec<ObjectId>> = vec![Vec::new(); self.kinds.count()];
        let mut state = self.state.lock();
        while !state.is_closed {
            for dial in [Dial::World, Dial::Wall] {
                state.take_due(dial, self.clock.read(dial), &mut due);
            }
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

    /// Moves tasks that are due into `due`, by kind: some of them, since others wait for the lock.
    fn take_due(&mut self, dial: Dial, now: Timestamp, due: &mut [Vec<ObjectId>]) {
        if !self.is_firing {
            return;
        }
        let heap = self.heap(dial);
        for _ in 0..BATCH {
            let Some(Reverse(first)) = heap.peek().copied().filter(|first| first.0.due <= now)
            else {
                return;
            };
            heap.pop();
            due[first.kind as usize].push(first.task);
        }
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
