//! Giving up the cells of what is gone: which pages, and which names, may be of no use any more, and who looks, when.
//!
//! Whoever removes an object lists its page, and so does who has made a page for something that is not there. Nothing looks for
//! a page that is not listed, however many there are; and a listed page is left at the first object that is still there. A
//! name is like a page of one cell.

use std::collections::VecDeque;

use daystar_model::{CommitNumber, ObjectId};

use crate::engine::Shared;
use crate::seat::Seated;
use crate::sync::{AtomicU64, IS_CHECKED, Mutex, Ordering};

/// Pages, or names, that may be of no use any more.
pub(crate) struct Listed {
    pages: Mutex<Pages>,
    /// With fewer, nobody looks.
    least: u64,
    /// How many there are, for whoever only wants to know whether it is worth looking.
    count: AtomicU64,
    /// Up to where the store must have come before somebody looks again.
    due: AtomicU64,
    /// Or how many there must be: those who only look things up do not get the store on. Zero while somebody has begun.
    many: AtomicU64,
}

#[derive(Default)]
struct Pages {
    /// Each by one of its ids, those first that were listed first.
    ids: VecDeque<ObjectId>,
    /// How many are still to be looked at of those that there were when somebody began: what has to wait is listed again behind
    /// them, and must not be looked at again and again.
    left: usize,
    /// How many of those that were looked at since have to wait.
    waiting: usize,
}

/// From how many pages on, and after how many commits that the store has got since, somebody looks: what was removed last
/// is not stored yet, and its neighbours may go as well.
const PAGES: u64 = if IS_CHECKED { 1 } else { 64 };
const COMMITS: u64 = if IS_CHECKED { 1 } else { 1024 };

/// How many have to be listed until somebody looks though the store has not got on: about 100 kB of names. Of those it takes as many
/// in any case: a few that are asked for again and again had better stay.
const MANY: u64 = if IS_CHECKED { 1 } else { 1024 };

/// How many pages are looked at after one job. The next looks at more.
const PAGES_AT_ONCE: usize = 128;

/// Or this part of all, so that jobs that list more than that get no further and further ahead.
const PART_AT_ONCE: usize = 64;

impl Listed {
    pub(crate) fn of_pages() -> Self {
        Self::of(PAGES)
    }

    pub(crate) fn of_names() -> Self {
        Self::of(MANY)
    }

    fn of(least: u64) -> Self {
        let (pages, count, due) = (Mutex::default(), AtomicU64::new(0), AtomicU64::new(0));
        Self { pages, least, count, due, many: AtomicU64::new(MANY) }
    }

    /// Adds the page of `id`, which must not be listed yet.
    pub(crate) fn add(&self, id: ObjectId) {
        self.put(&mut self.pages.lock(), id);
    }

    fn put(&self, pages: &mut Pages, id: ObjectId) {
        pages.ids.push_back(id);
        self.count.store(pages.ids.len() as u64, Ordering::Relaxed);
    }

    /// Adds again the page of `id`, which was looked at and has to wait.
    pub(crate) fn add_again(&self, id: ObjectId) {
        let mut pages = self.pages.lock();
        pages.waiting += 1;
        if pages.left == 0 {
            // Nobody could count it when the last was taken: it was being looked at.
            self.many.fetch_add(2, Ordering::Relaxed);
        }
        self.put(&mut pages, id);
    }

    fn is_due(&self, stored: impl FnOnce() -> CommitNumber) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        count >= self.many.load(Ordering::Relaxed)
            || (count >= self.least && stored().0 >= self.due.load(Ordering::Relaxed))
    }

    /// Begins to look at all that there are.
    #[cfg(any(test, feature = "breaks"))]
    fn begin(&self) {
        self.begin_with(&mut self.pages.lock());
    }

    fn begin_with(&self, pages: &mut Pages) {
        (pages.left, pages.waiting) = (pages.ids.len(), 0);
        // Whoever is next goes on with it.
        self.many.store(0, Ordering::Relaxed);
    }

    /// Some of them, if it is time and nobody else was faster; and whether those were the last. They are not listed any more.
    fn take(&self, stored: CommitNumber) -> (Vec<ObjectId>, bool) {
        let mut pages = self.pages.lock();
        if pages.left == 0 {
            if !self.is_due(|| stored) {
                return (Vec::new(), false);
            }
            self.begin_with(&mut pages);
        }
        let Pages { ids, left, waiting } = &mut *pages;
        let some = (*left).min(ids.len()).min(PAGES_AT_ONCE.max(ids.len() / PART_AT_ONCE));
        *left -= some;
        let taken = ids.drain(..some).collect();
        let is_over = *left == 0;
        if is_over {
            self.due.store(stored.0 + COMMITS, Ordering::Relaxed);
            // What has to wait is not looked at again until as many have come to it.
            self.many.store((ids.len() + *waiting) as u64 + MANY, Ordering::Relaxed);
            if ids.capacity() > 4 * (ids.len() + MANY as usize) {
                ids.shrink_to(2 * ids.len());
            }
        }
        self.count.store(ids.len() as u64, Ordering::Relaxed);
        (taken, is_over)
    }

    /// Whether there are some that nobody has looked at since somebody began.
    #[cfg(any(test, feature = "breaks"))]
    fn is_midway(&self) -> bool {
        self.pages.lock().left > 0
    }
}

impl Shared {
    /// After a job: gives up cells that are of no use any more, if there are enough that may be.
    #[inline]
    pub(crate) fn give_up_gone(&self, seated: &Seated<'_>) {
        for listed in self.table.listed() {
            if listed.is_due(|| self.budget.last_stored()) {
                self.look_for_some(listed, seated);
            }
        }
    }

    /// Gives up what is of no use of all that may be.
    #[cfg(any(test, feature = "breaks"))]
    pub(crate) fn look_for_gone(&self, seated: &Seated<'_>) {
        for listed in self.table.listed() {
            listed.begin();
            while listed.is_midway() {
                self.look_for_some(listed, seated);
            }
        }
    }

    /// The same of some of them.
    #[cold]
    fn look_for_some(&self, listed: &Listed, seated: &Seated<'_>) {
        // What has a past has to wait, and nobody else may come to clear it away.
        self.tidy(seated);
        let stored = self.budget.last_stored();
        let (some, are_last) = listed.take(stored);
        for id in some {
            // To whoever is alone, a cell that is locked for this would look like one that is being changed.
            let _passing = self.gate.pass(seated.seat);
            let pin = self.epoch.pin(&self.seats, seated.seat, &seated.yard);
            self.table.give_up(id, stored, self.breaks(), &pin);
        }
        if are_last {
            self.table.shrink();
        }
    }
}
