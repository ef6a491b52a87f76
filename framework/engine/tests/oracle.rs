//! The oracle is seen to fail: it accuses no sound engine, every engine that is broken on purpose, and every job that
//! depends on more than it was given.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

use common::{Account, Story, Work, committed, message, no_memory};
use daystar_engine::{Attempt, Breaks, Difference, Error, Settings};
use daystar_model::{ObjectId, Space};
use rand::{Rng, RngExt};

/// A race need not show in every round.
const ROUNDS: usize = 20;
const SOUND_ROUNDS: usize = 5;

/// More than most test machines have cores, so that jobs are also interrupted.
const THREADS: usize = 4;
const TURNS: usize = 100;

/// So few that most jobs meet others.
const ACCOUNTS: usize = 4;
const NAMES: u64 = 3;

#[test]
fn a_sound_engine_is_not_accused() {
    for _ in 0..SOUND_ROUNDS {
        let jobs = judged(Settings::default()).unwrap_or_else(|difference| panic!("{difference}"));
        assert_eq!(jobs, ACCOUNTS + THREADS * TURNS, "all jobs are run again");
    }
}

#[test]
fn every_broken_engine_is_accused() {
    for (name, breaks) in broken() {
        let is_caught =
            (0..ROUNDS).any(|_| judged(Settings { breaks, ..Settings::default() }).is_err());
        assert!(is_caught, "with {name}, nothing was noticed in {ROUNDS} rounds");
    }
}

fn broken() -> Vec<(&'static str, Breaks)> {
    let sound = Breaks::default();
    let mut broken = common::seen_by_clients();
    broken.extend([
        ("phantoms not validated", Breaks { phantom_not_validated: true, ..sound }),
        ("effects too early", Breaks { effects_early: true, ..sound }),
    ]);
    broken
}

#[test]
fn a_sound_engine_is_not_accused_when_memory_is_short() {
    for _ in 0..SOUND_ROUNDS {
        let judged = judged(no_memory());
        let jobs = judged.unwrap_or_else(|difference| panic!("{difference}"));
        assert_eq!(jobs, ACCOUNTS + THREADS * TURNS, "all jobs are run again");
    }
}

#[test]
fn a_sound_engine_is_not_accused_when_what_is_gone_is_given_up() {
    for _ in 0..SOUND_ROUNDS {
        let story = Story::new(Settings { memory: Some(1 << 30), ..Settings::default() });
        // Each has its cells to itself, so that those come and go with it; every other has a name.
        let own = |index| if index % 2 == 0 { story.lone_id() } else { name(index as u64) };
        let ids: Arc<[ObjectId]> = (0..ACCOUNTS).map(own).collect();
        thread::scope(|scope| {
            for thread in 0..THREADS {
                let (story, ids) = (&story, &ids);
                scope.spawn(move || {
                    for turn in 0..TURNS {
                        committed(match (thread + turn) % 3 {
                            0 => story.look(count(ids)),
                            _ => story.run(make_or_remove(ids)),
                        });
                        story.engine.look_for_gone();
                    }
                });
            }
        });
        let known = story.counts().objects;
        assert!(known <= ACCOUNTS as u64, "{known} objects are known, of {ACCOUNTS}");
        story.end();
    }
}

/// Removes an object that is there; makes it only if its neighbour is not there.
fn make_or_remove(ids: &Arc<[ObjectId]>) -> impl Work {
    let ids = Arc::clone(ids);
    move |attempt: &Attempt<'_>| {
        let index = attempt.rng().random_range(0..ids.len());
        let (id, next) = (ids[index], ids[(index + 1) % ids.len()]);
        if attempt.find::<Account>(id)?.is_some() {
            attempt.remove::<Account>(id)?;
        } else if attempt.find::<Account>(next)?.is_none() {
            thread::yield_now();
            attempt.insert_at(id, Account { gold: 0 })?;
        }
        Ok::<(), Error>(())
    }
}

/// Says which are there. Others get a turn in between.
fn count(ids: &Arc<[ObjectId]>) -> impl Work {
    let ids = Arc::clone(ids);
    move |attempt: &Attempt<'_>| {
        let mut there = Vec::new();
        for id in ids.iter() {
            there.push(attempt.find::<Account>(*id)?.is_some());
            thread::yield_now();
        }
        attempt.effect(message(format!("{there:?}")));
        Ok(())
    }
}

