//! P7: a job that panics or fails is rolled back with a clear cause and harms no other; and what an attempt made of a
//! conflict, a panic, an error or a success, is not the game's doing and never counts.

mod common;

use std::panic::panic_any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use common::{
    Account, Note, Story, Work, cause, committed, fault, is_first, message, reason, refusal, run,
};
use daystar_engine::{Attempt, Cause, Error, Fault, Settings};
use daystar_model::{ObjectId, Space};

/// Two accounts, and a job that looks at one; then, in its first attempt, both are changed under it; then it looks at
/// the other, and does with the answer what `go_on` says.
fn meets_a_conflict(
    go_on: impl Fn(Result<i64, Fault>) -> Result<(), Error> + Copy + Send + 'static,
) {
    let story = Story::new(Settings::default());
    let accounts = story.accounts(3, 10);
    let [one, other, mark] = accounts[..] else { panic!("there are three") };
    let (engine, attempts) = (Arc::clone(&story.engine), Arc::<AtomicU32>::default());
    let count = Arc::clone(&attempts);
    committed(story.run(move |attempt| {
        let first = attempt.get::<Account>(one)?.gold;
        if is_first(&count) {
            committed(run(&engine, move |attempt| {
                attempt.get_mut::<Account>(one)?.gold += 1;
                attempt.get_mut::<Account>(other)?.gold -= 1;
                Ok(())
            }));
        }
        let second = attempt.get::<Account>(other).map(|account| account.gold);
        if let Ok(second) = second {
            assert_eq!(first + second, 20, "no attempt sees a torn state");
        }
        attempt.effect(message(format!("{second:?}")));
        let _ = attempt.get_mut::<Account>(mark).map(|mut mark| mark.gold = first);
        go_on(second)
    }));
    assert_eq!(attempts.load(Ordering::Relaxed), 2, "it is run again, once");
    assert_eq!(story.counts().conflicts, 1);
    assert_eq!(story.counts().failures, 0);
    assert_eq!(story.log.effects(), [message("Ok(9)")]);
    assert_eq!(story.gold(mark), Some(11));
    story.end();
}

#[test]
fn a_conflict_that_is_passed_on_is_run_again() {
    meets_a_conflict(|second| Ok(second.map(|_| ())?));
}

#[test]
fn a_conflict_that_is_swallowed_is_run_again() {
    meets_a_conflict(|_| Ok(()));
}

#[test]
fn a_conflict_that_is_made_into_a_refusal_is_run_again() {
    meets_a_conflict(|second| if second.is_err() { refusal("try later") } else { Ok(()) });
}

#[test]
fn a_conflict_that_is_made_into_a_panic_is_run_again() {
    meets_a_conflict(|second| {
        second.expect("this game never heard of conflicts");
        Ok(())
    });
}

/// A job whose accounts do not add up panics. In a sound engine they always do, also in attempts that are thrown away.
#[test]
fn no_job_panics_at_a_state_that_never_was() {
    let story = Story::new(Settings::default());
    let accounts = story.accounts(4, 100);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (story, accounts) = (&story, &accounts);
            scope.spawn(move || {
                for turn in 0..100 {
                    committed(story.run(audit_and_move(accounts, thread, turn % 4)));
                }
            });
        }
    });
    let counts = story.counts();
    assert_eq!(counts.failures, 0);
    story.end();
}

fn audit_and_move(accounts: &Arc<[ObjectId]>, from: usize, to: usize) -> impl Work {
    let accounts = Arc::clone(accounts);
    move |attempt: &Attempt<'_>| {
        let mut total = 0;
        for account in accounts.iter() {
            total += attempt.get::<Account>(*account)?.gold;
            thread::yield_now();
        }
        assert_eq!(total, 400, "the accounts do not add up");
        attempt.get_mut::<Account>(accounts[from])?.gold -= 1;
        attempt.get_mut::<Account>(accounts[to])?.gold += 1;
        Ok(())
    }
}

#[test]
fn whatever_a_panic_carries_it_is_contained_and_told() {
    let story = Story::new(Settings::default());
    let panics: [(fn(), &str); 4] = [
        (|| panic!("a plain text"), "a plain text"),
        (|| panic!("the number {}", 7), "the number 7"),
        (|| panic_any(7), "a panic without a message"),
        (
            || drop(Vec::<u8>::new()[..1].to_vec()),
            "range end index 1 out of range for slice of length 0",
        ),
    ];
    for (panics, wanted) in panics {
        let outcome = story.run(move |_| {
            panics();
            Ok(())
        });
        match cause(outcome) {
            Cause::Panic(message) => assert_eq!(message, wanted),
            Cause::Error(error) => panic!("it is a panic, not {error}"),
        }
    }
    assert_eq!(story.counts().failures, 4);
    story.end();
}

#[test]
fn an_error_says_what_it_is() {
    let story = Story::new(Settings::default());
    let Cause::Error(refused) = cause(story.run(|_| refusal("you are too far away"))) else {
        panic!("it is an error")
    };
    assert!(refused.is_refusal() && refused.fault().is_none());
    assert_eq!(refused.to_string(), "you are too far away");

    let Cause::Error(other) = cause(story.run(|_| Ok("seven".parse::<u8>().map(|_| ())?))) else {
        panic!("it is an error")
    };
    assert!(!other.is_refusal() && other.fault().is_none());
    assert_eq!(other.to_string(), "invalid digit found in string");

    let absent = ObjectId::new(Space::Name, 1);
    let missing = fault(story.run(move |attempt| Ok(attempt.remove::<Note>(absent)?)));
    assert_eq!(missing, Fault::NotFound { type_name: "Note", id: absent, job: "test" });
    story.end();
}

/// While some jobs panic and fail, some of them in the middle of their commit, all others commit.
#[test]
fn jobs_that_fail_harm_no_other() {
    let story = Story::new(Settings::default());
    let accounts = story.accounts(2, 0);
    thread::scope(|scope| {
        for thread in 0..4 {
            let (story, accounts) = (&story, &accounts);
            scope.spawn(move || {
                for _ in 0..200 {
                    match thread {
                        0 => {
                            let said = reason(&cause(story.ask(add(accounts, || panic!("now")))));
                            assert_eq!(said, "now");
                        }
                        1 => {
                            let said = reason(&cause(story.run(bad_update(accounts))));
                            assert_eq!(said, "in the commit");
                        }
                        _ => drop(committed(story.run(add(accounts, || ())))),
                    }
                }
            });
        }
    });
    assert_eq!(story.total(&accounts), 2 * 400);
    let counts = story.counts();
    assert_eq!(counts.failures, 400);
    story.end();
}

fn add(accounts: &Arc<[ObjectId]>, end: fn()) -> impl Work {
    let accounts = Arc::clone(accounts);
    move |attempt: &Attempt<'_>| {
        for account in accounts.iter() {
            attempt.get_mut::<Account>(*account)?.gold += 1;
            thread::yield_now();
        }
        end();
        Ok(())
    }
}

/// Changes one account, and panics in its commit over the other.
fn bad_update(accounts: &Arc<[ObjectId]>) -> impl Work {
    let (one, other) = (accounts[0], accounts[1]);
    move |attempt: &Attempt<'_>| {
        attempt.update(one, |account: &mut Account| {
            account.gold += 1_000;
            Ok(())
        })?;
        attempt.update(other, |_: &mut Account| panic!("in the commit"))
    }
}
