//! A world in memory, for tests and for worlds that may be lost.

use std::collections::BTreeMap;
use std::sync::Arc;

use daystar_model::ids::{CommitNumber, ObjectId};
use daystar_model::managed::Object;
use daystar_model::record::Record;
use daystar_model::store::{Batch, Store, StoreError, Visit, VisitUntil};
use parking_lot::RwLock;

use crate::batch::{after, in_id_order};
use crate::head::Head;
use crate::stored::{decode, decode_of, read_only};

/// Keeps the world until it is dropped, as the same bytes that a disk would hold.
#[derive(Debug)]
pub struct MemoryStore {
    state: RwLock<State>,
    /// It is a snapshot, whose records are shared with the world that goes on.
    is_snapshot: bool,
}

#[derive(Debug)]
struct State {
    // Shared, so that a load or a scan holds the lock only while it copies pointers.
    records: BTreeMap<ObjectId, Arc<[u8]>>,
    head: Head,
}

impl MemoryStore {
    /// An empty world.
    pub fn new() -> Self {
        let state = State { records: BTreeMap::new(), head: Head::EMPTY };
        Self { state: RwLock::new(state), is_snapshot: false }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// The records of a range at one moment. Whoever visits them is someone else's code and may come back to this store, so the
    /// lock is not held for it.
    fn records(&self, first: ObjectId, last: ObjectId) -> Vec<(ObjectId, Arc<[u8]>)> {
        if first > last {
            return Vec::new(); // `BTreeMap::range` would panic
        }
        let state = self.state.read();
        state.records.range(first..=last).map(|(id, bytes)| (*id, Arc::clone(bytes))).collect()
    }
}

impl Store for MemoryStore {
    fn load(&self, id: ObjectId) -> Result<Option<(CommitNumber, Arc<dyn Object>)>, StoreError> {
        let record = self.state.read().records.get(&id).cloned();
        record.map(|bytes| decode(id, &bytes)).transpose()
    }

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        if self.is_snapshot {
            return Err(read_only());
        }
        // Encoded before the lock is taken, because that is the slow part and may fail.
        let mut records = Vec::with_capacity(batch.changes.len());
        for at in in_id_order(batch)? {
            let (id, commit, change) = &batch.changes[at];
            let record = change.as_deref().map(|value| Record::encode(*id, *commit, value));
            let record = record.transpose().map_err(|cause| StoreError::Record { id: *id, cause });
            records.push((*id, record?));
        }
        let mut state = self.state.write();
        state.head = after(batch, state.head)?;
        for (id, record) in records {
            match record {
                Some(bytes) => state.records.insert(id, bytes.into()),
                None => state.records.remove(&id),
            };
        }
        Ok(())
    }

    fn scan(
        &self,
        first: ObjectId,
        last: ObjectId,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        for (id, bytes) in self.records(first, last) {
            visit(id, decode(id, &bytes));
        }
        Ok(())
    }

    fn scan_of(
        &self,
        type_name: &str,
        first: ObjectId,
        last: ObjectId,
        visit: &mut VisitUntil<'_>,
    ) -> Result<(), StoreError> {
        for (id, bytes) in self.records(first, last) {
            if let Some(found) = decode_of(type_name, id, &bytes)
                && visit(id, found).is_break()
            {
                break;
            }
        }
        Ok(())
    }

    fn last_commit(&self) -> Result<CommitNumber, StoreError> {
        Ok(self.state.read().head.last)
    }

    fn snapshot(&self) -> Result<Box<dyn Store>, StoreError> {
        let State { records, head } = &*self.state.read();
        let state = State { records: records.clone(), head: *head };
        Ok(Box::new(Self { state: RwLock::new(state), is_snapshot: true }))
    }

    fn next_index(&self) -> Result<u64, StoreError> {
        Ok(self.state.read().head.next_index)
    }
}