/// One round of jobs of all kinds, by several threads, and what the oracle says of it.
fn judged(settings: Settings) -> Result<usize, Difference> {
    let story = Story::new(settings);
    let accounts = story.accounts(ACCOUNTS, 100);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (story, accounts) = (&story, &accounts);
            scope.spawn(move || {
                for turn in 0..TURNS {
                    committed(match (thread + turn) % 4 {
                        0 => story.run(add_up(accounts)),
                        1 => story.look(add_up(accounts)),
                        2 => story.run(bind_or_unbind()),
                        _ => story.run(move_gold(accounts)),
                    });
                }
            });
        }
    });
    story.judge()
}

/// Moves gold, and says so. Others get a turn between its steps.
fn move_gold(accounts: &Arc<[ObjectId]>) -> impl Work {
    let accounts = Arc::clone(accounts);
    move |attempt: &Attempt<'_>| {
        let from = attempt.rng().random_range(0..accounts.len());
        let to = (from + attempt.rng().random_range(1..accounts.len())) % accounts.len();
        let gold = attempt.get::<Account>(accounts[from])?.gold;
        attempt.effect(message(format!("half of {gold}")));
        thread::yield_now();
        attempt.get_mut::<Account>(accounts[to])?.gold += gold / 2;
        thread::yield_now();
        attempt.get_mut::<Account>(accounts[from])?.gold -= gold / 2;
        Ok(())
    }
}

/// Looks at all accounts. Others get a turn in between.
fn add_up(accounts: &Arc<[ObjectId]>) -> impl Work {
    let accounts = Arc::clone(accounts);
    move |attempt: &Attempt<'_>| {
        for account in accounts.iter() {
            attempt.get::<Account>(*account)?;
            thread::yield_now();
        }
        Ok(())
    }
}

/// Unbinds a name that is bound; binds it only if its neighbour is not bound.
fn bind_or_unbind() -> impl Work {
    |attempt: &Attempt<'_>| {
        let index = attempt.rng().random_range(0..NAMES);
        let id = name(index);
        if attempt.find::<Account>(id)?.is_some() {
            attempt.remove::<Account>(id)?;
        } else if attempt.find::<Account>(name((index + 1) % NAMES))?.is_none() {
            thread::yield_now();
            attempt.insert_at(id, Account { gold: 0 })?;
        }
        Ok::<(), Error>(())
    }
}

fn name(index: u64) -> ObjectId {
    ObjectId::new(Space::Name, index)
}

/// What the oracle says of a run of one job, done three times, that depends on a number which nobody gave it.
fn judged_impure(
    work: impl Fn(&Attempt<'_>, &[ObjectId], i64) -> Result<(), Error> + Copy + Send + 'static,
) -> String {
    let story = Story::new(Settings::default());
    let accounts = story.accounts(3, 0);
    let outside = Arc::new(AtomicI64::new(0));
    for _ in 0..3 {
        let (accounts, outside) = (Arc::clone(&accounts), Arc::clone(&outside));
        committed(
            story.run(move |attempt| {
                work(attempt, &accounts, outside.fetch_add(1, Ordering::Relaxed))
            }),
        );
    }
    story.judge().expect_err("the job is impure").to_string()
}

#[test]
fn a_job_that_writes_something_else_is_told() {
    let difference = judged_impure(|attempt, accounts, outside| {
        attempt.get_mut::<Account>(accounts[0])?.gold = outside;
        Ok(())
    });
    let start = "`test` at commit 4 does not come to the same when run again: it wrote ";
    assert!(difference.starts_with(start), "{difference}");
}

#[test]
fn a_job_that_says_something_else_is_told() {
    let difference = judged_impure(|attempt, _, outside| {
        attempt.effect(message(outside.to_string()));
        Ok(())
    });
    assert!(difference.contains("when run again: it asked for "), "{difference}");
}

#[test]
fn a_job_that_reads_something_else_is_told() {
    let difference = judged_impure(|attempt, accounts, outside| {
        attempt.get::<Account>(accounts[usize::from(outside >= 3)])?;
        Ok(())
    });
    assert!(
        difference.contains("when run again: it read [(#1, @1)], then [(#2, @2)]"),
        "{difference}"
    );
}

#[test]
fn chance_and_new_ids_are_the_same_when_run_again() {
    let story = Story::new(Settings::default());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..TURNS {
                    committed(story.run(|attempt| {
                        let gold = attempt.rng().next_u32().into();
                        let id = attempt.insert(Space::Object, Account { gold })?;
                        attempt.effect(message(format!("{id} has {gold}")));
                        Ok(())
                    }));
                }
            });
        }
    });
    story.end();
}
