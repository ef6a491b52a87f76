//! Wakes tasks at their time; and whoever else must be called now and then.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use daystar_model::{Clock, ObjectId, Timestamp};
use parking_lot::{Condvar, Mutex, MutexGuard};

/// What is to be done with a task whose time has come. Must not block.
pub(crate) type Fire = Box<dyn Fn(ObjectId) + Send>;

/// What is called every 10 ms, and oftener while tasks become due; it has a clock of its own if it wants to know. Must
/// not block.
pub(crate) type Tick = Box<dyn FnMut() + Send>;

/// The tasks that wait for their time: nothing but their ids, the tasks themselves are in the store.
pub(crate) struct Timers {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: BinaryHeap<Reverse<(Timestamp, ObjectId)>>,
    is_firing: bool,
    is_closed: bool,
}

/// The thread that watches the clock.
pub(crate) struct TimerThread {
    timers: Arc<Timers>,
    thread: Option<JoinHandle<()>>,
}

impl Timers {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), changed: Condvar::new() }
    }

    /// Has `task` fired at `due`, or as soon as may be if that has passed.
    pub(crate) fn add(&self, task: ObjectId, due: Timestamp) {
        let mut state = self.state.lock();
        let is_first = state.waiting.peek().is_none_or(|Reverse((first, _))| due < *first);
        state.waiting.push(Reverse((due, task)));
        drop(state);
        if is_first {
            self.changed.notify_one();
        }
    }

    fn run(&self, clock: &dyn Clock, fire: &Fire, tick: &mut Tick) {
        let mut due = Vec::new();
        let mut state = self.state.lock();
        while !state.is_closed {
            let now = clock.now();
            while let Some(at) = state.next()
                && at <= now
            {
                due.extend(state.waiting.pop().map(|Reverse((_, task))| task));
            }
            MutexGuard::unlocked(&mut state, || {
                due.drain(..).for_each(fire);
                tick();
            });
            // Asked again, since it may have changed meanwhile without our hearing of it.
            let pause = state.next().map_or(TICK_EVERY, |at| at.since(clock.now()));
            self.changed.wait_for(&mut state, pause.min(TICK_EVERY));
        }
    }
}

impl State {
    /// When the next task is to be fired.
    fn next(&self) -> Option<Timestamp> {
        let Reverse((at, _)) = self.waiting.peek().filter(|_| self.is_firing)?;
        Some(*at)
    }
}

impl TimerThread {
    /// Starts the thread. It ticks at once, and fires when it is told to.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(crate) fn start(
        timers: &Arc<Timers>,
        clock: Arc<dyn Clock>,
        fire: Fire,
        mut tick: Tick,
    ) -> io::Result<Self> {
        let watched = Arc::clone(timers);
        let run = move || watched.run(&*clock, &fire, &mut tick);
        let thread = Builder::new().name("timers".to_owned()).spawn(run)?;
        Ok(Self { timers: Arc::clone(timers), thread: Some(thread) })
    }

    /// Says whether tasks are to be fired; those that are not wait.
    pub(crate) fn set_firing(&self, is_firing: bool) {
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
