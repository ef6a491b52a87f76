//! The table of cells: where an object id leads.
//!
//! Ids count upwards, so their cells lie in pages of neighbours, found by the id's bits: a look-up hashes
//! nothing and touches one cache line that is not shared by all. Only names, whose ids are hashes, need a map, from
//! the hash to a place of the same kind. Places are never moved while the engine lives.

use dashmap::DashMap;
use daystar_model::{ObjectId, Space, Store, StoreError};
use foldhash::fast::FixedState;

use crate::cell::Cell;
use crate::sync::{Arc, AtomicU64, IS_CHECKED, OnceLock, Ordering};

pub(crate) struct Table {
    /// Objects, sessions, tasks.
    counted: [Pages; 3],
    /// Where a name's cell is in `named`.
    names: DashMap<ObjectId, u64, FixedState>,
    named: Pages,
    next_named: AtomicU64,
    store: Arc<dyn Store>,
    loads: AtomicU64,
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
            loads: AtomicU64::new(0),
        }
    }

    /// The cell of `id`, with the stored version in it.
    pub(crate) fn cell(&self, id: ObjectId) -> Result<&Cell, StoreError> {
        // The cell stands in the table before its object is loaded, so that a commit and a load of the same
        // object always meet in the same cell.
        let cell = self.place(id);
        if cell.is_unloaded() && cell.load(id, &*self.store)? {
            self.loads.fetch_add(1, Ordering::Relaxed);
        }
        Ok(cell)
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
            self.loads.fetch_add(1, Ordering::Relaxed);
        }
        cell
    }

    /// How many objects, or absences of objects, are in memory.
    pub(crate) fn len(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    fn place(&self, id: ObjectId) -> &Cell {
        if let Some(pages) = self.pages(id) {
            return pages.cell(id.index());
        }
        let known = self.names.get(&id).map(|place| *place);
        let place = known.unwrap_or_else(|| {
            *self.names.entry(id).or_insert_with(|| self.next_named.fetch_add(1, Ordering::Relaxed))
        });
        self.named.cell(place)
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

    fn cell(&self, index: u64) -> &Cell {
        let (shelf, page, cell) = locate(index);
        let pages = self.shelves[shelf]
            .get_or_init(|| (0..FIRST_SHELF_PAGES << shelf).map(|_| OnceLock::new()).collect());
        let page = pages[page].get_or_init(|| Box::new(std::array::from_fn(|_| Cell::unloaded())));
        &page[cell]
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
