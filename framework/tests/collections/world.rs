//! Worlds for the tests of collections: tasks from closures, with or without the oracle, and a store that keeps bytes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use daystar::__private::Closure;
use daystar::Limits;
use daystar::prelude::*;
use daystar_engine::{
    Breaks, CommitSink, Committed, Counts, Difference, Engine, History, Outcome, Settings, rerun,
};
use daystar_model::store::{Stored, Visit};
use daystar_model::{
    Batch, CommitNumber, ManualClock, Object, ObjectId, Record, Store, StoreError,
};
use daystar_store::MemoryStore;
use parking_lot::Mutex;

/// A world in memory, of which every task is recorded.
pub(crate) struct World {
    engine: Engine,
    history: Option<Arc<History>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::broken(Breaks::default())
    }

    pub(crate) fn broken(breaks: Breaks) -> Self {
        let history = Arc::new(History::default());
        let settings = Settings { recorder: Some(history.clone()), breaks, ..Settings::default() };
        Self::with(Arc::new(MemoryStore::new()), Arc::new(()), settings, Some(history))
    }

    /// A world whose tasks may touch so many objects.
    pub(crate) fn limited(objects_max: usize) -> Self {
        let limits = Limits { objects_max, ..Limits::default() };
        let settings = Settings { limits, ..Settings::default() };
        Self::with(Arc::new(MemoryStore::new()), Arc::new(()), settings, None)
    }

    /// A world that is kept in `disk`, as bytes.
    pub(crate) fn on(disk: &Arc<Disk>) -> Self {
        Self::with(disk.clone(), disk.clone(), Settings::default(), None)
    }

    fn with(
        store: Arc<dyn Store>,
        sink: Arc<dyn CommitSink>,
        settings: Settings,
        history: Option<Arc<History>>,
    ) -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { engine: Engine::new(store, sink, clock, settings).expect("a world"), history }
    }

    /// Runs a task, which may fail. What it returned in the attempt that counts.
    pub(crate) fn try_run<T: Send + 'static>(
        &self,
        work: impl Fn(&Ctx) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T, String> {
        self.job(work, |job| job)
    }

    /// Runs a task, which must succeed.
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Fn(&Ctx) -> Result<T> + Send + Sync + 'static,
    ) -> T {
        self.try_run(work).unwrap_or_else(|cause| panic!("a task failed: {cause}"))
    }

    /// Runs a task that only looks, which must succeed.
    pub(crate) fn look<T: Send + 'static>(
        &self,
        work: impl Fn(&Ctx) -> Result<T> + Send + Sync + 'static,
    ) -> T {
        let told = self.job(work, Closure::read_only);
        told.unwrap_or_else(|cause| panic!("a task failed: {cause}"))
    }

    fn job<T: Send + 'static>(
        &self,
        work: impl Fn(&Ctx) -> Result<T> + Send + Sync + 'static,
        kind: impl FnOnce(Closure) -> Closure,
    ) -> Result<T, String> {
        let told = Arc::new(Mutex::new(None));
        let tell = told.clone();
        let job = Closure::new(move |ctx| {
            let value = work(ctx)?;
            *tell.lock() = Some(value);
            Ok(())
        });
        match self.engine.run(&kind(job)) {
            Outcome::Committed(_) => Ok(told.lock().take().expect("it ran")),
            Outcome::Failed(cause) => Err(format!("{cause:?}")),
        }
    }

    /// Whether a task that does `first` has to be run again when another does `second` just before it commits.
    pub(crate) fn meet(
        &self,
        first: impl Fn(&Ctx) -> Result<()> + Send + Sync + 'static,
        second: impl Fn(&Ctx) -> Result<()> + Send + Sync + 'static,
    ) -> bool {
        let (begun, middle) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let attempts = Arc::new(AtomicUsize::new(0));
        std::thread::scope(|scope| {
            let (counted, waiting, resumed) = (attempts.clone(), begun.clone(), middle.clone());
            scope.spawn(move || {
                self.run(move |ctx| {
                    first(ctx)?;
                    if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                        waiting.wait();
                        resumed.wait();
                    }
                    // What it saw must matter: a task that leaves nothing could have run a moment before.
                    ctx.insert(Counter::new(0)).map(drop)
                });
            });
            begun.wait();
            self.run(second);
            middle.wait();
        });
        attempts.load(Ordering::SeqCst) > 1
    }

    pub(crate) fn counts(&self) -> Counts {
        self.engine.counts()
    }

    /// Runs all that was recorded again, one at a time, and compares.
    pub(crate) fn compare(&self) -> Result<(), Difference> {
        let records = self.history.as_ref().expect("a recorded world").take();
        rerun(&self.engine, &records, Arc::new(MemoryStore::new())).map(drop)
    }

    /// That it came to what one at a time would have come to.
    pub(crate) fn check(&self) {
        self.compare().unwrap_or_else(|difference| panic!("{difference}"));
    }
}

