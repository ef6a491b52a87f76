//! The gate that every commit passes, and that a job which must be alone closes.
//!
//! Passing it touches only the seat's own line. The idea is that of a big-reader lock: whoever closes looks at every
//! seat.

use crate::seat::{Seat, Seats};
use crate::sync::{AtomicBool, Backoff, Mutex, MutexGuard, Ordering};

pub(crate) struct Gate {
    is_closed: AtomicBool,
    /// Held by the job that is alone.
    alone: Mutex<()>,
}

/// A commit on its way through.
pub(crate) struct Passing<'s>(&'s Seat);

/// The gate is closed while this lives.
pub(crate) struct Closed<'g> {
    gate: &'g Gate,
    _alone: MutexGuard<'g, ()>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self { is_closed: AtomicBool::new(false), alone: Mutex::new(()) }
    }

    /// Passes; waits while the gate is closed.
    pub(crate) fn pass<'s>(&self, seat: &'s Seat) -> Passing<'s> {
        loop {
            // Shown first, looked second; whoever closes does it the other way round. In one total order
            // of both, one of the two sees the other.
            seat.is_passing.store(true, Ordering::SeqCst);
            if !self.is_closed.load(Ordering::SeqCst) {
                return Passing(seat);
            }
            seat.is_passing.store(false, Ordering::SeqCst);
            drop(self.alone.lock());
        }
    }

    /// Closes, and waits until all who were inside are through.
    pub(crate) fn close(&self, seats: &Seats) -> Closed<'_> {
        let alone = self.alone.lock();
        self.is_closed.store(true, Ordering::SeqCst);
        let mut backoff = Backoff::default();
        for seat in seats.iter() {
            while seat.is_passing.load(Ordering::SeqCst) {
                backoff.wait();
            }
        }
        Closed { gate: self, _alone: alone }
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.0.is_passing.store(false, Ordering::Release);
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.gate.is_closed.store(false, Ordering::SeqCst);
    }
}
