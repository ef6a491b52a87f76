//! Blind changes: tasks that only add to an object do not conflict there, and the outcome is still that of one at a time:
//! bounds hold, refusals are true at their place in the order, and who looks sees what was added.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;

use common::{
    Account, Note, Story, Work, cause, committed, fault, is_committed, is_first, message, reason,
    refusal, run,
};
use daystar_engine::{Attempt, Error, Fault, Settings};
use daystar_model::{ObjectId, Space};

const THREADS: usize = 6;
const TIMES: usize = 300;

/// A change that never refuses.
fn add(gold: i64) -> impl Fn(&mut Account) -> Result<(), Error> + Clone + Send {
    move |account| {
        account.gold += gold;
        Ok(())
    }
}

/// A change that refuses to go below nothing.
fn spend(gold: i64) -> impl Fn(&mut Account) -> Result<(), Error> + Clone + Send {
    move |account| {
        if account.gold < gold {
            return refusal("you are too poor");
        }
        account.gold -= gold;
        Ok(())
    }
}

fn story_with(gold: i64) -> (Story, ObjectId) {
    let story = Story::new(Settings::default());
    let account = story.insert(Account { gold });
    (story, account)
}

#[test]
fn those_who_only_add_never_conflict() {
    let (story, account) = story_with(0);
    let note = story.insert(Note::default());
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let story = &story;
            scope.spawn(move || {
                let letter = char::from(b'a' + thread as u8);
                for _ in 0..TIMES {
                    committed(story.run(move |attempt| {
                        attempt.update(note, move |note: &mut Note| {
                            note.text.push(letter);
                            Ok(())
                        })?;
                        thread::yield_now();
                        attempt.update(account, add(2))
                    }));
                }
            });
        }
    });
    assert_eq!(story.counts().conflicts, 0);
    assert_eq!(story.gold(account), Some(2 * (THREADS * TIMES) as i64));
    let text = story.value::<Note>(note).expect("it is there").text;
    for letter in ('a'..).take(THREADS) {
        assert_eq!(text.matches(letter).count(), TIMES, "each letter is there as often as written");
    }
    story.end();
}

