//! The gate that every commit passes, and that a job which must be alone closes.
//!
//! Passing it touches only a line of the thread's own. The idea is that of a big-reader lock: whoever closes
//! looks at every line.

use crate::sync::{AtomicBool, AtomicU64, Backoff, CachePadded, Mutex, MutexGuard, Ordering};
use crate::thread::{SHARDS, shard};

pub(crate) struct Gate {
    is_closed: AtomicBool,
    /// Commits on their way through, by the threads' shards.
    inside: [CachePadded<AtomicU64>; SHARDS],
    /// Held by the job that is alone.
    alone: Mutex<()>,
}

/// A commit on its way through.
pub(crate) struct Passing<'g>(&'g AtomicU64);

/// The gate is closed while this lives.
pub(crate) struct Closed<'g> {
    gate: &'g Gate,
    _alone: MutexGuard<'g, ()>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        Self {
            is_closed: AtomicBool::new(false),
            inside: std::array::from_fn(|_| CachePadded::new(AtomicU64::new(0))),
            alone: Mutex::new(()),
        }
    }

    /// Passes; waits while the gate is closed.
    pub(crate) fn pass(&self) -> Passing<'_> {
        let inside = &*self.inside[shard()];
        loop {
            // Counted first, looked second; whoever closes does it the other way round. In one total order
            // of both, one of the two sees the other.
            inside.fetch_add(1, Ordering::SeqCst);
            if !self.is_closed.load(Ordering::SeqCst) {
                return Passing(inside);
            }
            inside.fetch_sub(1, Ordering::SeqCst);
            drop(self.alone.lock());
        }
    }

    /// Closes, and waits until all who were inside are through.
    pub(crate) fn close(&self) -> Closed<'_> {
        let alone = self.alone.lock();
        self.is_closed.store(true, Ordering::SeqCst);
        let mut backoff = Backoff::default();
        for inside in &self.inside {
            while inside.load(Ordering::SeqCst) != 0 {
                backoff.wait();
            }
        }
        Closed { gate: self, _alone: alone }
    }
}

impl Drop for Passing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}

impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.gate.is_closed.store(false, Ordering::SeqCst);
    }
}
