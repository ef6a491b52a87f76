//! Giving up the cells of what is gone: which pages may be of no use any more, and who looks, when.
//!
//! Whoever removes an object lists its page, which costs a word beside the page's own address. Nothing looks for a page that
//! is not listed, however many there are; and a listed page is left at the first object that is still there.

use daystar_model::{CommitNumber, ObjectId};

use crate::engine::Shared;
use crate::seat::Seated;
use crate::sync::{AtomicU64, IS_CHECKED, Mutex, Ordering};

/// Pages that may be of no use any more, each by one of its ids.
#[derive(Default)]
pub(crate) struct Listed {
    ids: Mutex<Vec<ObjectId>>,
    /// How many there are, for whoever only wants to know whether it is worth looking.
    count: AtomicU64,
    /// Up to where the store had come when somebody looked last.
    looked_at: AtomicU64,
}

/// From how many pages on, and after how many commits that the store has got since, somebody looks: what was removed last
/// is not stored yet, and its neighbours may go as well.
const PAGES: u64 = if IS_CHECKED { 1 } else { 64 };
const COMMITS: u64 = if IS_CHECKED { 1 } else { 1024 };

/// How many pages are looked at after one job. More wait for the next.
const PAGES_AT_ONCE: usize = 1024;

impl Listed {
    /// Adds the page of `id`, which must not be listed yet.
    pub(crate) fn add(&self, id: ObjectId) {
        let mut ids = self.ids.lock();
        ids.push(id);
        self.count.store(ids.len() as u64, Ordering::Relaxed);
    }

    fn is_due(&self, stored: impl FnOnce() -> CommitNumber) -> bool {
        self.count.load(Ordering::Relaxed) >= PAGES
            && stored().0 >= self.looked_at.load(Ordering::Relaxed) + COMMITS
    }

    fn take(&self, stored: CommitNumber) -> Vec<ObjectId> {
        self.looked_at.store(stored.0, Ordering::Relaxed);
        let mut ids = self.ids.lock();
        let most = ids.len().min(PAGES_AT_ONCE);
        let taken = ids.drain(..most).collect();
        self.count.store(ids.len() as u64, Ordering::Relaxed);
        taken
    }
}

impl Shared {
    /// After a job: gives up pages of cells that are of no use any more, if there are enough that may be.
    #[inline]
    pub(crate) fn give_up_gone(&self, seated: &Seated<'_>) {
        if self.table.listed.is_due(|| self.budget.last_stored()) {
            self.look_for_gone(seated);
        }
    }

    /// Gives up what is of no use of the pages that may be.
    #[cold]
    pub(crate) fn look_for_gone(&self, seated: &Seated<'_>) {
        let stored = self.budget.last_stored();
        for id in self.table.listed.take(stored) {
            // To whoever is alone, a cell that is locked for this would look like one that is being changed.
            let _passing = self.gate.pass(seated.seat);
            let pin = self.epoch.pin(&self.seats, seated.seat, &seated.yard);
            self.table.give_up(id, stored, self.breaks(), &pin);
        }
    }
}
