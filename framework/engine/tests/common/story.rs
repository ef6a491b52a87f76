//! A concurrency test's story: an engine whose every job is recorded, so that the test can end with the oracle.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use daystar_engine::{
    Cause, Counts, Difference, Engine, Error, Fault, History, Outcome, Settings, rerun,
};
use daystar_model::{CommitNumber, Managed, ManualClock, ObjectId, Space};

use super::closure::{self, Work};
use super::{Account, Behind, EmptyStore, Log, engine};

/// An engine over nothing, or over a store that is behind if there is a memory budget; the record of what it ran, and
/// what it handed on.
pub(crate) struct Story {
    /// Shared, so that a job can run others in between its own steps.
    pub(crate) engine: Arc<Engine>,
    pub(crate) log: Arc<Log>,
    history: Arc<History>,
    /// What writes the store, if there is one.
    pub(crate) store: Option<Arc<Behind<Log>>>,
}

impl Story {
    /// A story told by an engine of these settings.
    pub(crate) fn new(settings: Settings) -> Self {
        let (log, history) = (Arc::<Log>::default(), Arc::<History>::default());
        let settings = Settings { recorder: Some(history.clone()), ..settings };
        if settings.memory.is_none() {
            let engine = Arc::new(engine(log.clone(), settings));
            return Self { engine, log, history, store: None };
        }
        let sink = Arc::new(Behind::new(log.clone(), LAG));
        let time = Arc::new(ManualClock::default());
        let engine = Engine::new(sink.disk.clone(), sink.clone(), time, settings);
        let engine = Arc::new(engine.expect("the store is readable"));
        sink.tells(&engine);
        Self { engine, log, history, store: Some(sink) }
    }

    /// Runs a closure as a job.
    pub(crate) fn run(&self, work: impl Work) -> Outcome {
        closure::run(&self.engine, work)
    }

    /// Runs a closure as a read-only job.
    pub(crate) fn look(&self, work: impl Work) -> Outcome {
        closure::look(&self.engine, work)
    }

    /// Runs a closure as a job that tells somebody when it fails for good.
    pub(crate) fn ask(&self, work: impl Work) -> Outcome {
        closure::ask(&self.engine, work)
    }

    /// Makes an object.
    pub(crate) fn insert<T: Managed>(&self, value: T) -> ObjectId {
        let made = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&made);
        let outcome = self.run(move |attempt| {
            let id = attempt.insert(Space::Object, value.clone())?;
            told.store(id.to_raw(), Ordering::Relaxed);
            Ok(())
        });
        committed(outcome);
        ObjectId::from_raw(made.load(Ordering::Relaxed))
    }

    /// Makes so many accounts.
    pub(crate) fn accounts(&self, count: usize, gold: i64) -> Arc<[ObjectId]> {
        (0..count).map(|_| self.insert(Account { gold })).collect()
    }

    /// A fresh id, under which there is nothing, and whose cell has no neighbours.
    pub(crate) fn lone_id(&self) -> ObjectId {
        for _ in 0..1000 {
            let _ = self.engine.new_id(Space::Object);
        }
        self.engine.new_id(Space::Object)
    }

    /// The object as it is now, if there is one.
    pub(crate) fn value<T: Managed>(&self, id: ObjectId) -> Option<T> {
        let seen = Arc::new(Mutex::new(None));
        let told = Arc::clone(&seen);
        let outcome = self.look(move |attempt| {
            let value = attempt.find::<T>(id)?.map(|value| T::clone(&value));
            *told.lock().expect("nobody panics with it") = value;
            Ok(())
        });
        committed(outcome);
        seen.lock().expect("nobody panics with it").take()
    }

    /// What an account holds.
    pub(crate) fn gold(&self, id: ObjectId) -> Option<i64> {
        self.value::<Account>(id).map(|account| account.gold)
    }

    /// What these accounts hold together.
    pub(crate) fn total(&self, accounts: &[ObjectId]) -> i64 {
        accounts.iter().filter_map(|id| self.gold(*id)).sum()
    }

    pub(crate) fn counts(&self) -> Counts {
        self.engine.counts()
    }

    /// Asks the oracle, which runs everything again; and looks at what was handed on. How many jobs there were.
    pub(crate) fn judge(self) -> Result<usize, Difference> {
        let records = self.history.take();
        self.log.compare(&records)?;
        rerun(&self.engine, &records, Arc::new(EmptyStore))
    }

    /// Ends the story: it must have gone as one at a time.
    ///
    /// # Panics
    /// It has not, or not every job that ended was recorded.
    pub(crate) fn end(self) {
        let Counts { commits, failures, .. } = self.counts();
        let jobs = self.judge().unwrap_or_else(|difference| panic!("{difference}"));
        assert_eq!(jobs as u64, commits + failures, "every job is recorded");
    }
}

/// How many commits the store is behind, if there is one.
const LAG: usize = 2;

/// So little memory that whatever can go goes after every job.
pub(crate) fn no_memory() -> Settings {
    Settings { memory: Some(1), ..Settings::default() }
}

/// Whether this is the first call with this counter: what a job does only in its first attempt, and not when the oracle
/// runs it again.
pub(crate) fn is_first(attempts: &AtomicU32) -> bool {
    attempts.fetch_add(1, Ordering::Relaxed) == 0
}

pub(crate) fn is_committed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Committed(_))
}

/// The place of a job that must have committed.
///
/// # Panics
/// It has failed.
#[track_caller]
pub(crate) fn committed(outcome: Outcome) -> CommitNumber {
    match outcome {
        Outcome::Committed(number) => number,
        Outcome::Failed(cause) => panic!("it failed: {cause:?}"),
    }
}

/// Why a job has failed that must have.
///
/// # Panics
/// It has committed.
#[track_caller]
pub(crate) fn cause(outcome: Outcome) -> Cause {
    match outcome {
        Outcome::Failed(cause) => cause,
        Outcome::Committed(number) => panic!("it committed as {number}"),
    }
}

/// What the engine objected to when a job failed.
///
/// # Panics
/// It has committed, or failed for another reason.
#[track_caller]
pub(crate) fn fault(outcome: Outcome) -> Fault {
    match cause(outcome) {
        Cause::Error(error) => error.fault().unwrap_or_else(|| panic!("{error}")).clone(),
        Cause::Panic(message) => panic!("it panicked: {message}"),
    }
}

/// What a cause says.
pub(crate) fn reason(cause: &Cause) -> String {
    match cause {
        Cause::Error(error) => error.to_string(),
        Cause::Panic(message) => message.clone(),
    }
}

/// A refusal by the game's own rules.
pub(crate) fn refusal<T>(reason: &str) -> Result<T, Error> {
    Err(Error::refused(reason))
}
