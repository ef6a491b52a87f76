//! The table of cells: where an object id leads.
//!
//! Ids count upwards, so their cells lie in pages of neighbours, found by the id's bits: a look-up hashes
//! nothing and touches one cache line that is not shared by all. Only names, whose ids are hashes, need a map.
//!
//! Nearly all ids that were ever given away are of what is gone by now, and most names that are asked for may be bound to
//! nothing. So a page of cells, or the cell of a name, is given up when it says nothing that the store does not say
//! (`docs/design/0013-cells-of-what-is-gone.md`), and made again should somebody ask.
//!
//! Of which commit it is that nothing is there, a cell that is made again does not know. It takes the last that any cell
//! given up so far was of. That may be too late, never too early: an attempt that sees an older moment moves up to now
//! first, and so cannot miss what was still there at its moment. Whoever looks at the past need not care, for as long as
//! somebody does, what was removed after their moment is kept, and the page with it.

use daystar_model::{CommitNumber, ObjectId, Space, Store, StoreError};

use crate::breaks::Breaks;
use crate::cell::{Cell, Loaded};
use crate::gone::Listed;
use crate::names::Names;
use crate::pages::{CELLS_PER_PAGE, Next, Pages};
use crate::reclaim::Pin;
use crate::slot::GivenUp;
use crate::sync::{Arc, AtomicU64, Ordering};

pub(crate) struct Table {
    /// Objects, sessions, tasks.
    counted: [Pages; 3],
    names: Names,
    store: Arc<dyn Store>,
    /// How many cells have been settled: their objects were looked for in the store, or known not to be there.
    settled: AtomicU64,
    listed_pages: Listed,
    listed_names: Listed,
    /// The last commit that any cell given up was of.
    gone_until: AtomicU64,
}

/// Somebody has looked for an object. Where there is none, that has brought back the page of what is gone; and so it has where
/// the store failed, or panicked.
struct Looked<'t> {
    table: &'t Table,
    id: ObjectId,
    is_in_vain: bool,
}

impl Drop for Looked<'_> {
    fn drop(&mut self) {
        if self.is_in_vain {
            self.table.list(self.id);
        }
    }
}

