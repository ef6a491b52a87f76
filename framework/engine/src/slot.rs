//! Cells that are made together and given up together, and the slot that leads to them.
//!
//! Cells that are given up are retired like a value (`reclaim.rs`), so whoever found one while pinned may go on looking
//! at it, and finds that it is gone. One of the engine's three rooms for `unsafe`: a library's cells that can be emptied
//! count who looks, at a line that all cores would take from one another, at every access to every object.

use std::ptr::null_mut;

use daystar_model::CommitNumber;

use crate::breaks::Breaks;
use crate::cell::{Cell, Left};
use crate::reclaim::{Garbage, Pin};
use crate::sync::{AtomicPtr, Counter, Ordering};

#[cfg(all(test, not(any(feature = "shuttle", feature = "loom"))))]
mod tests;

/// Where `N` cells are, as `Box::into_raw` gave them; null if there are none. It must not be dropped with cells in it while
/// somebody is pinned who may have found them here: it is emptied before, or whoever finds cells borrows what it is a part of.
pub(crate) struct Slot<const N: usize>(AtomicPtr<[Cell; N]>);

/// What became of giving up cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// They are gone, and with them what was known of so many objects.
    Gone { settled: u64 },
    /// There were none, or they are of use.
    Kept,
    /// They have to wait, and are listed still.
    Later,
}

/// Gives up `cells`, if none says anything that a store does not say that has every commit up to `stored`. `take_out` is called
/// when that is certain, with the last commit that any of them was of, and takes them out of their slot; `list` is asked when they
/// have to wait, and lists them: whether that is news.
pub(crate) fn give_up(
    cells: &[Cell],
    stored: CommitNumber,
    breaks: Breaks,
    take_out: impl FnOnce(CommitNumber),
    list: impl FnOnce() -> bool,
) -> GivenUp {
    match seize(cells, stored, breaks) {
        Ok((settled, newest)) => {
            take_out(newest);
            GivenUp::Gone { settled }
        }
        Err(Left::Object) => GivenUp::Kept,
        // Somebody else may have listed them meanwhile, and sees to it then.
        Err(Left::Traces) if list() => GivenUp::Later,
        Err(Left::Traces) => GivenUp::Kept,
    }
}

/// Locks all of `cells` if none is of use; how many of them were settled, and the last commit that any of those is of.
fn seize(
    cells: &[Cell],
    stored: CommitNumber,
    breaks: Breaks,
) -> Result<(u64, CommitNumber), Left> {
    let mut left = Ok(());
    for cell in cells {
        match cell.says_nothing(stored, breaks) {
            Err(Left::Object) => return Err(Left::Object),
            Err(Left::Traces) => left = Err(Left::Traces),
            Ok(_) => {}
        }
    }
    left?;
    let (mut settled, mut newest) = (0, CommitNumber::ZERO);
    for (before, cell) in cells.iter().enumerate() {
        match cell.seize(stored, breaks) {
            Ok(number) => {
                settled += u64::from(!cell.is_unloaded());
                newest = newest.max(number);
            }
            Err(left) => {
                cells[..before].iter().for_each(Cell::unlock);
                return Err(left);
            }
        }
    }
    Ok((settled, newest))
}

impl<const N: usize> Slot<N> {
    pub(crate) fn empty() -> Self {
        Self(AtomicPtr::new(null_mut()))
    }

    /// The cells, if there are some.
    #[inline]
    pub(crate) fn cells<'p>(&self, _pin: &'p Pin<'_>) -> Option<&'p [Cell; N]> {
        let cells = self.0.load(Ordering::Acquire);
        // SAFETY: cells that were here while the pin was held are given back only after that.
        unsafe { cells.as_ref() }
    }

    /// The cells, made if there are none, and then counted in `bytes`.
    pub(crate) fn make<'p>(&self, bytes: &Counter, pin: &'p Pin<'_>) -> &'p [Cell; N] {
        loop {
            if let Some(cells) = self.cells(pin) {
                return cells;
            }
            let cells = Box::into_raw(Box::new(std::array::from_fn(|_| Cell::unloaded())));
            let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
            match self.0.compare_exchange(null_mut(), cells, success, failure) {
                Ok(_) => bytes.add(size_of::<[Cell; N]>()),
                // SAFETY: they came from `Box::into_raw` just now, and nobody else has seen them.
                Err(_) => drop(unsafe { Box::from_raw(cells) }),
            }
        }
    }

    /// Takes out `cells`, which are here and all of which the caller has seized, and marks them as gone.
    pub(crate) fn empty_out(&self, cells: &[Cell; N], breaks: Breaks, pin: &Pin<'_>) {
        let own = self.0.load(Ordering::Relaxed);
        debug_assert!(std::ptr::eq(own, cells), "only who has all cells takes them out");
        self.0.store(null_mut(), Ordering::Release);
        if breaks.gone_unmarked {
            cells.iter().for_each(Cell::unlock);
        } else {
            cells.iter().for_each(Cell::give_up);
        }
        pin.retire(Garbage::Cells(OldCells(own)));
    }
}

/// Cells that no slot leads to, and that someone may still be looking at: so not a `Box`, which nobody may look
/// into but its owner. Whoever drops them knows that nobody does.
pub(crate) struct OldCells(*mut [Cell]);

impl OldCells {
    pub(crate) fn bytes(&self) -> usize {
        self.0.len() * size_of::<Cell>()
    }
}

// SAFETY: it owns its cells, and cells may be sent: they are made of atomics, and own values that may be sent.
unsafe impl Send for OldCells {}

impl Drop for OldCells {
    fn drop(&mut self) {
        // SAFETY: they came from `Box::into_raw`, and a box of an array is one of a slice of that length. Only who has all cells
        // takes them out of their slot, and nobody gets those that are gone again, so this is their one way back; and they are
        // given back when nobody can be looking.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

impl<const N: usize> Drop for Slot<N> {
    fn drop(&mut self) {
        let cells = self.0.load(Ordering::Relaxed);
        if !cells.is_null() {
            // SAFETY: nobody else has the slot, and nobody can be looking at cells that are in it still: see `Slot`. So this
            // is their one way back.
            drop(unsafe { Box::from_raw(cells) });
        }
    }
}
