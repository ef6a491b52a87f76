//! Cells that stand for nothing worth keeping: given up together with their neighbours.
//!
//! What such a cell says, the store says too: that there is nothing. So the table can do without it, and make another when
//! somebody asks again. Whoever still has the old one must not take it for the object's: another may put something
//! into the new one. Hence a cell that is given up is locked first, like for a commit, and never unlocked.

use daystar_model::CommitNumber;

use super::{Cell, GONE, LOCKED, NUMBER_SHIFT, RESERVED, UNLOADED};
use crate::breaks::Breaks;
use crate::sync::Ordering;

/// Why a cell cannot be given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// It has an object.
    Object,
    /// It has none, and will be of no use when it is in use no more and the store has caught up.
    Traces,
}

impl Cell {
    /// Whether the cell says no more than a store that has every commit up to `stored`, and nobody is using it; and of
    /// which commit that is.
    pub(crate) fn says_nothing(
        &self,
        stored: CommitNumber,
        breaks: Breaks,
    ) -> Result<CommitNumber, Left> {
        self.worth(self.word.load(Ordering::Acquire), stored, breaks)
    }

    /// Locks the cell if it [`says_nothing`](Self::says_nothing). Waits for nobody.
    pub(crate) fn seize(&self, stored: CommitNumber, breaks: Breaks) -> Result<CommitNumber, Left> {
        let word = self.word.load(Ordering::Acquire);
        let number = self.worth(word, stored, breaks)?;
        // If the word is the same as it was, so is the rest: nobody puts a value here, or keeps an older one, without changing it.
        // Not one of those that fail without a reason: a page has many cells, and one is enough to keep it.
        let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
        let locked = self.word.compare_exchange(word, word | LOCKED, success, failure);
        locked.map(|_| number).map_err(|_| Left::Traces)
    }

    /// Marks as gone a cell that was [`seize`](Self::seize)d.
    pub(crate) fn give_up(&self) {
        self.word.store(GONE, Ordering::Release);
    }

    fn worth(&self, word: u64, stored: CommitNumber, breaks: Breaks) -> Result<CommitNumber, Left> {
        if word & (LOCKED | RESERVED) != 0 {
            return Err(Left::Traces);
        }
        if word >> NUMBER_SHIFT == UNLOADED {
            return Ok(CommitNumber::ZERO);
        }
        if !self.is_absent() {
            return Err(Left::Object);
        }
        let number = CommitNumber(word >> NUMBER_SHIFT);
        // Somebody who looks at the past may still see what was here before.
        if self.has_past() || (number > stored && !breaks.gone_early) {
            return Err(Left::Traces);
        }
        Ok(number)
    }
}
