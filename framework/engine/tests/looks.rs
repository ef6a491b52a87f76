//! Jobs that only look and say what they have seen, while others change it under them: they are run once, and what they say
//! is of the moment at which they began, in the order of one at a time too.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use common::{Account, Closure, SESSION, Story, Work, committed, is_first, message, refusal, run};
use daystar_engine::{Attempt, Cause, Effect, Error, Outcome, Settings};

/// What two accounts hold, with others changing both in between; `end` makes of it what the job comes to.
fn overtaken(
    story: &Story,
    attempts: &Arc<AtomicU32>,
    end: fn(&Attempt<'_>, i64) -> Result<(), Error>,
) -> impl Work {
    let (engine, attempts) = (Arc::clone(&story.engine), Arc::clone(attempts));
    let accounts = story.accounts(2, 10);
    move |attempt: &Attempt<'_>| {
        let one = attempt.get::<Account>(accounts[0])?.gold;
        if is_first(&attempts) {
            let accounts = Arc::clone(&accounts);
            committed(run(&engine, move |attempt| {
                for account in accounts.iter() {
                    attempt.get_mut::<Account>(*account)?.gold += 1;
                }
                attempt.effect(message("changed"));
                Ok(())
            }));
        }
        end(attempt, one + attempt.get::<Account>(accounts[1])?.gold)
    }
}

/// Says how much gold there is.
fn says(attempt: &Attempt<'_>, gold: i64) -> Result<(), Error> {
    attempt.effect(message(gold.to_string()));
    Ok(())
}

/// Runs it as a job that only looks. How it ended; what was said last, and under which number.
fn looked(story: &Story, work: impl Work) -> (Outcome, Vec<Effect>, u64) {
    let outcome = story.engine.run(&Closure { work, is_read_only: true, tells: true });
    let said = story.log.all().pop().expect("it has said something");
    (outcome, said.effects.into_iter().collect(), said.number.0)
}

#[test]
fn what_a_look_says_is_of_one_moment_and_it_is_run_once() {
    let (story, attempts) = (Story::new(Settings::default()), Arc::default());
    let (outcome, said, number) = looked(&story, overtaken(&story, &attempts, says));
    assert_eq!(attempts.load(Ordering::Relaxed), 1, "it was run again");
    assert_eq!(story.counts().conflicts, 0);
    assert_eq!(said, [message("20")]);
    // Two accounts were made, then it began, then both were changed, then it spoke.
    assert_eq!((committed(outcome).0, number), (2, 4));
    story.end();
}

#[test]
fn what_a_look_refuses_is_refused_for_what_was_so_at_that_moment() {
    let (story, attempts) = (Story::new(Settings::default()), Arc::default());
    let refuses = |_: &Attempt<'_>, gold: i64| refusal(&format!("there are only {gold}"));
    let (outcome, said, _) = looked(&story, overtaken(&story, &attempts, refuses));
    assert_eq!(attempts.load(Ordering::Relaxed), 1, "it was run again");
    assert!(matches!(outcome, Outcome::Failed(Cause::Error(_))), "{outcome:?}");
    let reason = "there are only 20".to_owned();
    assert_eq!(said, [Effect::Refuse { session: SESSION, call: None, reason }]);
    story.end();
}

#[test]
fn an_ordinary_job_that_is_overtaken_is_run_again() {
    let (story, attempts) = (Story::new(Settings::default()), Arc::default());
    committed(story.run(overtaken(&story, &attempts, says)));
    assert_eq!(attempts.load(Ordering::Relaxed), 2);
    assert_eq!(story.log.effects().pop(), Some(message("22")));
    story.end();
}
