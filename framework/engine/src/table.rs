//! The table of cells: where an object id leads.

use dashmap::DashMap;
use daystar_model::{ObjectId, Store, StoreError};

use crate::cell::Cell;
use crate::sync::Arc;

pub(crate) struct Table {
    cells: DashMap<ObjectId, Arc<Cell>>,
    store: Arc<dyn Store>,
}

impl Table {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { cells: DashMap::new(), store }
    }

    /// The cell of `id`, with the stored version in it.
    pub(crate) fn cell(&self, id: ObjectId) -> Result<Arc<Cell>, StoreError> {
        if let Some(cell) = self.peek(id) {
            cell.load(id, &*self.store)?;
            return Ok(cell);
        }
        // The cell stands in the table before its object is loaded, so that a commit and a load of the same
        // object always meet in the same cell.
        let cell = Arc::clone(&*self.cells.entry(id).or_insert_with(|| Arc::new(Cell::unloaded())));
        cell.load(id, &*self.store)?;
        Ok(cell)
    }

    /// The cell of `id`, if anybody has touched it.
    pub(crate) fn peek(&self, id: ObjectId) -> Option<Arc<Cell>> {
        self.cells.get(&id).map(|cell| Arc::clone(&cell))
    }

    /// The cell of an id that has just been given away and that no store can know.
    pub(crate) fn create(&self, id: ObjectId) -> Arc<Cell> {
        Arc::clone(&*self.cells.entry(id).or_insert_with(|| Arc::new(Cell::fresh())))
    }

    /// How many objects, or absences of objects, are in memory.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }
}
