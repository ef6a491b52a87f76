//! P2: eight threads move gold between ten accounts fifty thousand times, while others add it all up.
//! The total never changes: not at the end, not as a read-only task sees it, and not even as seen by an attempt
//! that will be thrown away. And run again one at a time, everything comes to the same. With the engine broken on
//! purpose, the same story must end badly.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use common::{Account, Story, Work, committed, no_memory};
use daystar_engine::{Attempt, Breaks, Error, Settings};
use daystar_model::ObjectId;
use rand::RngExt;

const ACCOUNTS: usize = 10;
const GOLD_EACH: i64 = 1_000;
const TOTAL: i64 = ACCOUNTS as i64 * GOLD_EACH;
const THREADS: u64 = 8;
const MOVES: u64 = 50_000;

/// What was seen that must not be.
#[derive(Debug, Default)]
struct Seen {
    torn_in_a_read_only_task: AtomicU64,
    torn_in_an_attempt: AtomicU64,
}

impl Seen {
    fn is_clean(&self) -> bool {
        self.torn_in_a_read_only_task.load(Ordering::Relaxed) == 0
            && self.torn_in_an_attempt.load(Ordering::Relaxed) == 0
    }
}

#[test]
fn the_total_never_changes() {
    let (story, seen, total) = tell(Settings::default(), MOVES);
    assert!(seen.is_clean(), "{seen:?}");
    assert_eq!(total, TOTAL, "at the end");
    story.end();
}

#[test]
fn the_total_never_changes_in_a_world_larger_than_memory() {
    let (story, seen, total) = tell(no_memory(), MOVES / 5);
    assert!(seen.is_clean(), "{seen:?}");
    assert_eq!(total, TOTAL, "at the end");
    assert!(story.counts().evictions > MOVES / 20, "hardly anything was taken out of memory");
    story.end();
}

#[test]
fn without_validation_the_total_changes() {
    let breaks = Breaks { no_validation: true, ..Breaks::default() };
    assert!(is_caught(breaks, |_, total| total != TOTAL), "validation is off, and gold is kept");
}

#[test]
fn with_unchecked_extension_attempts_see_torn_states() {
    let breaks = Breaks { unchecked_extension: true, ..Breaks::default() };
    let is_torn = |seen: &Seen, _| seen.torn_in_an_attempt.load(Ordering::Relaxed) > 0;
    assert!(is_caught(breaks, is_torn), "extension is unchecked, and nothing was torn");
}

#[test]
fn with_the_snapshot_after_the_first_read_a_read_only_task_sees_torn_states() {
    let breaks = Breaks { snapshot_after_first_read: true, ..Breaks::default() };
    let is_torn = |seen: &Seen, _| seen.torn_in_a_read_only_task.load(Ordering::Relaxed) > 0;
    assert!(is_caught(breaks, is_torn), "the snapshot is too late, and nothing was torn");
}

/// Whether a broken engine is caught in one of several runs: a race need not show in every one.
fn is_caught(breaks: Breaks, shows: impl Fn(&Seen, i64) -> bool) -> bool {
    (0..20).any(|_| {
        let (_, seen, total) = tell(Settings { breaks, ..Settings::default() }, MOVES / 10);
        shows(&seen, total)
    })
}

/// Tells the story, and what was seen in it; the total is the one at the end.
fn tell(settings: Settings, moves: u64) -> (Story, Arc<Seen>, i64) {
    let story = Story::new(settings);
    let accounts = story.accounts(ACCOUNTS, GOLD_EACH);
    let seen = Arc::<Seen>::default();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let movers: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    for turn in 0..moves / THREADS {
                        committed(story.run(move_gold(&accounts, &seen, turn % 16 == 0)));
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                committed(story.look(add_up(&accounts, &seen)));
            }
        });
        let movers: Vec<_> = movers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        is_over.store(true, Ordering::Relaxed);
        movers.into_iter().for_each(|mover| mover.expect("a mover"));
    });
    let total = story.total(&accounts);
    (story, seen, total)
}

/// Moves some gold from one account to another; some tasks look at all first.
fn move_gold(accounts: &Arc<[ObjectId]>, seen: &Arc<Seen>, looks: bool) -> impl Work {
    let (accounts, seen) = (Arc::clone(accounts), Arc::clone(seen));
    move |attempt: &Attempt<'_>| {
        if looks && total(attempt, &accounts)? != TOTAL {
            seen.torn_in_an_attempt.fetch_add(1, Ordering::Relaxed);
        }
        let (from, to, gold) = {
            let mut rng = attempt.rng();
            let from = rng.random_range(0..accounts.len());
            let to = (from + rng.random_range(1..accounts.len())) % accounts.len();
            (accounts[from], accounts[to], rng.random_range(1..=10))
        };
        attempt.get_mut::<Account>(from)?.gold -= gold;
        attempt.get_mut::<Account>(to)?.gold += gold;
        Ok(())
    }
}

fn add_up(accounts: &Arc<[ObjectId]>, seen: &Arc<Seen>) -> impl Work {
    let (accounts, seen) = (Arc::clone(accounts), Arc::clone(seen));
    move |attempt: &Attempt<'_>| {
        if total(attempt, &accounts)? != TOTAL {
            seen.torn_in_a_read_only_task.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

fn total(attempt: &Attempt<'_>, accounts: &[ObjectId]) -> Result<i64, Error> {
    let mut total = 0;
    for account in accounts {
        total += attempt.get::<Account>(*account)?.gold;
    }
    Ok(total)
}
