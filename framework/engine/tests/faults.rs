//! What the engine says when it objects, word for word: each text names the type, the object and the task where it has
//! them, and what to do. Every fault here is met by a job, not made by hand.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Account, Closure, Note, Story, cause, engine, is_first, reason, refusal, run};
use daystar_engine::{Attempt, Engine, Error, Limits, Settings};
use daystar_model::store::Visit;
use daystar_model::{
    Batch, CommitNumber, ManualClock, Object, ObjectId, RecordError, Space, Store, StoreError,
};

const ACCOUNT: ObjectId = ObjectId::new(Space::Object, 1);
const NOTE: ObjectId = ObjectId::new(Space::Object, 2);
const UNBOUND: ObjectId = ObjectId::new(Space::Name, 3);

type Work = fn(&Attempt<'_>) -> Result<(), Error>;

/// Jobs that meet a fault, and what they are told.
const TOLD: &[(Work, &str)] = &[
    (
        |attempt| Ok(attempt.get::<Account>(UNBOUND).map(drop)?),
        "Account name#3, which task `test` wants, does not exist: it was removed, or never was",
    ),
    (
        |attempt| Ok(attempt.remove::<Note>(ObjectId::new(Space::Task, 9))?),
        "Note task#9, which task `test` wants, does not exist: it was removed, or never was",
    ),
    (|attempt| Ok(attempt.get_mut::<Note>(ACCOUNT).map(drop)?), "#1 is of type Account, not Note"),
    (
        |attempt| Ok(attempt.insert_at(NOTE, Account { gold: 1 })?),
        "Note #2 exists already: change it, or remove it first",
    ),
    (
        |attempt| {
            let _guard = attempt.get_mut::<Account>(ACCOUNT)?;
            Ok(attempt.get::<Account>(ACCOUNT).map(drop)?)
        },
        "task `test` is changing Account #1 already: let the guard from `get_mut` end before using the object again",
    ),
    (
        |attempt| {
            let _guard = attempt.get_mut::<Account>(ACCOUNT)?;
            Ok(attempt.get_mut::<Account>(ACCOUNT).map(drop)?)
        },
        "task `test` is changing Account #1 already: let the guard from `get_mut` end before using the object again",
    ),
    (
        |attempt| {
            let _guard = attempt.get::<Account>(ACCOUNT)?;
            Ok(attempt.remove::<Account>(ACCOUNT)?)
        },
        "task `test` is reading Account #1: let the guard from `get` end before changing the object",
    ),
    (
        |attempt| {
            attempt.update(ACCOUNT, |_: &mut Account| refusal("the bank is shut"))?;
            Ok(attempt.get::<Account>(ACCOUNT).map(drop)?)
        },
        "the bank is shut",
    ),
    (
        |attempt| {
            for index in 0..6 {
                attempt.find::<Note>(ObjectId::new(Space::Name, index))?;
            }
            Ok(())
        },
        "task `test` touched more than 5 objects: do it in several tasks, or raise `Limits::objects_max`",
    ),
    (
        |attempt| {
            let text = "x".repeat(1_000 - size_of::<Note>() + 1);
            attempt.insert(Space::Object, Note { text })?;
            Ok(())
        },
        "task `test` wrote 1001 bytes of objects and messages, more than 1000: do it in several tasks, or raise `Limits::bytes_max`",
    ),
];

/// The same for jobs that are read-only.
const TOLD_READ_ONLY: &[(Work, &str)] = &[
    (
        |attempt| Ok(attempt.get_mut::<Account>(ACCOUNT).map(drop)?),
        "Account #1 cannot be changed here: task `test` is read-only",
    ),
    (
        |attempt| Ok(attempt.insert_at(UNBOUND, Note::default())?),
        "Note name#3 cannot be changed here: task `test` is read-only",
    ),
];

#[test]
fn every_fault_says_what_where_and_who() {
    let limits = Limits { objects_max: 5, bytes_max: 1_000, ..Limits::default() };
    let story = Story::new(Settings { limits, ..Settings::default() });
    assert_eq!(story.insert(Account { gold: 1 }), ACCOUNT);
    assert_eq!(story.insert(Note::default()), NOTE);
    for (work, wanted) in TOLD {
        assert_eq!(reason(&cause(story.run(*work))), *wanted);
    }
    for (work, wanted) in TOLD_READ_ONLY {
        assert_eq!(reason(&cause(story.look(*work))), *wanted);
    }
    story.end();
}

#[test]
fn a_conflict_says_that_the_job_is_run_again() {
    let story = Story::new(Settings::default());
    let accounts = story.accounts(2, 0);
    let (engine, attempts) = (Arc::clone(&story.engine), Arc::default());
    let said = Arc::<std::sync::Mutex<Vec<String>>>::default();
    let told = Arc::clone(&said);
    common::committed(story.run(move |attempt| {
        let [one, other] = accounts[..] else { panic!("there are two") };
        attempt.get::<Account>(one)?;
        if is_first(&attempts) {
            common::committed(run(&engine, move |attempt| {
                attempt.get_mut::<Account>(one)?.gold += 1;
                attempt.get_mut::<Account>(other)?.gold += 1;
                Ok(())
            }));
        }
        if let Err(fault) = attempt.get::<Account>(other) {
            told.lock().expect("nobody panics with it").push(fault.to_string());
        }
        Ok(())
    }));
    let said = said.lock().expect("nobody panics with it").clone();
    assert_eq!(said, ["another task changed what this one had read; it is run again"]);
    story.end();
}

#[test]
fn a_job_that_is_stopped_is_told_after_how_long() {
    let limits = Limits { time_max: Duration::from_secs(3), ..Limits::default() };
    let engine = Arc::new(engine(Arc::new(()), Settings { limits, ..Settings::default() }));
    let watcher = Arc::clone(&engine);
    let outcome = run(&engine, move |attempt| {
        watcher.watch(Duration::ZERO);
        watcher.watch(Duration::from_secs(3));
        Ok(attempt.find::<Account>(ACCOUNT).map(drop)?)
    });
    let wanted = "task `test` was still running after 3s and was stopped: do it in several tasks, or raise `Limits::time_max`";
    assert_eq!(reason(&cause(outcome)), wanted);
}

/// A store whose records are all damaged.
struct DamagedStore;

impl Store for DamagedStore {
    fn load(&self, id: ObjectId) -> Result<Option<(CommitNumber, Arc<dyn Object>)>, StoreError> {
        Err(StoreError::Record { id, cause: RecordError::Truncated { length: 3 } })
    }
    fn apply(&self, _: &Batch) -> Result<(), StoreError> {
        Ok(())
    }
    fn scan(&self, _: ObjectId, _: ObjectId, _: &mut Visit<'_>) -> Result<(), StoreError> {
        Ok(())
    }
    fn last_commit(&self) -> Result<CommitNumber, StoreError> {
        Ok(CommitNumber(7))
    }
    fn next_index(&self) -> Result<u64, StoreError> {
        Ok(10)
    }
}

#[test]
fn an_object_that_cannot_be_loaded_says_why() {
    let clock = Arc::new(ManualClock::default());
    let engine = Engine::new(Arc::new(DamagedStore), Arc::new(()), clock, Settings::default())
        .expect("it stands at 7");
    let damaged = StoreError::Record { id: ACCOUNT, cause: RecordError::Truncated { length: 3 } };
    let wanted = format!("Account #1 could not be loaded: {damaged}");
    let works: [Work; 3] = [
        |attempt| Ok(attempt.get::<Account>(ACCOUNT).map(drop)?),
        |attempt| Ok(attempt.insert_at(ACCOUNT, Account { gold: 1 })?),
        |attempt| attempt.update(ACCOUNT, |_: &mut Account| Ok(())),
    ];
    for work in works {
        for is_read_only in [false, true] {
            let outcome = engine.run(&Closure { work, is_read_only, tells: false });
            let said = reason(&cause(outcome));
            assert!(said == wanted || (is_read_only && said.contains("read-only")), "{said}");
        }
    }
}