/// Runs `work` on so many threads at once, each with its number.
pub(crate) fn on_threads(threads: u64, work: impl Fn(u64) + Sync) {
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let work = &work;
            scope.spawn(move || work(thread));
        }
    });
}

/// A stream of numbers that look random, the same in every run.
pub(crate) fn scattered(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 11
    })
}

/// Keeps every object as its record's bytes, and gives it back from those.
#[derive(Default)]
pub(crate) struct Disk(Mutex<Records>);

#[derive(Default)]
struct Records {
    records: BTreeMap<ObjectId, Vec<u8>>,
    last: CommitNumber,
    next_index: u64,
}

impl Disk {
    /// How many objects there are.
    pub(crate) fn objects(&self) -> usize {
        self.0.lock().records.len()
    }

    /// All of it, for another store that is empty.
    #[allow(dead_code, reason = "the tests of upgrades use it")]
    pub(crate) fn batch(&self) -> Batch {
        let disk = self.0.lock();
        let changes = disk.records.iter().map(|(id, bytes)| {
            let record = Record::parse(*id, bytes).expect("a whole record");
            (*id, record.commit, Some(record.value().expect("a value")))
        });
        Batch { changes: changes.collect(), last: disk.last, next_index: disk.next_index }
    }

    /// Every object as it is shown.
    pub(crate) fn shown(&self) -> Vec<String> {
        let records = self.0.lock();
        let shown = records.records.iter().map(|(id, bytes)| {
            let record = Record::parse(*id, bytes).expect("a whole record");
            let value: Arc<dyn Object> = record.value().expect("a value");
            format!("{}{id} {}", record.type_name, value.to_json())
        });
        shown.collect()
    }
}

impl CommitSink for Disk {
    fn committed(&self, commit: Committed) {
        let mut disk = self.0.lock();
        for (id, value) in &commit.changes {
            match value {
                Some(value) => {
                    let bytes = Record::encode(*id, commit.number, &**value).expect("a record");
                    disk.records.insert(*id, bytes);
                }
                None => drop(disk.records.remove(id)),
            }
        }
        (disk.last, disk.next_index) = (commit.number, commit.next_index);
    }
}

impl Store for Disk {
    fn load(&self, id: ObjectId) -> Result<Option<Stored>, StoreError> {
        let disk = self.0.lock();
        let Some(bytes) = disk.records.get(&id) else { return Ok(None) };
        let read = Record::parse(id, bytes).and_then(|record| Ok((record.commit, record.value()?)));
        read.map(Some).map_err(|cause| StoreError::Record { id, cause })
    }
    fn apply(&self, _: &Batch) -> Result<(), StoreError> {
        Ok(())
    }
    fn scan(&self, _: ObjectId, _: ObjectId, _: &mut Visit<'_>) -> Result<(), StoreError> {
        Ok(())
    }
    fn last_commit(&self) -> Result<CommitNumber, StoreError> {
        Ok(self.0.lock().last)
    }
    fn next_index(&self) -> Result<u64, StoreError> {
        Ok(self.0.lock().next_index.max(1))
    }
}
