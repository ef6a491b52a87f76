//! A small world for one story: an engine over nothing, or over a store and with hardly any memory, a sink and a recorder that remember everything, and a check at
//! the end that all of it is what one thread would have done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use daystar_engine::{
    Attempt, Breaks, Cause, CommitSink, Committed, Counts, Effect, Effects, Engine, Error, History,
    Job, Limits, Outcome, Settings, rerun,
};
use daystar_model::{CommitNumber, ManualClock, ObjectId, Space};

use crate::common::{Account, Behind, EmptyStore};

pub(crate) struct World {
    engine: Arc<Engine>,
    ledger: Arc<Ledger>,
    history: Arc<History>,
    /// The highest number of a job that is over. Not the checker's: to look here is no step of the story.
    finished: AtomicU64,
}

/// Keeps all commits. Nothing happens while its lock is held, so it need not be the checker's either.
#[derive(Default)]
struct Ledger(Mutex<Vec<Committed>>);

impl CommitSink for Ledger {
    fn committed(&self, commit: Committed) {
        self.0.lock().expect("the ledger").push(commit);
    }
}

type Work = Arc<dyn Fn(&Attempt<'_>) -> Result<(), Error> + Send + Sync>;

/// A job that can be run again for the oracle.
#[derive(Clone)]
struct Deed {
    work: Work,
    is_read_only: bool,
}

impl Job for Deed {
    fn kind(&self) -> &'static str {
        "deed"
    }
    fn is_read_only(&self) -> bool {
        self.is_read_only
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        (self.work)(attempt)
    }
    fn failed(&self, cause: &Cause) -> Effects {
        let mut effects = Effects::default();
        if let Cause::Error(error) = cause {
            effects.push(message(&error.to_string()));
        }
        effects
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(self.clone()))
    }
}

impl World {
    pub(crate) fn new(breaks: Breaks) -> Self {
        Self::with_attempts(breaks, Limits::default().attempts_max)
    }

    /// A world whose jobs have so many attempts: with few, they soon reserve what they need, or run alone.
    pub(crate) fn with_attempts(breaks: Breaks, attempts_max: u32) -> Self {
        let (ledger, history) = (Arc::new(Ledger::default()), Arc::new(History::default()));
        let settings = settings(breaks, attempts_max, &history);
        let time = Arc::new(ManualClock::default());
        let engine = Engine::new(Arc::new(EmptyStore), ledger.clone(), time, settings);
        let engine = Arc::new(engine.expect("an empty store is readable"));
        Self { engine, ledger, history, finished: AtomicU64::new(0) }
    }

    /// A world in which every object that can go out of memory goes after every job, over a store that is so many
    /// commits behind.
    pub(crate) fn without_memory(breaks: Breaks, attempts_max: u32, lag: usize) -> Self {
        Self::over(Some(1), breaks, attempts_max, lag)
    }

    /// A world over a store that is so many commits behind.
    pub(crate) fn over_store(breaks: Breaks, attempts_max: u32, lag: usize) -> Self {
        Self::over(None, breaks, attempts_max, lag)
    }

    fn over(memory: Option<u64>, breaks: Breaks, attempts_max: u32, lag: usize) -> Self {
        let (ledger, history) = (Arc::new(Ledger::default()), Arc::new(History::default()));
        let settings = Settings { memory, ..settings(breaks, attempts_max, &history) };
        let sink = Arc::new(Behind::new(ledger.clone(), lag));
        let time = Arc::new(ManualClock::default());
        let engine = Engine::new(sink.disk.clone(), sink.clone(), time, settings);
        let engine = Arc::new(engine.expect("the store is readable"));
        sink.tells(&engine);
        Self { engine, ledger, history, finished: AtomicU64::new(0) }
    }

    /// Accounts with so much gold each, opened before the story begins.
    pub(crate) fn accounts<const N: usize>(&self, gold: [i64; N]) -> [ObjectId; N] {
        self.open(gold.map(|_| self.engine.new_id(Space::Object)), gold)
    }

    /// Opens accounts at these ids, with so much gold each, before the story begins.
    pub(crate) fn open<const N: usize>(&self, ids: [ObjectId; N], gold: [i64; N]) -> [ObjectId; N] {
        self.run(move |attempt| {
            for (id, gold) in ids.iter().zip(gold) {
                attempt.insert_at(*id, Account { gold })?;
            }
            Ok(())
        });
        ids
    }

