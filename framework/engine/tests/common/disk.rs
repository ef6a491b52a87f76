//! A store that is some commits behind, and the sink that writes it: for worlds that are larger than memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use daystar_engine::{Changes, CommitSink, Committed, Engine};
use daystar_model::managed::Decode;
use daystar_model::store::{Stored, Visit};
use daystar_model::{Batch, CommitNumber, ObjectId, RecordError, Store, StoreError};

/// Keeps every object as bytes, so that what is loaded is another value than the one that was written.
pub(crate) struct Disk {
    /// How many commits it is behind.
    lag: usize,
    contents: Mutex<Contents>,
    /// How often it was asked for an object.
    pub(crate) loads: AtomicU64,
    /// Whether it panics when it is asked for the next one.
    pub(crate) panics: AtomicBool,
}

#[derive(Default)]
struct Contents {
    records: BTreeMap<ObjectId, Record>,
    waiting: VecDeque<(CommitNumber, Changes)>,
    stands_still: bool,
}

struct Record {
    number: CommitNumber,
    version: u32,
    decode: Decode,
    payload: Vec<u8>,
}

impl Disk {
    /// An empty store that will be so many commits behind.
    pub(crate) fn behind(lag: usize) -> Self {
        Self {
            lag,
            contents: Mutex::default(),
            loads: AtomicU64::new(0),
            panics: AtomicBool::new(false),
        }
    }

    /// Takes the next commit, and writes what is due; up to where everything is written now.
    pub(crate) fn put(&self, number: CommitNumber, changes: Changes) -> Option<CommitNumber> {
        let mut contents = self.contents();
        contents.waiting.push_back((number, changes));
        let due = contents.waiting.len().saturating_sub(self.lag);
        if contents.stands_still { None } else { contents.write(due) }
    }

    /// Writes so many of the commits that wait; up to where everything is written now.
    fn write(&self, most: usize) -> Option<CommitNumber> {
        let mut contents = self.contents();
        let due = contents.waiting.len().min(most);
        contents.write(due)
    }

    /// Writes nothing by itself for as long as `it_does`.
    pub(crate) fn stand_still(&self, it_does: bool) {
        self.contents().stands_still = it_does;
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn write(&mut self, due: usize) -> Option<CommitNumber> {
        let mut last = None;
        for (number, changes) in self.waiting.drain(..due) {
            last = Some(number);
            for (id, value) in changes {
                let Some(value) = value else {
                    self.records.remove(&id);
                    continue;
                };
                let kind = value.descriptor();
                let payload = value.encode().expect("the tests' types can be written");
                let (version, decode) = (kind.version, kind.decode);
                self.records.insert(id, Record { number, version, decode, payload });
            }
        }
        last
    }
}

impl Store for Disk {
    fn load(&self, id: ObjectId) -> Result<Option<Stored>, StoreError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        assert!(!self.panics.swap(false, Ordering::Relaxed), "a store that panics");
        let contents = self.contents();
        let Some(record) = contents.records.get(&id) else { return Ok(None) };
        let value = (record.decode)(record.version, &record.payload);
        let damaged = |cause: RecordError| StoreError::Record { id, cause };
        Ok(Some((record.number, value.map_err(damaged)?)))
    }
    fn apply(&self, _: &Batch) -> Result<(), StoreError> {
        Ok(())
    }
    fn scan(&self, _: ObjectId, _: ObjectId, _: &mut Visit<'_>) -> Result<(), StoreError> {
        Ok(())
    }
    fn last_commit(&self) -> Result<CommitNumber, StoreError> {
        Ok(CommitNumber::ZERO)
    }
    fn next_index(&self) -> Result<u64, StoreError> {
        Ok(1)
    }
}

/// Hands every commit on to another sink, then writes it, and tells the engine what is written.
pub(crate) struct Behind<S> {
    pub(crate) sink: Arc<S>,
    pub(crate) disk: Arc<Disk>,
    engine: OnceLock<Weak<Engine>>,
}

impl<S: CommitSink> Behind<S> {
    pub(crate) fn new(sink: Arc<S>, lag: usize) -> Self {
        Self { sink, disk: Arc::new(Disk::behind(lag)), engine: OnceLock::new() }
    }

    /// Tells `engine` from now on.
    pub(crate) fn tells(&self, engine: &Arc<Engine>) {
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    /// Writes all that waits.
    pub(crate) fn catch_up(&self) {
        self.write(usize::MAX);
    }

    /// Writes so many of the commits that wait.
    pub(crate) fn write(&self, most: usize) {
        self.tell(self.disk.write(most));
    }

    fn tell(&self, until: Option<CommitNumber>) {
        let engine = self.engine.get().and_then(Weak::upgrade);
        if let (Some(engine), Some(until)) = (engine, until) {
            engine.stored(until);
        }
    }
}

impl<S: CommitSink> CommitSink for Behind<S> {
    fn committed(&self, commit: Committed) {
        let (number, changes) = (commit.number, commit.changes.clone());
        self.sink.committed(commit);
        self.tell(self.disk.put(number, changes));
    }
}
