//! A store that does what a test says: keeps, waits, or fails.
#![allow(dead_code, reason = "each test file is a program of its own and uses a part of this")]

use std::sync::Arc;

use daystar_model::store::{Batch, Store, StoreError, Stored, Visit};
use daystar_model::{CommitNumber, ObjectId};
use daystar_store::MemoryStore;
use parking_lot::{Condvar, Mutex};

/// How the store is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Keeps what it is given.
    Well,
    /// Waits, as a disk that is slow.
    Waiting,
    /// Refuses, as a disk that is full.
    Full,
    /// Keeps what it is given and cannot find it again, as a disk with an error where it lies.
    Unreadable,
}

/// A store in memory, with moods.
pub(crate) struct Stage {
    kept: MemoryStore,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    mood: Mood,
    /// The last commit and the number of changes of each batch that was refused.
    refused: Vec<(CommitNumber, usize)>,
    /// The same, of those that were kept.
    kept: Vec<(CommitNumber, usize)>,
}

impl Stage {
    pub(crate) fn new() -> Arc<Self> {
        let state = State { mood: Mood::Well, refused: Vec::new(), kept: Vec::new() };
        Arc::new(Self {
            kept: MemoryStore::new(),
            state: Mutex::new(state),
            changed: Condvar::new(),
        })
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.state.lock().mood = mood;
        self.changed.notify_all();
    }

    /// Makes the store well when the guard is dropped, so that a test that fails ends. To be made after the server, which would
    /// otherwise wait for the store first.
    pub(crate) fn well_at_last(self: &Arc<Self>) -> WellAtLast {
        WellAtLast(Arc::clone(self))
    }

    /// The batches that were refused so far.
    pub(crate) fn refused(&self) -> Vec<(CommitNumber, usize)> {
        self.state.lock().refused.clone()
    }

    /// The batches that were kept so far.
    pub(crate) fn kept(&self) -> Vec<(CommitNumber, usize)> {
        self.state.lock().kept.clone()
    }
}

pub(crate) struct WellAtLast(Arc<Stage>);

impl Drop for WellAtLast {
    fn drop(&mut self) {
        self.0.set(Mood::Well);
    }
}

impl Store for Stage {
    fn load(&self, id: ObjectId) -> Result<Option<Stored>, StoreError> {
        if self.state.lock().mood == Mood::Unreadable {
            let cause = "the disk cannot be read".to_owned();
            return Err(StoreError::Io { what: "load an object", cause });
        }
        self.kept.load(id)
    }

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        while state.mood == Mood::Waiting {
            self.changed.wait(&mut state);
        }
        let batch_seen = (batch.last, batch.changes.len());
        if state.mood == Mood::Full {
            state.refused.push(batch_seen);
            return Err(StoreError::Io { what: "write", cause: "no space is left".to_owned() });
        }
        state.kept.push(batch_seen);
        self.kept.apply(batch)
    }

    fn scan(
        &self,
        first: ObjectId,
        last: ObjectId,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.kept.scan(first, last, visit)
    }

    fn last_commit(&self) -> Result<CommitNumber, StoreError> {
        self.kept.last_commit()
    }

    fn next_index(&self) -> Result<u64, StoreError> {
        self.kept.next_index()
    }

    fn snapshot(&self) -> Result<Box<dyn Store>, StoreError> {
        self.kept.snapshot()
    }
}
