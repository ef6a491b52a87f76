//! Cells by name: found by a hash, one by one, and given up when there is nothing under the name.
//!
//! A client can have any name looked up, by logging in with it or by asking for it, and each look-up makes a cell, so that a
//! commit that binds the name meets whoever found nothing. What names there were must not be what memory is taken for.

use daystar_model::{CommitNumber, ObjectId};

use crate::breaks::Breaks;
use crate::cell::Cell;
use crate::reclaim::Pin;
use crate::slot::{GivenUp, Slot, give_up};
use crate::sync::{AtomicBool, Counter, Ordering, SharedMap};

#[derive(Default)]
pub(crate) struct Names {
    /// A slot that is in the map has its cell, and is emptied by whoever has taken it out: so nobody finds it empty.
    map: SharedMap<ObjectId, Name>,
    bytes: Counter,
}

struct Name {
    slot: Slot<1>,
    /// Whether somebody has said that it may be of no use any more, and nobody has looked since.
    is_listed: AtomicBool,
}

impl Default for Name {
    fn default() -> Self {
        Self { slot: Slot::empty(), is_listed: AtomicBool::new(false) }
    }
}

impl Names {
    /// The cell of `id`, made if there is none.
    pub(crate) fn cell<'p>(&'p self, id: ObjectId, pin: &'p Pin<'_>) -> &'p Cell {
        if let Some(cell) = self.peek(id, pin) {
            return cell;
        }
        let [cell] = self.map.look_or_make(id, |name| match name.slot.cells(pin) {
            Some(cells) => cells,
            None => {
                self.bytes.add(ENTRY_BYTES);
                name.slot.make(&self.bytes, pin)
            }
        });
        cell
    }

    #[inline]
    pub(crate) fn peek<'p>(&'p self, id: ObjectId, pin: &'p Pin<'_>) -> Option<&'p Cell> {
        let [cell] = self.map.look(&id, |name| name.slot.cells(pin))??;
        Some(cell)
    }

    /// Which names have cells.
    pub(crate) fn ids(&self) -> Vec<ObjectId> {
        self.map.keys()
    }

    /// How many bytes cells and map take.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Gives back the map's memory if there were many more names than there are.
    pub(crate) fn shrink(&self) {
        self.map.shrink(ROOM);
    }

    /// Learns that the cell of `id` may be of no use any more; whether that is news, and somebody has to
    /// [`give_up`](Self::give_up) the cell some time.
    pub(crate) fn list(&self, id: ObjectId) -> bool {
        // In one step, as with a page.
        let was_listed = self.map.look(&id, |name| name.is_listed.swap(true, Ordering::AcqRel));
        was_listed == Some(false)
    }

    /// Gives up the cell of `id`, if it says nothing that a store does not say that has every commit up to `stored`. `before`
    /// is called when that is certain, and before anybody can make another, with the commit that it was of.
    pub(crate) fn give_up(
        &self,
        id: ObjectId,
        stored: CommitNumber,
        breaks: Breaks,
        pin: &Pin<'_>,
        before: impl FnOnce(CommitNumber),
    ) -> GivenUp {
        let cells = self.map.look(&id, |name| {
            name.is_listed.swap(false, Ordering::AcqRel);
            name.slot.cells(pin)
        });
        let Some(cells) = cells.flatten() else { return GivenUp::Kept };
        let take_out = |newest| {
            before(newest);
            // Taken out of the map before it is marked: who finds the mark looks there again.
            if let Some(name) = self.map.take(&id) {
                name.slot.empty_out(cells, breaks, pin);
                self.bytes.sub(ENTRY_BYTES + size_of::<Cell>());
            }
        };
        give_up(cells, stored, breaks, take_out, || self.list(id))
    }
}

/// For how many more names than four times those that there are there may be room.
const ROOM: usize = 64 << 10;

/// What a name takes beside its cell: three words and a byte in a map that is two thirds full, and what an allocator adds.
const ENTRY_BYTES: usize = 38 + 16;
