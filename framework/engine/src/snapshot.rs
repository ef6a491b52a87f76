//! The commit clock, and which moments read-only jobs are looking at.

use std::collections::BTreeMap;

use daystar_model::CommitNumber;

use crate::sync::{AtomicU64, CachePadded, Mutex, Ordering};

/// Counts commits. A commit's number is taken while its cells are marked, so a snapshot taken here never
/// misses a commit that it includes: it meets the mark and waits.
pub(crate) struct CommitClock(CachePadded<AtomicU64>);

impl CommitClock {
    pub(crate) fn new(last: CommitNumber) -> Self {
        Self(CachePadded::new(AtomicU64::new(last.0)))
    }

    pub(crate) fn now(&self) -> CommitNumber {
        CommitNumber(self.0.load(Ordering::SeqCst))
    }

    pub(crate) fn tick(&self) -> CommitNumber {
        CommitNumber(self.0.fetch_add(1, Ordering::SeqCst)).next()
    }
}

/// The snapshots that must stay readable.
pub(crate) struct Snapshots {
    /// The oldest registered snapshot, [`NONE`] without one: what every commit looks at, without the lock.
    oldest: CachePadded<AtomicU64>,
    registered: Mutex<BTreeMap<u64, usize>>,
}

const NONE: u64 = u64::MAX;

impl Snapshots {
    pub(crate) fn new() -> Self {
        Self {
            oldest: CachePadded::new(AtomicU64::new(NONE)),
            registered: Mutex::new(BTreeMap::new()),
        }
    }

    /// A snapshot of now whose versions are kept until the guard is dropped.
    pub(crate) fn register(&self, clock: &CommitClock) -> Registered<'_> {
        let mut registered = self.registered.lock();
        let floor = clock.now().0;
        *registered.entry(floor).or_default() += 1;
        self.publish(&registered);
        drop(registered);
        // Taken after the floor is published: a commit that did not see the floor has its number already,
        // so this snapshot includes it and wants nothing that it throws away.
        Registered { snapshots: self, floor, snapshot: clock.now() }
    }

    /// No registered snapshot, and none to come, is older than this; `now` if there is none.
    pub(crate) fn horizon(&self, now: CommitNumber) -> CommitNumber {
        CommitNumber(self.oldest.load(Ordering::SeqCst).min(now.0))
    }

    fn publish(&self, registered: &BTreeMap<u64, usize>) {
        let oldest = registered.keys().next().copied().unwrap_or(NONE);
        self.oldest.store(oldest, Ordering::SeqCst);
    }
}

/// Keeps one snapshot readable.
pub(crate) struct Registered<'a> {
    snapshots: &'a Snapshots,
    floor: u64,
    pub(crate) snapshot: CommitNumber,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        let mut registered = self.snapshots.registered.lock();
        if let Some(count) = registered.get_mut(&self.floor) {
            *count -= 1;
            if *count == 0 {
                registered.remove(&self.floor);
            }
        }
        self.snapshots.publish(&registered);
    }
}
