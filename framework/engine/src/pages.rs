//! Cells by a number that counts upwards: shelves that double in length, of pages made when first needed, and given up when
//! nothing in them is worth keeping.

use daystar_model::CommitNumber;

use crate::breaks::Breaks;
use crate::cell::Cell;
use crate::reclaim::Pin;
use crate::slot::{GivenUp, Slot, give_up};
use crate::sync::{AtomicBool, Counter, IS_CHECKED, OnceLock, Ordering};

#[cfg(all(test, not(any(feature = "shuttle", feature = "loom"))))]
mod tests;

pub(crate) struct Pages {
    shelves: [OnceLock<Shelf>; SHELVES],
    bytes: Counter,
}

struct Shelf {
    slots: Box<[Slot<CELLS_PER_PAGE>]>,
    /// Of each page, whether somebody has said that it may be of no use any more, and nobody has looked since. Apart from
    /// the slots: those are read at every access to an object, and these are written when one is removed.
    listed: Box<[AtomicBool]>,
}

pub(crate) type Page = [Cell; CELLS_PER_PAGE];

/// What comes next, to whoever goes from page to page.
pub(crate) enum Next<'p> {
    /// A page, and the index of its first cell.
    Page(u64, &'p Page),
    /// None for so long that it is better to go on another time, from this index.
    NothingUntil(u64),
    /// None any more.
    End,
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

impl Default for Pages {
    fn default() -> Self {
        Self { shelves: std::array::from_fn(|_| OnceLock::new()), bytes: Counter::default() }
    }
}

impl Pages {
    /// The cell of `index`, made if there is none.
    pub(crate) fn cell<'p>(&'p self, index: u64, pin: &'p Pin<'_>) -> &'p Cell {
        let (shelf, slot, cell) = locate(index);
        let shelf = self.shelves[shelf].get_or_init(|| {
            let made = Shelf::of(FIRST_SHELF_PAGES << shelf);
            self.bytes.add(size_of_val(&*made.slots) + size_of_val(&*made.listed));
            made
        });
        &shelf.slots[slot].make(&self.bytes, pin)[cell]
    }

    #[inline]
    pub(crate) fn peek<'p>(&'p self, index: u64, pin: &'p Pin<'_>) -> Option<&'p Cell> {
        let (shelf, slot, cell) = locate(index);
        Some(&self.shelves[shelf].get()?.slots[slot].cells(pin)?[cell])
    }

    /// How many bytes pages and shelves take.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.get()
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
                    if let Some(page) = there.cells(pin) {
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
        let Some(page) = slot.cells(pin) else { return GivenUp::Kept };
        let take_out = |newest| {
            before(newest);
            slot.empty_out(page, breaks, pin);
            self.bytes.sub(size_of::<Page>());
        };
        give_up(page, stored, breaks, take_out, || self.list(index))
    }

    fn slot(&self, index: u64) -> Option<(&Slot<CELLS_PER_PAGE>, &AtomicBool)> {
        let (shelf, slot, _) = locate(index);
        let shelf = self.shelves[shelf].get()?;
        shelf.slots.get(slot).zip(shelf.listed.get(slot))
    }
}

impl Shelf {
    fn of(pages: u64) -> Self {
        Self {
            slots: (0..pages).map(|_| Slot::empty()).collect(),
            listed: (0..pages).map(|_| AtomicBool::new(false)).collect(),
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