impl Table {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let counted = std::array::from_fn(|_| Pages::default());
        Self {
            counted,
            names: Names::default(),
            store,
            settled: AtomicU64::new(0),
            listed_pages: Listed::of_pages(),
            listed_names: Listed::of_names(),
            gone_until: AtomicU64::new(0),
        }
    }

    /// The cell of `id`, which stands in the table before its object is loaded, so that a commit and a load of the same
    /// object always meet in the same cell.
    pub(crate) fn place<'p>(&'p self, id: ObjectId, pin: &'p Pin<'_>) -> &'p Cell {
        match self.pages(id) {
            Some(pages) => pages.cell(id.index(), pin),
            None => self.names.cell(id, pin),
        }
    }

    /// Makes sure that the newest version of `id` is in `cell`, which is its own; what was brought for that.
    pub(crate) fn load(&self, id: ObjectId, cell: &Cell) -> Result<Option<Loaded>, StoreError> {
        let mut looked = Looked { table: self, id, is_in_vain: true };
        let loaded = cell.load(id, &*self.store, self.gone_until())?;
        looked.is_in_vain = loaded.is_some_and(Loaded::is_nothing);
        if loaded.is_some_and(|loaded| !loaded.is_back) {
            self.settled.fetch_add(1, Ordering::Relaxed);
        }
        Ok(loaded)
    }

    /// As [`load`](Self::load), for the holder of the lock of a cell whose object has been looked for before.
    pub(crate) fn load_locked(
        &self,
        id: ObjectId,
        cell: &Cell,
    ) -> Result<Option<Loaded>, StoreError> {
        cell.load_locked(id, &*self.store)
    }

    /// The cell of `id`, if anybody has touched it, and it was not given up since.
    #[inline]
    pub(crate) fn peek<'p>(&'p self, id: ObjectId, pin: &'p Pin<'_>) -> Option<&'p Cell> {
        let cell = match self.pages(id) {
            Some(pages) => pages.peek(id.index(), pin),
            None => self.names.peek(id, pin),
        };
        cell.filter(|cell| !cell.is_unloaded())
    }

    /// The cell of an id that has just been given away and that no store can know.
    pub(crate) fn create<'p>(&'p self, id: ObjectId, pin: &'p Pin<'_>) -> &'p Cell {
        let cell = self.place(id, pin);
        if cell.make_absent(self.gone_until()) {
            self.settled.fetch_add(1, Ordering::Relaxed);
        }
        cell
    }

    /// How many objects have been looked for.
    pub(crate) fn settled(&self) -> u64 {
        self.settled.load(Ordering::Relaxed)
    }

    /// How many bytes the table itself takes.
    pub(crate) fn bytes(&self) -> u64 {
        self.counted.iter().map(Pages::bytes).sum::<u64>() + self.names.bytes()
    }

    /// Learns that the cell of `id` may be of no use any more, and with it its page.
    pub(crate) fn list(&self, id: ObjectId) {
        let is_news = match self.pages(id) {
            Some(pages) => pages.list(id.index()),
            None => self.names.list(id),
        };
        if is_news {
            self.listed_like(id).add(id);
        }
    }

    /// What may be of no use any more.
    pub(crate) fn listed(&self) -> [&Listed; 2] {
        [&self.listed_pages, &self.listed_names]
    }

    fn listed_like(&self, id: ObjectId) -> &Listed {
        match id.space() {
            Space::Name => &self.listed_names,
            Space::Object | Space::Session | Space::Task => &self.listed_pages,
        }
    }

    /// Gives up the cell of `id`, or its whole page, which is listed, if it says nothing that a store does not say that has every
    /// commit up to `stored`.
    pub(crate) fn give_up(
        &self,
        id: ObjectId,
        stored: CommitNumber,
        breaks: Breaks,
        pin: &Pin<'_>,
    ) {
        // Before anybody can make another, so that whoever does finds it.
        let before = |newest: CommitNumber| {
            if !breaks.gone_of_no_commit {
                self.gone_until.fetch_max(newest.0, Ordering::AcqRel);
            }
        };
        let given_up = match self.pages(id) {
            Some(pages) => pages.give_up(id.index(), stored, breaks, pin, before),
            None => self.names.give_up(id, stored, breaks, pin, before),
        };
        match given_up {
            GivenUp::Gone { settled } => {
                self.settled.fetch_sub(settled, Ordering::Relaxed);
            }
            GivenUp::Later => self.listed_like(id).add_again(id),
            GivenUp::Kept => {}
        }
    }

    /// Gives back memory in which many more cells were known than there are.
    pub(crate) fn shrink(&self) {
        self.names.shrink();
    }

    /// The last commit that any cell given up was of.
    pub(crate) fn gone_until(&self) -> CommitNumber {
        CommitNumber(self.gone_until.load(Ordering::Acquire))
    }

    /// The next of the cells that have been made, from `walk` on: those of a page at most. `None` when it has seen all.
    pub(crate) fn walk<'p>(
        &'p self,
        walk: &mut Walk,
        pin: &'p Pin<'_>,
    ) -> Option<Vec<(ObjectId, &'p Cell)>> {
        while let Some(&space) = COUNTED.get(walk.space) {
            match self.counted[walk.space].next_from(walk.index, pin) {
                Next::Page(first, page) => {
                    walk.index = first + CELLS_PER_PAGE as u64;
                    let ids = (first..).map(|index| ObjectId::new(space, index));
                    return Some(ids.zip(page).collect());
                }
                Next::NothingUntil(index) => {
                    walk.index = index;
                    return Some(Vec::new());
                }
                Next::End => (walk.space, walk.index) = (walk.space + 1, 0),
            }
        }
        self.walk_names(walk, pin)
    }

    fn walk_names<'p>(
        &'p self,
        walk: &mut Walk,
        pin: &'p Pin<'_>,
    ) -> Option<Vec<(ObjectId, &'p Cell)>> {
        if walk.space == COUNTED.len() {
            walk.space += 1;
            // All at once, since a map cannot be looked through bit by bit; only the ids, since its lock is held.
            walk.names = self.names.ids();
        }
        if walk.names.is_empty() {
            return None;
        }
        let rest = walk.names.len().saturating_sub(CELLS_PER_PAGE);
        let some = walk.names.drain(rest..);
        Some(some.filter_map(|id| Some((id, self.names.peek(id, pin)?))).collect())
    }

    fn pages(&self, id: ObjectId) -> Option<&Pages> {
        match id.space() {
            Space::Object => Some(&self.counted[0]),
            Space::Session => Some(&self.counted[1]),
            Space::Task => Some(&self.counted[2]),
            Space::Name => None,
        }
    }
}

/// The spaces whose cells lie in pages, as they are in [`Table::counted`].
const COUNTED: [Space; 3] = [Space::Object, Space::Session, Space::Task];

/// How far a walk over all cells has come.
#[derive(Default)]
pub(crate) struct Walk {
    space: usize,
    index: u64,
    /// The names that are still to come.
    names: Vec<ObjectId>,
}
