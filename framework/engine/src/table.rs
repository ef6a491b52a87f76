//! The table of cells: where an object id leads.
//!
//! Ids count upwards, so their cells lie in pages of neighbours, found by the id's bits: a look-up hashes
//! nothing and touches one cache line that is not shared by all. Only names, whose ids are hashes, need a map, from
//! the hash to a place of the same kind.
//!
//! Nearly all ids that were ever given away are of what is gone by now. So a page of cells is given up when it says
//! nothing that the store does not say (`docs/design/0013-cells-of-what-is-gone.md`), and made again should somebody ask.
//! Pages of names stay: there are as many as there were different names.
//!
//! Of which commit it is that nothing is there, a cell that is made again does not know. It takes the last that any cell
//! given up so far was of. That may be too late, never too early: an attempt that sees an older moment moves up to now
//! first, and so cannot miss what was still there at its moment. Whoever looks at the past need not care, for as long as
//! somebody does, what was removed after their moment is kept, and the page with it.

use dashmap::DashMap;
use daystar_model::{CommitNumber, ObjectId, Space, Store, StoreError};
use foldhash::fast::FixedState;

use crate::breaks::Breaks;
use crate::cell::{Cell, Loaded};
use crate::gone::Listed;
use crate::pages::{CELLS_PER_PAGE, GivenUp, Next, Page, Pages};
use crate::reclaim::Pin;
use crate::sync::{Arc, AtomicU64, Counter, Ordering};

pub(crate) struct Table {
    /// Objects, sessions, tasks.
    counted: [Pages; 3],
    /// Where a name's cell is in `named`.
    names: DashMap<ObjectId, u64, FixedState>,
    named: Pages,
    next_named: AtomicU64,
    store: Arc<dyn Store>,
    /// How many cells have been settled: their objects were looked for in the store, or known not to be there.
    settled: AtomicU64,
    bytes: Counter,
    /// Pages that may be of no use any more.
    pub(crate) listed: Listed,
    /// The last commit that any cell given up was of.
    gone_until: AtomicU64,
}

impl Table {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let counted = std::array::from_fn(|_| Pages::new());
        Self {
            counted,
            names: DashMap::with_hasher(FixedState::default()),
            named: Pages::new(),
            next_named: AtomicU64::new(0),
            store,
            settled: AtomicU64::new(0),
            bytes: Counter::default(),
            listed: Listed::default(),
            gone_until: AtomicU64::new(0),
        }
    }

    /// The cell of `id`, which stands in the table before its object is loaded, so that a commit and a load of the same
    /// object always meet in the same cell.
    pub(crate) fn place<'p>(&'p self, id: ObjectId, pin: &'p Pin<'_>) -> &'p Cell {
        if let Some(pages) = self.pages(id) {
            return pages.cell(id.index(), &self.bytes, pin);
        }
        let known = self.names.get(&id).map(|place| *place);
        let place = known.unwrap_or_else(|| {
            *self.names.entry(id).or_insert_with(|| self.next_named.fetch_add(1, Ordering::Relaxed))
        });
        self.named.cell(place, &self.bytes, pin)
    }

    /// Makes sure that the newest version of `id` is in `cell`, which is its own; what was brought for that.
    pub(crate) fn load(&self, id: ObjectId, cell: &Cell) -> Result<Option<Loaded>, StoreError> {
        let loaded = cell.load(id, &*self.store, self.gone_until());
        if loaded.is_err() {
            self.list(id);
        }
        let Some(loaded) = loaded? else { return Ok(None) };
        if !loaded.is_back {
            self.settled.fetch_add(1, Ordering::Relaxed);
        }
        if loaded.is_nothing() {
            // Whoever asks for what is gone brings back its page.
            self.list(id);
        }
        Ok(Some(loaded))
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
            None => self.names.get(&id).and_then(|place| self.named.peek(*place, pin)),
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
        self.bytes.get() + self.next_named.load(Ordering::Relaxed) * NAME_BYTES
    }

    /// Learns that the page of `id` may be of no use any more.
    pub(crate) fn list(&self, id: ObjectId) {
        if self.pages(id).is_some_and(|pages| pages.list(id.index())) {
            self.listed.add(id);
        }
    }

    /// Gives up the page of `id`, which is listed, if it says nothing that a store does not say that has every commit up to
    /// `stored`.
    pub(crate) fn give_up(
        &self,
        id: ObjectId,
        stored: CommitNumber,
        breaks: Breaks,
        pin: &Pin<'_>,
    ) {
        let Some(pages) = self.pages(id) else { return };
        // Before anybody can make another page, so that whoever does finds it.
        let before = |newest: CommitNumber| {
            if !breaks.gone_of_no_commit {
                self.gone_until.fetch_max(newest.0, Ordering::AcqRel);
            }
        };
        match pages.give_up(id.index(), stored, breaks, pin, before) {
            GivenUp::Gone { settled } => {
                self.settled.fetch_sub(settled, Ordering::Relaxed);
                self.bytes.sub(size_of::<Page>());
            }
            GivenUp::Later => self.listed.add(id),
            GivenUp::Kept => {}
        }
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
            walk.names = self.names.iter().map(|name| (*name.key(), *name.value())).collect();
        }
        if walk.names.is_empty() {
            return None;
        }
        let rest = walk.names.len().saturating_sub(CELLS_PER_PAGE);
        let some = walk.names.drain(rest..);
        Some(some.filter_map(|(id, place)| Some((id, self.named.peek(place, pin)?))).collect())
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
    /// The names that are still to come, and where their cells are.
    names: Vec<(ObjectId, u64)>,
}

/// What a bound name takes in the map beside its cell: two words and a byte, in a map that is two thirds full.
const NAME_BYTES: u64 = 26;
