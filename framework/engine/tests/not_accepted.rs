//! A sink that takes no changes for a while: jobs that change something fail with its cause, those that only look go on,
//! nothing of a refused job is ever handed on, and all is well again as soon as the sink says so.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use daystar_engine::{
    Attempt, CommitSink, Committed, Engine, Error, Fault, History, NotAccepted, Outcome, Settings,
    rerun,
};
use daystar_model::{ObjectId, Space};
use parking_lot::Mutex;

use common::{EmptyStore, Note, ask, engine, look, message, run};

/// What a commit changed, and how many effects it had.
type Handed = (Vec<ObjectId>, usize);

#[derive(Default)]
struct Moody {
    is_refusing: AtomicBool,
    handed_on: Mutex<Vec<Handed>>,
}

impl CommitSink for Moody {
    fn committed(&self, commit: Committed) {
        let changed = commit.changes.iter().map(|change| change.0).collect();
        self.handed_on.lock().push((changed, commit.effects.iter().count()));
    }

    fn accepts(&self) -> Result<(), NotAccepted> {
        match self.is_refusing.load(Ordering::SeqCst) {
            true => Err(NotAccepted { cause: "the disk is full".to_owned() }),
            false => Ok(()),
        }
    }
}

const NOTE: ObjectId = ObjectId::new(Space::Name, 1);

fn write(attempt: &Attempt<'_>) -> Result<(), Error> {
    let is_there = attempt.find::<Note>(NOTE)?.is_some();
    match is_there {
        true => attempt.get_mut::<Note>(NOTE)?.text.push('x'),
        false => attempt.insert_at(NOTE, Note { text: "x".to_owned() })?,
    }
    attempt.effect(message("written"));
    Ok(())
}

fn read(engine: &Engine) -> String {
    let text = Arc::new(Mutex::new(String::new()));
    let seen = Arc::clone(&text);
    let outcome = look(engine, move |attempt| {
        *seen.lock() = attempt.get::<Note>(NOTE)?.text.clone();
        Ok(())
    });
    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
    text.lock().clone()
}

#[test]
fn changes_are_refused_with_the_cause_and_looking_goes_on() {
    let sink = Arc::<Moody>::default();
    let engine = engine(sink.clone(), Settings::default());
    assert!(matches!(run(&engine, write), Outcome::Committed(_)));
    sink.is_refusing.store(true, Ordering::SeqCst);

    let Outcome::Failed(cause) = run(&engine, write) else { panic!("it was refused") };
    assert!(cause.is_not_accepted(), "{cause:?}");
    let daystar_engine::Cause::Error(error) = &cause else { panic!("it did not panic") };
    let wanted = Fault::NotAccepted { cause: "the disk is full".to_owned() };
    assert_eq!(error.fault(), Some(&wanted));
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!(read(&engine), "x");
    let said = run(&engine, |attempt| {
        attempt.get::<Note>(NOTE)?;
        attempt.effect(message("seen"));
        Ok(())
    });
    assert!(matches!(said, Outcome::Committed(_)), "what changes nothing is not refused: {said:?}");

    sink.is_refusing.store(false, Ordering::SeqCst);
    assert!(matches!(run(&engine, write), Outcome::Committed(_)));
    assert_eq!(read(&engine), "xx");
    let handed_on = sink.handed_on.lock();
    assert_eq!(*handed_on, [(vec![NOTE], 1), (vec![], 1), (vec![NOTE], 1)]);
}

#[test]
fn a_refused_job_says_its_last_words_and_is_not_among_what_can_be_run_again() {
    let sink = Arc::<Moody>::default();
    let history = Arc::<History>::default();
    let settings = Settings { recorder: Some(history.clone()), ..Settings::default() };
    let engine = engine(sink.clone(), settings);
    assert!(matches!(run(&engine, write), Outcome::Committed(_)));
    sink.is_refusing.store(true, Ordering::SeqCst);
    assert!(matches!(ask(&engine, write), Outcome::Failed(_)));
    sink.is_refusing.store(false, Ordering::SeqCst);
    assert!(matches!(run(&engine, write), Outcome::Committed(_)));
    let told: Vec<usize> = sink.handed_on.lock().iter().map(|handed| handed.1).collect();
    assert_eq!(told, [1, 1, 1], "whoever asked was told");
    let records = history.take();
    assert_eq!(records.len(), 2);
    assert_eq!(rerun(&engine, &records, Arc::new(EmptyStore)), Ok(2));
}
