//! What a thread has of its own, so that threads do not meet in shared counters.

use std::cell::Cell;

use crate::sync::{AtomicU64, CachePadded, Ordering};

/// More than the cores of most machines: threads beyond it share, which is slower and no less right.
pub(crate) const SHARDS: usize = 64;

thread_local! {
    static NUMBER: u64 = {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed)
    };
    static TURN: Cell<u64> = const { Cell::new(0) };
}

/// This thread's shard.
pub(crate) fn shard() -> usize {
    NUMBER.with(|number| *number as usize % SHARDS)
}

/// A number that no other call on any thread gives.
pub(crate) fn unique() -> u64 {
    let turn = TURN.with(|turn| turn.replace(turn.get() + 1));
    NUMBER.with(|number| number << 40) ^ turn
}

/// A count that is written often, by many, and read seldom.
pub(crate) struct Counter([CachePadded<AtomicU64>; SHARDS]);

impl Default for Counter {
    fn default() -> Self {
        Self(std::array::from_fn(|_| CachePadded::new(AtomicU64::new(0))))
    }
}

impl Counter {
    pub(crate) fn add_one(&self) {
        self.0[shard()].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn total(&self) -> u64 {
        self.0.iter().map(|shard| shard.load(Ordering::Relaxed)).sum()
    }
}
