//! Wakes tasks at their time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use daystar_model::{Clock, ObjectId, Timestamp};
use parking_lot::{Condvar, Mutex};

/// What is to be done with a task whose time has come. Must not block.
pub(crate) type Fire = Box<dyn Fn(ObjectId) + Send>;

/// The tasks that wait for their time: nothing but their ids, the tasks themselves are in the store.
pub(crate) struct Timers {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: BinaryHeap<Reverse<(Timestamp, ObjectId)>>,
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

    /// Has `task` fired at `due`, or at once if that has passed.
    pub(crate) fn add(&self, task: ObjectId, due: Timestamp) {
        let mut state = self.state.lock();
        let is_first = state.waiting.peek().is_none_or(|Reverse((first, _))| due < *first);
        state.waiting.push(Reverse((due, task)));
        drop(state);
        if is_first {
            self.changed.notify_one();
        }
    }

    fn run(&self, clock: &dyn Clock, fire: &Fire) {
        let mut due = Vec::new();
        let mut state = self.state.lock();
        while !state.is_closed {
            let now = clock.now();
            while let Some(&Reverse((at, task))) = state.waiting.peek()
                && at <= now
            {
                state.waiting.pop();
                due.push(task);
            }
            if !due.is_empty() {
                parking_lot::MutexGuard::unlocked(&mut state, || due.drain(..).for_each(fire));
            } else if let Some(&Reverse((at, _))) = state.waiting.peek() {
                self.changed.wait_for(&mut state, at.since(now));
            } else {
                self.changed.wait(&mut state);
            }
        }
    }
}

impl TimerThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(crate) fn start(
        timers: &Arc<Timers>,
        clock: Arc<dyn Clock>,
        fire: Fire,
    ) -> io::Result<Self> {
        let watched = Arc::clone(timers);
        let thread =
            Builder::new().name("timers".to_owned()).spawn(move || watched.run(&*clock, &fire))?;
        Ok(Self { timers: Arc::clone(timers), thread: Some(thread) })
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
