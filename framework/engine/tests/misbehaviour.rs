//! P7, at the engine's edges: a job whose last words panic, one that keeps a guard for good, one that writes too much
//! without looking, one that adds to an id that somebody made up, one whose store panics. Each fails by itself, and those after
//! it go on.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use common::{Account, Story, cause, committed, engine, fault, is_first};
use daystar_engine::{Attempt, Cause, Effects, Error, Fault, Job, Limits, Settings};
use daystar_model::{ObjectId, Space};

/// Fails, and panics when it is asked for its last words.
struct Speechless {
    account: ObjectId,
    /// Whether it fails at what it does blindly, inside the commit.
    at_the_commit: bool,
}

impl Job for Speechless {
    fn kind(&self) -> &'static str {
        "speechless"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        if !self.at_the_commit {
            return Err(Error::refused("before the commit"));
        }
        attempt.update::<Account>(self.account, |_| Err(Error::refused("at the commit")))
    }
    fn failed(&self, _: &Cause) -> Effects {
        panic!("speechless")
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self { ..*self }))
    }
}

#[test]
fn a_job_that_panics_at_its_last_words_fails_like_any_other() {
    let story = Story::new(Settings::default());
    let account = story.insert(Account { gold: 0 });
    for at_the_commit in [false, true] {
        let cause = cause(story.engine.run(&Speechless { account, at_the_commit }));
        assert!(format!("{cause:?}").contains("the commit"), "{cause:?}");
        // It has used up a number, which the hand-over must not wait for, and holds no lock.
        committed(story.run(move |attempt| {
            attempt.get_mut::<Account>(account)?.gold += 1;
            Ok(())
        }));
    }
    assert_eq!(story.gold(account), Some(2));
    story.end();
}

#[test]
fn a_guard_that_is_kept_for_good_fails_the_job() {
    let story = Story::new(Settings::default());
    let account = story.insert(Account { gold: 0 });
    let keep = move |attempt: &Attempt<'_>| {
        let mut guard = attempt.get_mut::<Account>(account)?;
        guard.gold = 7;
        std::mem::forget(guard);
        Ok(())
    };
    assert_eq!(fault(story.run(keep)), Fault::GuardKept { id: account, job: "test" });
    committed(story.run(move |attempt| {
        attempt.get_mut::<Account>(account)?.gold += 1;
        Ok(())
    }));
    assert_eq!(story.gold(account), Some(1));
    story.end();
}

#[test]
fn what_is_written_without_looking_counts_too() {
    let bytes = size_of::<Account>();
    let limits = Limits { bytes_max: bytes, ..Limits::default() };
    let story = Story::new(Settings { limits, ..Settings::default() });
    let accounts = story.accounts(2, 0);
    let all = Arc::clone(&accounts);
    let add = move |count: usize| {
        let all = Arc::clone(&all);
        move |attempt: &Attempt<'_>| {
            let add = |account: &mut Account| {
                account.gold += 1;
                Ok(())
            };
            all[..count].iter().try_for_each(|account| attempt.update(*account, add))
        }
    };
    committed(story.run(add(1)));
    let too_many = Fault::TooManyBytes { job: "test", bytes: 2 * bytes, limit: bytes };
    assert_eq!(fault(story.run(add(2))), too_many);
    assert_eq!(story.total(&accounts), 1);
    story.end();
}

#[test]
fn adding_to_a_made_up_id_fails_and_takes_no_memory() {
    let story = Story::new(Settings::default());
    // If it got a cell, so would all before it on the same shelf: more than there is memory.
    let id = ObjectId::new(Space::Object, (1 << 62) - 1);
    let not_found = Fault::NotFound { type_name: "Account", id, job: "test" };
    let add = move |attempt: &Attempt<'_>| {
        attempt.update::<Account>(id, |account| {
            account.gold += 1;
            Ok(())
        })
    };
    assert_eq!(fault(story.run(add)), not_found);
    let look_after = move |attempt: &Attempt<'_>| {
        add(attempt)?;
        assert!(attempt.get::<Account>(id).is_err());
        Ok(())
    };
    assert_eq!(fault(story.run(look_after)), not_found);
    story.end();
}

#[test]
fn with_one_attempt_a_job_is_alone_from_the_start() {
    let limits = Limits { attempts_max: 1, ..Limits::default() };
    let engine = engine(Arc::new(()), Settings { limits, ..Settings::default() });
    committed(common::run(&engine, |attempt| {
        attempt.insert(Space::Object, Account { gold: 1 })?;
        Ok(())
    }));
    assert_eq!((engine.counts().alone, engine.counts().conflicts), (1, 0));
}

/// A job that has met another has what it touched reserved, and the store is asked for what has been given up of that.
#[test]
fn a_store_that_panics_while_a_job_reserves_keeps_nobody_from_what_it_had() {
    // So few that the second attempt has everything reserved.
    let limits = Limits { attempts_max: 4, ..Limits::default() };
    let story = Story::new(Settings { limits, memory: Some(1 << 30), ..Settings::default() });
    let account = story.insert(Account { gold: 0 });
    let nobody = ObjectId::new(Space::Name, 79);
    let (engine, attempts) = (Arc::clone(&story.engine), Arc::<AtomicU32>::default());
    let disk = story.store.as_ref().map(|store| Arc::clone(&store.disk)).expect("a store");
    let ran = catch_unwind(AssertUnwindSafe(|| {
        story.run(move |attempt| {
            let mut account = attempt.get_mut::<Account>(account)?;
            assert!(attempt.find::<Account>(nobody)?.is_none());
            if is_first(&attempts) {
                engine.look_for_gone();
                disk.panics.store(true, Ordering::Relaxed);
            }
            account.gold += 1;
            Ok(())
        })
    }));
    let told = ran.expect_err("the store has panicked");
    assert_eq!(told.downcast_ref::<&str>(), Some(&"a store that panics"));
    assert_eq!(story.counts().reserved, 1, "it panicked before anything was reserved");
    let conflicts = story.counts().conflicts;
    committed(story.run(move |attempt| {
        attempt.get_mut::<Account>(account)?.gold += 10;
        Ok(())
    }));
    assert_eq!(story.counts().conflicts, conflicts, "the account was still reserved");
    assert_eq!(story.value::<Account>(account).map(|account| account.gold), Some(10));
}

#[test]
fn names_for_which_the_store_has_panicked_take_no_memory() {
    let story = Story::new(Settings { memory: Some(1 << 30), ..Settings::default() });
    let disk = story.store.as_ref().map(|store| Arc::clone(&store.disk)).expect("a store");
    let before = story.counts().bytes;
    for name in 1..=20 {
        disk.panics.store(true, Ordering::Relaxed);
        let outcome = story.run(move |attempt| {
            attempt.find::<Account>(ObjectId::new(Space::Name, name << 32))?;
            Ok(())
        });
        assert!(matches!(cause(outcome), Cause::Panic(_)));
    }
    assert!(story.counts().bytes > before, "there was nothing to give up");
    story.engine.look_for_gone();
    assert_eq!(story.counts().bytes, before);
}
