//! The commit clock, and which moments read-only jobs are looking at.

use std::collections::VecDeque;

use daystar_model::{CommitNumber, ObjectId};
use smallvec::SmallVec;

use crate::sync::{AtomicU64, Backoff, CachePadded, IS_CHECKED, Mutex, Ordering};

/// Counts commits. A commit's number is taken while its cells are locked, so a snapshot taken here never
/// misses a commit that it includes: it meets the lock and waits.
pub(crate) struct CommitClock(CachePadded<Line>);

/// What every commit writes lies in one line, so that it goes from core to core once.
struct Line {
    /// The last number that was taken.
    taken: AtomicU64,
    /// The number to be handed on next.
    next: AtomicU64,
}

impl CommitClock {
    pub(crate) fn new(last: CommitNumber) -> Self {
        let (taken, next) = (AtomicU64::new(last.0), AtomicU64::new(last.next().0));
        Self(CachePadded::new(Line { taken, next }))
    }

    pub(crate) fn now(&self) -> CommitNumber {
        CommitNumber(self.0.taken.load(Ordering::SeqCst))
    }

    pub(crate) fn tick(&self) -> CommitNumber {
        CommitNumber(self.0.taken.fetch_add(1, Ordering::SeqCst)).next()
    }

    /// The number to be handed on next: the hand-over's.
    pub(crate) fn next(&self) -> &AtomicU64 {
        &self.0.next
    }

    /// Moves the clock, for the single thread that runs recorded jobs again: the next commit has the number after
    /// `now`, and is handed on as `next`.
    pub(crate) fn set(&self, now: CommitNumber, next: CommitNumber) {
        self.0.taken.store(now.0, Ordering::SeqCst);
        self.0.next.store(next.0, Ordering::SeqCst);
    }
}

/// The snapshots that must stay readable. Whoever looks at the past has a place of its own, so that readers meet one
/// another as little as can be, and a commit looks only at the places in use.
pub(crate) struct Snapshots {
    /// A bit for each place in use.
    in_use: CachePadded<AtomicU64>,
    /// The snapshot of each; [`UNSETTLED`] while it is not known, and always so while the place is not in use.
    places: [CachePadded<AtomicU64>; PLACES],
    /// Objects that keep older versions, to be tidied when those who wanted them are gone.
    litter: Mutex<VecDeque<ObjectId>>,
    /// How many those are, for whoever only wants to know whether there are any.
    littered: CachePadded<AtomicU64>,
}

/// As many as the word has bits. More readers at once than this wait for a place.
const PLACES: usize = if IS_CHECKED { 4 } else { 64 };

/// A snapshot that may turn out to be any.
const UNSETTLED: u64 = u64::MAX;

impl Snapshots {
    pub(crate) fn new() -> Self {
        Self {
            in_use: CachePadded::new(AtomicU64::new(0)),
            places: std::array::from_fn(|_| CachePadded::new(AtomicU64::new(UNSETTLED))),
            litter: Mutex::new(VecDeque::new()),
            littered: CachePadded::new(AtomicU64::new(0)),
        }
    }

    /// A snapshot of now whose versions are kept until the guard is dropped.
    pub(crate) fn register(&self, clock: &CommitClock) -> Registered<'_> {
        let place = self.take_place();
        // Taken after the place is seen to be in use: a commit that did not see it has its number already,
        // so this snapshot includes it and wants nothing that it throws away.
        let snapshot = clock.now();
        self.places[place].store(snapshot.0, Ordering::SeqCst);
        Registered { snapshots: self, place, snapshot }
    }

    fn take_place(&self) -> usize {
        let mut backoff = Backoff::default();
        loop {
            let in_use = self.in_use.load(Ordering::SeqCst);
            let place = in_use.trailing_ones() as usize;
            if place < PLACES {
                let taken = in_use | 1 << place;
                let (success, failure) = (Ordering::SeqCst, Ordering::Relaxed);
                if self.in_use.compare_exchange(in_use, taken, success, failure).is_ok() {
                    return place;
                }
            }
            backoff.wait();
        }
    }

    /// Who looks at the past, for a commit that has its number already.
    pub(crate) fn readers(&self) -> Readers {
        let mut readers = Readers::default();
        let mut in_use = self.in_use.load(Ordering::SeqCst);
        while in_use != 0 {
            let place = in_use.trailing_zeros() as usize;
            readers.0.push(self.places[place].load(Ordering::SeqCst));
            in_use &= in_use - 1;
        }
        readers
    }

    /// Remembers that `id` keeps an older version.
    pub(crate) fn litter(&self, id: ObjectId) {
        let mut litter = self.litter.lock();
        litter.push_back(id);
        self.littered.store(litter.len() as u64, Ordering::Relaxed);
    }

    /// Some of the objects that keep older versions, those first that have waited longest; who takes them tidies them.
    pub(crate) fn take_litter(&self) -> Vec<ObjectId> {
        if self.littered.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        // While others look at the past, most of it is still wanted.
        let is_past_wanted = self.in_use.load(Ordering::Relaxed) != 0;
        let most = if is_past_wanted { TRIED_AT_ONCE } else { TIDIED_AT_ONCE };
        let mut litter = self.litter.lock();
        let count = litter.len().min(most);
        let taken = litter.drain(..count).collect();
        self.littered.store(litter.len() as u64, Ordering::Relaxed);
        taken
    }
}

/// So many cells can a reader look after before its own job is late: when nobody wants the past, and when somebody may.
const TIDIED_AT_ONCE: usize = 4096;
const TRIED_AT_ONCE: usize = 64;

/// The snapshots that someone looks at. Nearly always there is none.
#[derive(Default)]
pub(crate) struct Readers(SmallVec<[u64; 4]>);

impl Readers {
    /// Whether one of them can want the version of commit `from`, which commit `until` has replaced.
    pub(crate) fn want(&self, from: CommitNumber, until: CommitNumber) -> bool {
        self.0.iter().any(|&at| at == UNSETTLED || (from.0 <= at && at < until.0))
    }
}

/// Keeps one snapshot readable.
pub(crate) struct Registered<'a> {
    snapshots: &'a Snapshots,
    place: usize,
    pub(crate) snapshot: CommitNumber,
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        // In this order: the next reader's place must not say for a moment that it wants what this one wanted.
        self.snapshots.places[self.place].store(UNSETTLED, Ordering::SeqCst);
        self.snapshots.in_use.fetch_and(!(1 << self.place), Ordering::SeqCst);
    }
}