    /// Runs a job that commits, and changes something: so it comes after all that was over when it began.
    pub(crate) fn run(
        &self,
        work: impl Fn(&Attempt<'_>) -> Result<(), Error> + Send + Sync + 'static,
    ) {
        let before = self.finished.load(Ordering::SeqCst);
        match self.outcome(work, false) {
            Outcome::Committed(number) => assert!(number.0 > before, "{number} is in the past"),
            Outcome::Failed(cause) => panic!("{cause:?}"),
        }
    }

    /// Runs a job that commits, and changes something if it finds reason to.
    pub(crate) fn perhaps(
        &self,
        work: impl Fn(&Attempt<'_>) -> Result<(), Error> + Send + Sync + 'static,
    ) {
        let before = self.finished.load(Ordering::SeqCst);
        match self.outcome(work, false) {
            Outcome::Committed(number) => {
                assert!(number.0 >= before, "the past of {before} was seen")
            }
            Outcome::Failed(cause) => panic!("{cause:?}"),
        }
    }

    /// Runs a job that the game may refuse; whether it did not.
    pub(crate) fn attempt(
        &self,
        work: impl Fn(&Attempt<'_>) -> Result<(), Error> + Send + Sync + 'static,
    ) -> bool {
        match self.outcome(work, false) {
            Outcome::Committed(_) => true,
            Outcome::Failed(Cause::Error(error)) if error.is_refusal() => false,
            Outcome::Failed(cause) => panic!("{cause:?}"),
        }
    }

    /// Runs a job that only reads.
    pub(crate) fn look(
        &self,
        work: impl Fn(&Attempt<'_>) -> Result<(), Error> + Send + Sync + 'static,
    ) {
        let before = self.finished.load(Ordering::SeqCst);
        match self.outcome(work, true) {
            Outcome::Committed(number) => {
                assert!(number.0 >= before, "the past of {before} was seen")
            }
            Outcome::Failed(cause) => panic!("{cause:?}"),
        }
    }

    fn outcome(
        &self,
        work: impl Fn(&Attempt<'_>) -> Result<(), Error> + Send + Sync + 'static,
        is_read_only: bool,
    ) -> Outcome {
        let outcome = self.engine.run(&Deed { work: Arc::new(work), is_read_only });
        if let Outcome::Committed(number) = outcome {
            self.finished.fetch_max(number.0, Ordering::SeqCst);
        }
        outcome
    }

    /// The gold in `account` now.
    pub(crate) fn gold(&self, account: ObjectId) -> i64 {
        let gold = Arc::new(AtomicU64::new(0));
        let seen = gold.clone();
        self.look(move |attempt| {
            let gold = attempt.get::<Account>(account)?.gold;
            seen.store(gold.cast_unsigned(), Ordering::SeqCst);
            Ok(())
        });
        gold.load(Ordering::SeqCst).cast_signed()
    }

    /// Accounts as [`accounts`](Self::accounts) makes them, whose cells have no neighbours.
    pub(crate) fn lone_accounts<const N: usize>(&self, gold: [i64; N]) -> [ObjectId; N] {
        self.open(gold.map(|_| self.lone_id()), gold)
    }

    /// A fresh id, under which there is nothing, and whose cell has no neighbours.
    pub(crate) fn lone_id(&self) -> ObjectId {
        for _ in 0..PAGE {
            let _ = self.new_id();
        }
        self.new_id()
    }

    /// A fresh id, under which there is nothing.
    pub(crate) fn new_id(&self) -> ObjectId {
        self.engine.new_id(Space::Object)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.engine.counts()
    }

    /// The messages that were handed on so far, in order.
    pub(crate) fn messages(&self) -> Vec<String> {
        let ledger = self.ledger.0.lock().expect("the ledger");
        let effects = ledger.iter().flat_map(|commit| commit.effects.iter());
        effects
            .map(|effect| match effect {
                Effect::Send { frame, .. } => String::from_utf8_lossy(frame).into_owned(),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    /// The end of the story: nothing is missing or out of order, and one thread comes to the same.
    pub(crate) fn check(self) {
        let numbers: Vec<u64> = {
            let ledger = self.ledger.0.lock().expect("the ledger");
            ledger.iter().map(|commit| commit.number.0).collect()
        };
        let in_order: Vec<u64> = (1..=numbers.len() as u64).collect();
        assert_eq!(numbers, in_order, "the sink was not given every commit in order");
        assert!(self.finished.into_inner() <= numbers.len() as u64, "a commit was not handed on");
        let again = rerun(&self.engine, &self.history.take(), Arc::new(EmptyStore));
        assert!(again.is_ok(), "{}", again.expect_err("a difference"));
    }
}

/// More ids than have their cells side by side while a checker stands in.
const PAGE: usize = 8;

fn settings(breaks: Breaks, attempts_max: u32, history: &Arc<History>) -> Settings {
    Settings {
        limits: Limits { attempts_max, ..Limits::default() },
        recorder: Some(history.clone()),
        breaks,
        ..Settings::default()
    }
}

/// A message with this text, to nobody in particular.
pub(crate) fn message(text: &str) -> Effect {
    let session = ObjectId::new(Space::Session, CommitNumber::ZERO.0);
    Effect::Send { session, frame: Bytes::copy_from_slice(text.as_bytes()) }
}
