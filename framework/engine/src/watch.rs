//! Jobs that run for too long: noticed from outside, because a job that never calls the engine notices nothing.
//!
//! An attempt only says that it begins and ends. Whoever has a clock calls [`Engine::watch`](crate::Engine::watch) now
//! and then; an attempt seen running for longer than it may is stopped at its next call of the engine.

use std::time::Duration;

use crate::seat::Seats;
use crate::sync::{AtomicU64, Mutex, Ordering};

/// What a seat shows of the attempt that runs there.
pub(crate) struct Watched {
    /// The attempt that runs; zero if none does.
    running: AtomicU64,
    /// How many attempts have run.
    attempts: AtomicU64,
    /// The attempt that shall stop.
    stopped: AtomicU64,
    /// The kind of job; locked only when another kind comes.
    kind: Mutex<&'static str>,
    /// The kind's address, to tell without the lock that it is the same.
    kind_at: AtomicU64,
}

impl Default for Watched {
    fn default() -> Self {
        Self {
            running: AtomicU64::new(0),
            attempts: AtomicU64::new(0),
            stopped: AtomicU64::new(0),
            kind: Mutex::new(""),
            kind_at: AtomicU64::new(0),
        }
    }
}

impl Watched {
    /// An attempt at a job of this kind begins.
    pub(crate) fn begin(&self, kind: &'static str) -> Running<'_> {
        let at = kind.as_ptr() as u64;
        if self.kind_at.load(Ordering::Relaxed) != at {
            *self.kind.lock() = kind;
            self.kind_at.store(at, Ordering::Relaxed);
        }
        let attempt = self.attempts.load(Ordering::Relaxed) + 1;
        self.attempts.store(attempt, Ordering::Relaxed);
        self.running.store(attempt, Ordering::Release);
        Running { watched: self, attempt }
    }
}

/// A running attempt, as the watch sees it.
pub(crate) struct Running<'w> {
    watched: &'w Watched,
    attempt: u64,
}

impl Running<'_> {
    /// Whether the attempt has been running for too long.
    pub(crate) fn is_stopped(&self) -> bool {
        self.watched.stopped.load(Ordering::Relaxed) == self.attempt
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.watched.running.store(0, Ordering::Relaxed);
    }
}

/// A job that has been running for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overdue {
    /// Its kind.
    pub kind: &'static str,
    /// For how long at least.
    pub running: Duration,
    /// Whether it is stopped at its next call of the engine.
    pub is_stopped: bool,
}

/// What whoever watches remembers of each seat.
#[derive(Default)]
pub(crate) struct Watch {
    seen: Mutex<Vec<Seen>>,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    attempt: u64,
    since: Duration,
    was_reported: bool,
    was_stopped: bool,
}

impl Watch {
    /// Looks at all seats at the time `now`, by any clock that does not go back. Each attempt is reported twice at
    /// most: when it has been running for `warn`, and when it is stopped.
    pub(crate) fn look(
        &self,
        seats: &Seats,
        now: Duration,
        warn: Duration,
        most: Duration,
    ) -> Vec<Overdue> {
        let mut all = self.seen.lock();
        let mut overdue = Vec::new();
        for (number, seat) in seats.iter().enumerate() {
            if all.len() <= number {
                all.push(Seen::default());
            }
            let (seen, watched) = (&mut all[number], &seat.watched);
            let attempt = watched.running.load(Ordering::Acquire);
            if attempt == 0 || attempt != seen.attempt {
                *seen = Seen { attempt, since: now, ..Seen::default() };
                continue;
            }
            let running = now.saturating_sub(seen.since);
            let (is_late, is_stopped) = (running >= warn, running >= most);
            if is_stopped {
                watched.stopped.store(attempt, Ordering::Relaxed);
            }
            if (is_late && !seen.was_reported) || (is_stopped && !seen.was_stopped) {
                overdue.push(Overdue { kind: *watched.kind.lock(), running, is_stopped });
            }
            seen.was_reported |= is_late;
            seen.was_stopped |= is_stopped;
        }
        overdue
    }
}
