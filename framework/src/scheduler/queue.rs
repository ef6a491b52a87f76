//! Lanes of work, and the one queue of lanes that have some.
//!
//! Within a lane work runs in order, one piece after the other; lanes run beside each other. A lane is in the
//! run queue at most once, and goes to its back after [`TURN`] pieces, so that no lane holds up the others.

use std::collections::VecDeque;
use std::sync::Arc;

use daystar_engine::Engine;
use parking_lot::{Condvar, Mutex};

/// A piece of work.
pub(crate) type Work = Box<dyn FnOnce(&Engine) + Send>;

/// How many pieces of one lane run before others have their turn.
const TURN: usize = 16;

/// Work that must run in order, such as the events of one session.
#[derive(Default)]
pub(crate) struct Lane {
    state: Mutex<LaneState>,
}

#[derive(Default)]
struct LaneState {
    work: VecDeque<Work>,
    /// In the run queue, or in a worker's hands.
    is_scheduled: bool,
}

/// What workers take from.
pub(crate) struct RunQueue {
    state: Mutex<RunState>,
    has_work: Condvar,
}

struct RunState {
    ready: VecDeque<Ready>,
    /// Pieces taken by workers and not yet finished.
    running: usize,
    is_closed: bool,
}

enum Ready {
    Lane(Arc<Lane>),
    Loose(Work),
}

impl RunQueue {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::new(RunState { ready: VecDeque::new(), running: 0, is_closed: false }),
            has_work: Condvar::new(),
        }
    }

    /// Appends `work` to `lane`.
    pub(crate) fn push(&self, lane: &Arc<Lane>, work: Work) {
        let is_news = {
            let mut state = lane.state.lock();
            state.work.push_back(work);
            !std::mem::replace(&mut state.is_scheduled, true)
        };
        if is_news {
            self.ready(Ready::Lane(Arc::clone(lane)));
        }
    }

    /// Appends work that has no order with any other.
    pub(crate) fn push_loose(&self, work: Work) {
        self.ready(Ready::Loose(work));
    }

    /// Lets the workers end once nothing is left to do.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.has_work.notify_all();
    }

    /// Takes work and runs it; `false` when the queue is closed and nothing is left or can come.
    pub(crate) fn run_next(&self, engine: &Engine) -> bool {
        let ready = {
            let mut state = self.state.lock();
            loop {
                if let Some(ready) = state.ready.pop_front() {
                    state.running += 1;
                    break ready;
                }
                // What is running may still make work.
                if state.is_closed && state.running == 0 {
                    return false;
                }
                self.has_work.wait(&mut state);
            }
        };
        let _ended = Ended(self);
        match ready {
            Ready::Loose(work) => work(engine),
            Ready::Lane(lane) => {
                if lane.run_turn(engine) {
                    self.ready(Ready::Lane(lane));
                }
            }
        }
        true
    }

    fn ready(&self, ready: Ready) {
        self.state.lock().ready.push_back(ready);
        self.has_work.notify_one();
    }
}

/// Counts a piece of work as ended, however it ends: the others must not wait for it for ever.
struct Ended<'q>(&'q RunQueue);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.running -= 1;
        if state.is_closed && state.running == 0 {
            self.0.has_work.notify_all();
        }
    }
}

impl Lane {
    /// Runs up to [`TURN`] pieces; whether there is more.
    fn run_turn(&self, engine: &Engine) -> bool {
        for _ in 0..TURN {
            let next = {
                let mut state = self.state.lock();
                let next = state.work.pop_front();
                state.is_scheduled = next.is_some();
                next
            };
            let Some(work) = next else { return false };
            work(engine);
        }
        let mut state = self.state.lock();
        state.is_scheduled = !state.work.is_empty();
        state.is_scheduled
    }
}
