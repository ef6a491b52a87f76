//! A reference may come from a client, who can make up any number. Here one names the very object that the task which
//! looks it up is about to make. The task finds nothing, makes its object, sees it, and commits like any other.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use common::{Account, engine, look, run};
use daystar_engine::{Engine, Error, Outcome, Settings};
use daystar_model::{ObjectId, Space};

/// Where the engine would try for ever, the task gives up, so that the test ends.
const ATTEMPTS_MAX: u32 = 1_000;

/// An engine, and the id that it gives next.
fn engine_and_next_id() -> (Engine, ObjectId) {
    let engine = engine(Arc::new(()), Settings::default());
    let newest = engine.new_id(Space::Object).index();
    (engine, ObjectId::new(Space::Object, newest + 1))
}

#[test]
fn a_task_that_looks_up_the_id_it_is_given_next_commits() {
    let (engine, made_up) = engine_and_next_id();
    let (attempts, given) = (AtomicU32::new(0), AtomicU64::new(0));
    let counts = Arc::new((attempts, given));
    let own = Arc::clone(&counts);
    let outcome = run(&engine, move |attempt| {
        let (attempts, given) = &*own;
        if attempts.fetch_add(1, Ordering::Relaxed) == ATTEMPTS_MAX {
            return Err(Error::refused("it never commits"));
        }
        assert!(attempt.find::<Account>(made_up)?.is_none(), "found before it was made");
        let id = attempt.insert(Space::Object, Account { gold: 7 })?;
        given.store(id.to_raw(), Ordering::Relaxed);
        Ok(())
    });
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    let given = ObjectId::from_raw(counts.1.load(Ordering::Relaxed));
    let outcome = look(&engine, move |attempt| {
        assert_eq!(attempt.get::<Account>(given)?.gold, 7);
        Ok(())
    });
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
}

#[test]
fn a_task_that_looked_up_the_id_it_is_given_next_sees_what_it_made() {
    let (engine, made_up) = engine_and_next_id();
    let outcome = run(&engine, move |attempt| {
        assert!(attempt.find::<Account>(made_up)?.is_none(), "found before it was made");
        let id = attempt.insert(Space::Object, Account { gold: 7 })?;
        assert_eq!(attempt.get::<Account>(id)?.gold, 7);
        Err(Error::refused("it has seen enough"))
    });
    let Outcome::Failed(cause) = outcome else { panic!("{outcome:?}") };
    assert!(format!("{cause:?}").contains("seen enough"), "{cause:?}");
}

#[test]
fn an_id_that_is_given_away_meanwhile_is_no_conflict() {
    let (engine, _) = engine_and_next_id();
    let newest = engine.new_id(Space::Object).index();
    // The same number, made up for another space: the task itself makes it one that has been given.
    let made_up = ObjectId::new(Space::Task, newest + 1);
    let outcome = run(&engine, move |attempt| {
        assert!(attempt.find::<Account>(made_up)?.is_none(), "nobody has made it");
        attempt.insert(Space::Object, Account { gold: 7 })?;
        Ok(())
    });
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    assert_eq!(engine.counts().conflicts, 0, "nothing has changed that was looked at");
}
