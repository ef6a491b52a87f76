//! Cells by a number that counts upwards: shelves that double in length, of pages made when first needed, and given up when
//! nothing in them is worth keeping.
//!
//! A page that is given up is retired like a value (`reclaim.rs`), so whoever found a cell while pinned may go on looking
//! at it, and finds that it is gone. One of the engine's three rooms for `unsafe`: a library's cells that can be emptied
//! count who looks, at a line that all cores would take from one another, at every access to every object.

use std::ptr::null_mut;

use daystar_model::CommitNumber;

use crate::breaks::Breaks;
use crate::cell::{Cell, Left};
use crate::reclaim::{Garbage, Pin};
use crate::sync::{AtomicBool, AtomicPtr, Counter, IS_CHECKED, OnceLock, Ordering};

#[cfg(all(test, not(any(feature = "shuttle", feature = "loom"))))]
mod tests;

pub(crate) struct Pages {
    shelves: [OnceLock<Shelf>; SHELVES],
}

struct Shelf {
    slots: Box<[Slot]>,
    /// Of each page, whether somebody has said that it may be of no use any more, and nobody has looked since. Apart from
    /// the slots: those are read at every access to an object, and these are written when one is removed.
    listed: Box<[AtomicBool]>,
}

pub(crate) type Page = [Cell; CELLS_PER_PAGE];

/// Where a page is, as `Box::into_raw` gave it; null if there is none.
struct Slot(AtomicPtr<Page>);

/// What comes next, to whoever goes from page to page.
pub(crate) enum Next<'p> {
    /// A page, and the index of its first cell.
    Page(u64, &'p Page),
    /// None for so long that it is better to go on another time, from this index.
    NothingUntil(u64),
    /// None any more.
    End,
}

/// What became of giving up a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// It is gone, and with it what was known of so many objects.
    Gone { settled: u64 },
    /// There was none, or it is of use.
    Kept,
    /// It has to wait, and is listed still.
    Later,
}

/// A page stays for the sake of one object, so it must not be large; and a page takes a slot, so it must not be small.
pub(crate) const CELLS_PER_PAGE: usize = match () {
    () if cfg!(feature = "loom") => 2,
    () if IS_CHECKED => 4,
    () => 64,
};
/// How many slots are looked at in one go for the next page.
const SLOTS_AT_ONCE: usize = 4096;
const FIRST_SHELF_PAGES: u64 = if IS_CHECKED { 4 } else { 64 };
/// Enough for every index that an id can have, also while pages are small.
const SHELVES: usize = 60;

impl Pages {
    pub(crate) fn new() -> Self {
        Self { shelves: std::array::from_fn(|_| OnceLock::new()) }
    }

    /// The cell of `index`; what has to be made for it is counted in `bytes`.
    pub(crate) fn cell<'p>(&'p self, index: u64, bytes: &Counter, pin: &'p Pin<'_>) -> &'p Cell {
        let (shelf, slot, cell) = locate(index);
        let shelf = self.shelves[shelf].get_or_init(|| {
            let made = Shelf::of(FIRST_SHELF_PAGES << shelf);
            bytes.add(size_of_val(&*made.slots) + size_of_val(&*made.listed));
            made
        });
        &shelf.slots[slot].make(bytes, pin)[cell]
    }

    #[inline]
    pub(crate) fn peek<'p>(&'p self, index: u64, pin: &'p Pin<'_>) -> Option<&'p Cell> {
        let (shelf, slot, cell) = locate(index);
        Some(&self.shelves[shelf].get()?.slots[slot].page(pin)?[cell])
    }

    /// The first page that there is from the one of `index` on.
    pub(crate) fn next_from<'p>(&'p self, index: u64, pin: &'p Pin<'_>) -> Next<'p> {
        let (first_shelf, mut first, _) = locate(index);
        let mut left = SLOTS_AT_ONCE;
        for number in first_shelf..SHELVES {
            // Shelves are not made in order: a task may be the first thing that is looked for.
            if let Some(shelf) = self.shelves[number].get() {
                let before = FIRST_SHELF_PAGES * ((1 << number) - 1);
                let index_of = |slot: usize| (before + slot as u64) * CELLS_PER_PAGE as u64;
                for (slot, there) in shelf.slots.iter().enumerate().skip(first) {
                    if let Some(page) = there.page(pin) {
                        return Next::Page(index_of(slot), page);
                    }
                    left -= 1;
                    if left == 0 {
                        return Next::NothingUntil(index_of(slot + 1));
                    }
                }
            }
            first = 0;
        }
        Next::End
    }

    /// Learns that the page of `index` may be of no use any more; whether that is news, and somebody has to
    /// [`give_up`](Self::give_up) the page some time.
    pub(crate) fn list(&self, index: u64) -> bool {
        // In one step with the look, and so is taking it back: what happened to the page before somebody is told that it
        // is no news is seen by whoever looks at the page next.
        self.slot(index).is_some_and(|(_, is_listed)| !is_listed.swap(true, Ordering::AcqRel))
    }

    /// Gives up the page of `index`, if it says nothing that a store does not say that has every commit up to `stored`.
    /// `before` is called when that is certain, and before anybody can make another, with the last commit that any of its cells
    /// was of.
    pub(crate) fn give_up(
        &self,
        index: u64,
        stored: CommitNumber,
        breaks: Breaks,
        pin: &Pin<'_>,
        before: impl FnOnce(CommitNumber),
    ) -> GivenUp {
        let Some((slot, is_listed)) = self.slot(index) else { return GivenUp::Kept };
        is_listed.swap(false, Ordering::AcqRel);
        let Some(page) = slot.page(pin) else { return GivenUp::Kept };
        match seize(page, stored, breaks) {
            Ok((settled, newest)) => {
                before(newest);
                slot.empty_out(page, breaks, pin);
                GivenUp::Gone { settled }
            }
            Err(Left::Object) => GivenUp::Kept,
            // Somebody else may have listed it meanwhile, and sees to it then.
            Err(Left::Traces) if self.list(index) => GivenUp::Later,
            Err(Left::Traces) => GivenUp::Kept,
        }
    }

    fn slot(&self, index: u64) -> Option<(&Slot, &AtomicBool)> {
        let (shelf, slot, _) = locate(index);
        let shelf = self.shelves[shelf].get()?;
        shelf.slots.get(slot).zip(shelf.listed.get(slot))
    }
}