/// Half of them put gold in, half take it out, some look; whoever is refused says so, and that must be true where it
/// stands in the order.
#[test]
fn an_account_never_falls_below_nothing() {
    let (story, account) = story_with(0);
    let (added, taken) = (AtomicU64::new(0), AtomicU64::new(0));
    let told = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (story, added, taken, told) = (&story, &added, &taken, &told);
            scope.spawn(move || {
                for turn in 0..TIMES {
                    if thread % 2 == 0 {
                        committed(story.run(move |attempt| attempt.update(account, add(3))));
                        added.fetch_add(3, Ordering::Relaxed);
                        thread::yield_now();
                        continue;
                    }
                    let outcome = story.ask(move |attempt| {
                        attempt.update(account, spend(5))?;
                        if turn % 4 == 0 {
                            attempt.get::<Account>(account)?;
                        }
                        Ok(())
                    });
                    if is_committed(&outcome) {
                        taken.fetch_add(5, Ordering::Relaxed);
                    } else {
                        assert_eq!(reason(&cause(outcome)), "you are too poor");
                        told.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let left = added.into_inner() - taken.into_inner();
    assert_eq!(story.gold(account), Some(left as i64));
    assert_eq!(story.log.effects().len() as u64, told.into_inner());
    story.end();
}

#[test]
fn exactly_those_are_refused_who_come_too_late() {
    let (story, account) = story_with(10);
    let outcomes: Vec<_> =
        (0..5).map(|_| story.run(move |attempt| attempt.update(account, spend(4)))).collect();
    let committed: Vec<_> = outcomes.iter().map(is_committed).collect();
    assert_eq!(committed, [true, true, false, false, false]);
    assert_eq!(story.gold(account), Some(2));
    story.end();
}

#[test]
fn updates_of_one_job_are_made_in_order() {
    let (story, account) = story_with(1);
    committed(story.run(move |attempt| {
        attempt.update(account, add(4))?;
        attempt.update(account, |account: &mut Account| {
            account.gold *= 10;
            Ok(())
        })?;
        attempt.update(account, add(3))
    }));
    assert_eq!(story.gold(account), Some(53));
    story.end();
}

/// Whichever way a job looks, it sees what it has added; and what it has seen must still be so in its commit.
#[test]
fn who_looks_after_adding_sees_the_sum_and_is_a_reader() {
    type Look = fn(&Attempt<'_>, ObjectId) -> Result<i64, Error>;
    let looks: [(Look, Option<i64>); 4] = [
        (|attempt, id| Ok(attempt.get::<Account>(id)?.gold), Some(1_017)),
        (
            |attempt, id| Ok(attempt.find::<Account>(id)?.map_or(0, |account| account.gold)),
            Some(1_017),
        ),
        (
            |attempt, id| {
                let mut account = attempt.get_mut::<Account>(id)?;
                account.gold += 1;
                Ok(account.gold)
            },
            Some(1_018),
        ),
        (
            |attempt, id| {
                attempt.remove::<Account>(id)?;
                Ok(attempt.find::<Account>(id)?.map_or(-1, |account| account.gold))
            },
            None,
        ),
    ];
    for (look, left) in looks {
        let (story, account) = story_with(10);
        let (engine, attempts) = (Arc::clone(&story.engine), Arc::<AtomicU32>::default());
        committed(story.run(move |attempt| {
            attempt.update(account, add(7))?;
            let seen = look(attempt, account)?;
            attempt.effect(message(format!("{seen}")));
            if is_first(&attempts) {
                committed(run(&engine, move |attempt| attempt.update(account, add(1_000))));
            }
            Ok(())
        }));
        assert_eq!(story.counts().conflicts, 1, "it has looked, so it was in the way");
        assert_eq!(story.gold(account), left);
        let wanted = left.map_or("-1".to_owned(), |gold| gold.to_string());
        assert_eq!(story.log.effects(), [message(wanted)]);
        story.end();
    }
}

#[test]
fn adding_after_looking_is_an_ordinary_change() {
    let (story, account) = story_with(10);
    let (engine, attempts) = (Arc::clone(&story.engine), Arc::<AtomicU32>::default());
    committed(story.run(move |attempt| {
        let seen = attempt.get::<Account>(account)?.gold;
        attempt.update(account, add(seen))?;
        if is_first(&attempts) {
            committed(run(&engine, move |attempt| attempt.update(account, add(1))));
        }
        assert_eq!(attempt.get::<Account>(account)?.gold, 2 * seen, "it is done at once");
        Ok(())
    }));
    assert_eq!(story.counts().conflicts, 1);
    assert_eq!(story.gold(account), Some(22));
    story.end();
}

/// Without having looked, it is in nobody's way.
#[test]
fn an_addition_is_made_to_what_is_there_at_the_commit() {
    let (story, account) = story_with(10);
    let (engine, attempts) = (Arc::clone(&story.engine), Arc::<AtomicU32>::default());
    committed(story.run(move |attempt| {
        attempt.update(account, add(1))?;
        attempt.effect(message("added"));
        if is_first(&attempts) {
            committed(run(&engine, move |attempt| {
                attempt.get_mut::<Account>(account)?.gold *= 2;
                Ok(())
            }));
        }
        Ok(())
    }));
    assert_eq!(story.counts().conflicts, 0);
    assert_eq!(story.gold(account), Some(21));
    assert_eq!(story.log.effects(), [message("added")]);
    story.end();
}

/// A job that was refused by what it looked at has looked: whether it swallows the refusal or passes it on, that must
/// still be so at its commit. Here it is not, so it is run again, and is not refused.
#[test]
fn a_refusal_that_was_looked_at_is_a_read() {
    for swallows in [true, false] {
        let (story, account) = story_with(0);
        let (engine, attempts) = (Arc::clone(&story.engine), Arc::<AtomicU32>::default());
        committed(story.ask(move |attempt| {
            attempt.update(account, spend(5))?;
            let looked = attempt.get::<Account>(account).map(|account| account.gold);
            attempt.effect(message(format!("{looked:?}")));
            if is_first(&attempts) {
                committed(run(&engine, move |attempt| attempt.update(account, add(100))));
            }
            if swallows { Ok(()) } else { Ok(looked.map(|_| ())?) }
        }));
        assert_eq!(story.counts().conflicts, 1);
        assert_eq!(story.log.effects(), [message("Ok(95)")]);
        assert_eq!(story.gold(account), Some(95));
        story.end();
    }
}

/// The refusal stays: looking a second time says the same, and the job cannot commit, whatever it makes of it.
#[test]
fn a_refusal_that_still_stands_fails_the_job() {
    let (story, account) = story_with(3);
    let outcome = story.ask(move |attempt| {
        attempt.update(account, spend(5))?;
        for _ in 0..2 {
            let looked = attempt.get::<Account>(account).map(|account| account.gold);
            assert_eq!(looked, Err(Fault::Refused { reason: "you are too poor".to_owned() }));
        }
        Ok(())
    });
    assert_eq!(reason(&cause(outcome)), "you are too poor");
    assert_eq!(story.gold(account), Some(3));
    story.end();
}

#[test]
fn an_update_of_what_is_not_there_fails_the_job() {
    let (story, account) = story_with(0);
    let removed = story.insert(Account { gold: 0 });
    committed(story.run(move |attempt| Ok(attempt.remove::<Account>(removed)?)));
    let unbound = ObjectId::new(Space::Name, 5);
    let never_given = ObjectId::new(Space::Object, 1_000);
    for id in [removed, unbound, never_given] {
        let outcome = story.run(update_both(account, id));
        assert_eq!(fault(outcome), Fault::NotFound { type_name: "Account", id, job: "test" });
    }
    let note = story.insert(Note::default());
    let wrong = fault(story.run(update_both(account, note)));
    assert_eq!(wrong, Fault::WrongType { id: note, wanted: "Account", found: "Note" });
    assert_eq!(story.gold(account), Some(0), "nothing of those jobs has happened");
    story.end();
}

fn update_both(one: ObjectId, other: ObjectId) -> impl Work {
    move |attempt: &Attempt<'_>| {
        attempt.update(one, add(1))?;
        attempt.update(other, add(1))
    }
}

#[test]
fn two_types_for_one_object_fail_the_job() {
    let (story, account) = story_with(0);
    let outcome = story.run(move |attempt| {
        attempt.update(account, add(1))?;
        attempt.update(account, |note: &mut Note| {
            note.text.clear();
            Ok(())
        })
    });
    assert_eq!(fault(outcome), Fault::WrongType { id: account, wanted: "Note", found: "Account" });
    story.end();
}

#[test]
fn a_read_only_job_may_not_add() {
    let (story, account) = story_with(0);
    let outcome = story.look(move |attempt| attempt.update(account, add(1)));
    let wanted = Fault::ReadOnly { type_name: "Account", id: account, job: "test" };
    assert_eq!(fault(outcome), wanted);
    assert_eq!(story.gold(account), Some(0));
    story.end();
}

#[test]
fn an_update_while_a_guard_is_alive_is_a_clear_error() {
    let (story, account) = story_with(0);
    let reading = fault(story.run(move |attempt| {
        let _guard = attempt.get::<Account>(account)?;
        attempt.update(account, add(1))
    }));
    assert_eq!(reading, Fault::BeingRead { type_name: "Account", id: account, job: "test" });
    let changing = fault(story.run(move |attempt| {
        let _guard = attempt.get_mut::<Account>(account)?;
        attempt.update(account, add(1))
    }));
    assert_eq!(changing, Fault::BeingChanged { type_name: "Account", id: account, job: "test" });
    story.end();
}
