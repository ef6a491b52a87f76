//! Values that are in the store only: taken away when memory is short, brought back when they are wanted.
//!
//! The cell keeps its number meanwhile, so whoever has read the value before validates as ever, without it. It is brought
//! back under the cell's lock, and must be of that very number: the store was known to have it, and nobody has committed
//! to the cell since.

use daystar_model::{CommitNumber, ObjectId, Store, StoreError};

use super::{AWAY, Cell, LOCKED, NUMBER_SHIFT, RESERVED, UNLOADED, footprint};
use crate::breaks::Breaks;
use crate::reclaim::{Garbage, Pin};
use crate::sync::Ordering;

#[cfg(all(test, not(any(feature = "shuttle", feature = "loom"))))]
mod tests;

/// What became of taking a value away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eviction {
    /// It is in the store only.
    Done,
    /// There is none here.
    Nothing,
    /// The store does not have it yet.
    Early,
    /// The cell is in use just now, or older versions of it are.
    Busy,
}

/// What was brought from the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Loaded {
    /// How much memory it takes.
    pub(crate) bytes: usize,
    /// Whether it had been here before.
    pub(crate) is_back: bool,
}

impl Loaded {
    /// Whether the store had nothing.
    pub(crate) fn is_nothing(self) -> bool {
        self.bytes == 0
    }
}

impl Cell {
    /// Whether the newest value is in the store only.
    #[inline]
    pub(crate) fn is_away(&self) -> bool {
        self.value.load(Ordering::Acquire) == AWAY
    }

    /// Whether the newest version is that there is no value.
    pub(crate) fn is_absent(&self) -> bool {
        self.value.load(Ordering::Relaxed).is_null()
    }

    /// Makes sure that the stored version is here, and tells what was brought; `None` if it was here already. Loading
    /// happens under the cell's lock, so that two who want it load once and neither can overwrite a later commit. If the
    /// store has none, there is nothing, of commit `nothing`.
    pub(crate) fn load(
        &self,
        id: ObjectId,
        store: &dyn Store,
        nothing: CommitNumber,
    ) -> Result<Option<Loaded>, StoreError> {
        if !self.lock_if(|cell| cell.is_unloaded() || cell.is_away()) {
            return Ok(None);
        }
        // Unlocks also when the store fails or panics: then as unloaded, or as far away, as before.
        let mut unlock =
            Unlock { cell: self, number: self.word.load(Ordering::Relaxed) >> NUMBER_SHIFT };
        self.fetch(id, store, nothing, &mut unlock.number).map(Some)
    }

    /// As [`load`](Self::load), for the holder of the lock.
    pub(crate) fn load_locked(
        &self,
        id: ObjectId,
        store: &dyn Store,
    ) -> Result<Option<Loaded>, StoreError> {
        if !self.is_away() {
            return Ok(None);
        }
        let mut number = self.word.load(Ordering::Relaxed) >> NUMBER_SHIFT;
        self.fetch(id, store, CommitNumber::ZERO, &mut number).map(Some)
    }

    /// Puts the stored version into the cell, whose number it must have, unless the cell has none yet and gets it. The
    /// caller holds the lock.
    fn fetch(
        &self,
        id: ObjectId,
        store: &dyn Store,
        nothing: CommitNumber,
        number: &mut u64,
    ) -> Result<Loaded, StoreError> {
        let is_back = *number != UNLOADED;
        // Nobody has committed to the cell since, nor can they while it is locked.
        let stored =
            if is_back { store.reload(id, CommitNumber(*number))? } else { store.load(id)? };
        let (found, value) = stored.map_or((nothing, None), |(n, v)| (n, Some(v)));
        if is_back && (found.0 != *number || value.is_none()) {
            let found = value.map_or_else(|| "nothing".to_owned(), |_| found.to_string());
            return Err(StoreError::Changed { id, wanted: CommitNumber(*number), found });
        }
        let bytes = value.as_deref().map_or(0, footprint);
        // There was no value here before, so nobody can be reading what is replaced.
        drop(self.swap(value));
        *number = found.0;
        Ok(Loaded { bytes, is_back })
    }

    /// Takes the newest value away, if the store has it: it has every commit up to `stored`. Refused while the cell is
    /// locked or reserved, and while older versions are kept, which the store does not have.
    pub(crate) fn evict(&self, stored: CommitNumber, breaks: Breaks, pin: &Pin<'_>) -> Eviction {
        let word = self.word.load(Ordering::Acquire);
        let number = word >> NUMBER_SHIFT;
        if number == UNLOADED || self.is_away() {
            return Eviction::Nothing;
        }
        if number > stored.0 && !breaks.evicts_early {
            return Eviction::Early;
        }
        let is_locked = word & LOCKED != 0;
        if is_locked && breaks.evicts_locked && !self.is_absent() {
            // Not even a break may give back what the holder of the lock may be giving back: the value is leaked.
            self.value.store(AWAY, Ordering::Release);
            return Eviction::Done;
        }
        if is_locked || word & RESERVED != 0 || self.has_past() || !self.take(word) {
            return Eviction::Busy;
        }
        // The word is the same as it was, and nobody keeps an older version without changing it.
        let eviction = self.send_away(pin);
        self.unlock();
        eviction
    }

    fn send_away(&self, pin: &Pin<'_>) -> Eviction {
        match self.take_away() {
            Some(value) => {
                pin.retire(Garbage::Value(value));
                Eviction::Done
            }
            None => Eviction::Nothing,
        }
    }
}

/// Unlocks a cell under this number, whatever happens.
struct Unlock<'c> {
    cell: &'c Cell,
    number: u64,
}

impl Drop for Unlock<'_> {
    fn drop(&mut self) {
        // Nobody reserves a locked cell, but whoever has reserved it may be letting go of it just now.
        let number = self.number << NUMBER_SHIFT;
        let unlocked = |word| Some(number | word & RESERVED);
        let _ = self.cell.word.fetch_update(Ordering::Release, Ordering::Relaxed, unlocked);
    }
}
