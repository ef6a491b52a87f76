//! Requests on their way to the writer.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// The queue between those who send and the one task that writes. Who sends too much waits.
pub(crate) struct Outgoing {
    queue: Mutex<Queue>,
    /// Wakes the writer.
    work: Notify,
    /// Wakes those who wait for room.
    room: Notify,
    /// Tells the writer that it has only so much time left.
    left: Notify,
    bytes_max: usize,
}

struct Queue {
    frames: Vec<Bytes>,
    bytes: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// What is queued is written, then goodbye is said.
    Leaving,
    /// Nothing is written any more.
    Over,
}

/// What the writer has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Write the frames.
    Write,
    /// Write the frames, and goodbye.
    WriteLast,
    /// Nothing more.
    Stop,
}

impl Outgoing {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let queue = Queue { frames: Vec::new(), bytes: 0, state: State::Open };
        let (work, room, left) = (Notify::new(), Notify::new(), Notify::new());
        Self { queue: Mutex::new(queue), work, room, left, bytes_max }
    }

    /// Queues `frame`, waiting for room; false when nothing is sent any more.
    pub(crate) async fn push(&self, frame: Bytes) -> bool {
        loop {
            // Asked for before looking, so that room made in between is not missed.
            let room = self.room.notified();
            let pushed = self.with(|queue| {
                if queue.state != State::Open {
                    return Some(false);
                }
                if queue.bytes > 0 && queue.bytes + frame.len() > self.bytes_max {
                    return None;
                }
                queue.bytes += frame.len();
                queue.frames.push(frame.clone());
                Some(true)
            });
            if let Some(pushed) = pushed {
                if pushed {
                    self.work.notify_one();
                }
                return pushed;
            }
            room.await;
        }
    }

    /// Lets nothing more in, and says goodbye behind what is queued.
    pub(crate) fn leave(&self) {
        self.end(State::Leaving);
        self.left.notify_one();
    }

    /// Resolves when [`leave`](Self::leave) has been called; for the writer alone.
    pub(crate) async fn left(&self) {
        self.left.notified().await;
    }

    /// Throws away what is queued.
    pub(crate) fn stop(&self) {
        self.end(State::Over);
    }

    /// Moves all queued frames into `frames`, waiting until there is something to do; for the writer alone.
    pub(crate) async fn take(&self, frames: &mut Vec<Bytes>) -> Work {
        loop {
            let work = self.with(|queue| {
                std::mem::swap(frames, &mut queue.frames);
                match queue.state {
                    State::Open if frames.is_empty() => None,
                    State::Open => Some(Work::Write),
                    State::Leaving => Some(Work::WriteLast),
                    State::Over => Some(Work::Stop),
                }
            });
            match work {
                Some(work) => return work,
                None => self.work.notified().await,
            }
        }
    }

    /// The transport has taken over `bytes` of frames.
    pub(crate) fn written(&self, bytes: usize) {
        self.with(|queue| queue.bytes = queue.bytes.saturating_sub(bytes));
        self.room.notify_waiters();
    }

    fn end(&self, state: State) {
        self.with(|queue| {
            if state == State::Over {
                queue.frames = Vec::new();
            }
            if queue.state != State::Over {
                queue.state = state;
            }
        });
        self.work.notify_one();
        self.room.notify_waiters();
    }

    fn with<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> T {
        // Nothing under the lock can panic half way.
        act(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