impl Shelf {
    fn of(pages: u64) -> Self {
        Self {
            slots: (0..pages).map(|_| Slot(AtomicPtr::new(null_mut()))).collect(),
            listed: (0..pages).map(|_| AtomicBool::new(false)).collect(),
        }
    }
}

/// Locks all cells of a page if none is of use; how many of them were settled, and the last commit that any of those is of.
fn seize(page: &Page, stored: CommitNumber, breaks: Breaks) -> Result<(u64, CommitNumber), Left> {
    let mut left = Ok(());
    for cell in page {
        match cell.says_nothing(stored, breaks) {
            Err(Left::Object) => return Err(Left::Object),
            Err(Left::Traces) => left = Err(Left::Traces),
            Ok(_) => {}
        }
    }
    left?;
    let (mut settled, mut newest) = (0, CommitNumber::ZERO);
    for (before, cell) in page.iter().enumerate() {
        match cell.seize(stored, breaks) {
            Ok(number) => {
                settled += u64::from(!cell.is_unloaded());
                newest = newest.max(number);
            }
            Err(left) => {
                page[..before].iter().for_each(Cell::unlock);
                return Err(left);
            }
        }
    }
    Ok((settled, newest))
}

impl Slot {
    /// The page, if there is one.
    #[inline]
    fn page<'p>(&'p self, _pin: &'p Pin<'_>) -> Option<&'p Page> {
        let page = self.0.load(Ordering::Acquire);
        // SAFETY: a page that was here while the pin was held is given back only after that.
        unsafe { page.as_ref() }
    }

    /// The page, made if there is none.
    fn make<'p>(&'p self, bytes: &Counter, pin: &'p Pin<'_>) -> &'p Page {
        loop {
            if let Some(page) = self.page(pin) {
                return page;
            }
            let page = Box::into_raw(Box::new(std::array::from_fn(|_| Cell::unloaded())));
            let (success, failure) = (Ordering::AcqRel, Ordering::Relaxed);
            match self.0.compare_exchange(null_mut(), page, success, failure) {
                Ok(_) => bytes.add(size_of::<Page>()),
                // SAFETY: it came from `Box::into_raw` just now, and nobody else has seen it.
                Err(_) => drop(unsafe { Box::from_raw(page) }),
            }
        }
    }

    /// Takes out `page`, which is here and all of whose cells the caller has seized, and marks them as gone.
    fn empty_out(&self, page: &Page, breaks: Breaks, pin: &Pin<'_>) {
        let own = self.0.load(Ordering::Relaxed);
        debug_assert!(std::ptr::eq(own, page), "only who has all cells takes out a page");
        self.0.store(null_mut(), Ordering::Release);
        if breaks.gone_unmarked {
            page.iter().for_each(Cell::unlock);
        } else {
            page.iter().for_each(Cell::give_up);
        }
        pin.retire(Garbage::Page(OldPage(own)));
    }
}

/// A page that no slot leads to, and whose cells someone may still be looking at: so not a `Box`, which nobody may look
/// into but its owner. Whoever drops it knows that nobody does.
pub(crate) struct OldPage(*mut Page);

impl OldPage {
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Page>()
    }
}

// SAFETY: it owns its page, and cells may be sent: they are made of atomics, and own values that may be sent.
unsafe impl Send for OldPage {}

impl Drop for OldPage {
    fn drop(&mut self) {
        // SAFETY: it came from `Box::into_raw`. Only who has all its cells takes a page out of its slot, and nobody gets those
        // of one that is gone again, so this is its one way back; and it is given back when nobody can be looking.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let page = self.0.load(Ordering::Relaxed);
        if !page.is_null() {
            // SAFETY: nobody else has the slot, so nobody can be looking at its page, and this is its one way back.
            drop(unsafe { Box::from_raw(page) });
        }
    }
}

/// Shelf, slot on the shelf, cell on the page. Shelf `s` begins behind `FIRST_SHELF_PAGES * (2^s - 1)` pages.
#[inline]
fn locate(index: u64) -> (usize, usize, usize) {
    let page = index / CELLS_PER_PAGE as u64;
    let shelf = (page / FIRST_SHELF_PAGES + 1).ilog2();
    let first = FIRST_SHELF_PAGES * ((1 << shelf) - 1);
    (shelf as usize, (page - first) as usize, index as usize % CELLS_PER_PAGE)
}
