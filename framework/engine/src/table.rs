//! The table of cells: where an object id leads.
//!
//! Ids count upwards, so their cells lie in pages of neighbours, found by the id's bits: a look-up hashes
//! nothing and touches one cache line that is not shared by all. Only names, whose ids are hashes, need a map, from
//! the hash to a place of the same kind. Places are never moved while the engine lives.

use dashmap::DashMap;
use daystar_model::{ObjectId, Space, Store, StoreError};
use foldhash::fast::FixedState;

use crate::cell::{Cell, Loaded};
use crate::sync::{Arc, AtomicU64, Counter, IS_CHECKED, OnceLock, Ordering};

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
        }
    }

    /// The cell of `id`, which stands in the table before its object is loaded, so that a commit and a load of the same
    /// object always meet in the same cell.
    pub(crate) fn place(&self, id: ObjectId) -> &Cell {
        if let Some(pages) = self.pages(id) {
            return pages.cell(id.index(), &self.bytes);
        }
        let known = self.names.get(&id).map(|place| *place);
        let place = known.unwrap_or_else(|| {
            *self.names.entry(id).or_insert_with(|| self.next_named.fetch_add(1, Ordering::Relaxed))
        });
        self.named.cell(place, &self.bytes)
    }

    /// Makes sure that the newest version of `id` is in `cell`, which is its own; what was brought for that.
    pub(crate) fn load(&self, id: ObjectId, cell: &Cell) -> Result<Option<Loaded>, StoreError> {
        let loaded = cell.load(id, &*self.store)?;
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

    /// The cell of `id`, if anybody has touched it.
    #[inline]
    pub(crate) fn peek(&self, id: ObjectId) -> Option<&Cell> {
        let cell = match self.pages(id) {
            Some(pages) => pages.peek(id.index()),
            None => self.names.get(&id).and_then(|place| self.named.peek(*place)),
        };
        cell.filter(|cell| !cell.is_unloaded())
    }

    /// The cell of an id that has just been given away and that no store can know.
    pub(crate) fn create(&self, id: ObjectId) -> &Cell {
        let cell = self.place(id);
        if cell.make_absent() {
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

    /// The next of the cells that have been made, from `walk` on: those of a page at most. `None` when it has seen all.
    pub(crate) fn walk<'t>(&'t self, walk: &mut Walk) -> Option<Vec<(ObjectId, &'t Cell)>> {
        while let Some(&space) = COUNTED.get(walk.space) {
            if let Some((first, page)) = self.counted[walk.space].page_from(walk.index) {
                walk.index = first + CELLS_PER_PAGE as u64;
                return Some(
                    (first..).map(|index| ObjectId::new(space, index)).zip(page).collect(),
                );
            }
            (walk.space, walk.index) = (walk.space + 1, 0);
        }
        self.walk_names(walk)
    }

    fn walk_names<'t>(&'t self, walk: &mut Walk) -> Option<Vec<(ObjectId, &'t Cell)>> {
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
        Some(some.filter_map(|(id, place)| Some((id, self.named.peek(place)?))).collect())
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

/// Cells by a number that counts upwards: shelves that double in length, of pages made when first needed.
struct Pages {
    shelves: [OnceLock<Shelf>; SHELVES],
}

type Shelf = Box<[OnceLock<Box<Page>>]>;
type Page = [Cell; CELLS_PER_PAGE];

const CELLS_PER_PAGE: usize = if IS_CHECKED { 4 } else { 256 };
const FIRST_SHELF_PAGES: u64 = 64;
/// Enough for every index that an id can have, also while pages are small.
const SHELVES: usize = 56;

impl Pages {
    fn new() -> Self {
        Self { shelves: std::array::from_fn(|_| OnceLock::new()) }
    }

    /// The cell of `index`; what has to be made for it is counted in `bytes`.
    fn cell(&self, index: u64, bytes: &Counter) -> &Cell {
        let (shelf, page, cell) = locate(index);
        let pages = self.shelves[shelf].get_or_init(|| {
            let shelf: Shelf = (0..FIRST_SHELF_PAGES << shelf).map(|_| OnceLock::new()).collect();
            bytes.add(size_of_val(&*shelf));
            shelf
        });
        let page = pages[page].get_or_init(|| {
            bytes.add(size_of::<Page>());
            Box::new(std::array::from_fn(|_| Cell::unloaded()))
        });
        &page[cell]
    }

    /// The first page that has been made from the one of `index` on, and the index of its first cell.
    fn page_from(&self, index: u64) -> Option<(u64, &Page)> {
        let (first_shelf, mut page, _) = locate(index);
        for shelf in first_shelf..SHELVES {
            // Shelves are not made in order: a task may be the first thing that is looked for.
            if let Some(pages) = self.shelves[shelf].get() {
                let found = pages
                    .iter()
                    .enumerate()
                    .skip(page)
                    .find_map(|(at, made)| Some((at, made.get()?)));
                if let Some((at, made)) = found {
                    let before = FIRST_SHELF_PAGES * ((1 << shelf) - 1);
                    return Some(((before + at as u64) * CELLS_PER_PAGE as u64, made));
                }
            }
            page = 0;
        }
        None
    }

    #[inline]
    fn peek(&self, index: u64) -> Option<&Cell> {
        let (shelf, page, cell) = locate(index);
        Some(&self.shelves[shelf].get()?[page].get()?[cell])
    }
}

/// Shelf, page on the shelf, cell on the page. Shelf `s` begins behind `FIRST_SHELF_PAGES * (2^s - 1)` pages.
#[inline]
fn locate(index: u64) -> (usize, usize, usize) {
    let page = index / CELLS_PER_PAGE as u64;
    let shelf = (page / FIRST_SHELF_PAGES + 1).ilog2();
    let first = FIRST_SHELF_PAGES * ((1 << shelf) - 1);
    (shelf as usize, (page - first) as usize, index as usize % CELLS_PER_PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_has_a_place_of_its_own() {
        let mut places = std::collections::HashSet::new();
        for index in 0..200_000 {
            let (shelf, page, cell) = locate(index);
            assert!(page < (FIRST_SHELF_PAGES << shelf) as usize && cell < CELLS_PER_PAGE);
            assert!(places.insert((shelf, page, cell)), "{index} shares its place");
        }
        assert!(locate((1 << 62) - 1).0 < SHELVES);
    }
}
