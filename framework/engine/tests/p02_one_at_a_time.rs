//! P2: eight threads move gold between ten accounts a hundred thousand times, while others add it all up.
//! The total never changes: not at the end, not as a read-only task sees it, and not even as seen by an attempt
//! that will be thrown away. With the engine broken on purpose, the same story must end badly.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use common::{Account, engine, look, run};
use daystar_engine::{Attempt, Breaks, Engine, Error, Outcome, Settings};
use daystar_model::{ObjectId, Space};
use rand::RngExt;

const ACCOUNTS: u64 = 10;
const GOLD_EACH: i64 = 1_000;
const TOTAL: i64 = ACCOUNTS as i64 * GOLD_EACH;
const THREADS: u64 = 8;
const MOVES: u64 = 100_000;

/// What was seen that must not be.
#[derive(Debug, Default)]
struct Seen {
    torn_in_a_read_only_task: AtomicU64,
    torn_in_an_attempt: AtomicU64,
    wrong_at_the_end: bool,
}

impl Seen {
    fn is_clean(&self) -> bool {
        self.torn_in_a_read_only_task.load(Ordering::Relaxed) == 0
            && self.torn_in_an_attempt.load(Ordering::Relaxed) == 0
            && !self.wrong_at_the_end
    }
}

#[test]
fn the_total_never_changes() {
    let seen = story(Settings::default());
    assert!(seen.is_clean(), "{seen:?}");
}

#[test]
fn without_validation_the_story_ends_badly() {
    let breaks = Breaks { no_validation: true, ..Breaks::default() };
    assert!(is_caught(breaks), "validation is off, and nothing was noticed");
}

#[test]
fn with_unchecked_extension_the_story_ends_badly() {
    let breaks = Breaks { unchecked_extension: true, ..Breaks::default() };
    assert!(is_caught(breaks), "extension is unchecked, and nothing was noticed");
}

/// Whether a broken engine is caught in one of several runs: a race need not show in every one.
fn is_caught(breaks: Breaks) -> bool {
    (0..20).any(|_| !story(Settings { breaks, ..Settings::default() }).is_clean())
}

fn story(settings: Settings) -> Seen {
    let engine = engine(Arc::new(()), settings);
    let accounts = open_accounts(&engine);
    let mut seen = Seen::default();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let movers: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    for turn in 0..MOVES / THREADS {
                        let outcome = run(&engine, |attempt| {
                            if turn % 16 == 0 && total(attempt, &accounts)? != TOTAL {
                                seen.torn_in_an_attempt.fetch_add(1, Ordering::Relaxed);
                            }
                            move_gold(attempt, &accounts)
                        });
                        assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                let outcome = look(&engine, |attempt| {
                    if total(attempt, &accounts)? != TOTAL {
                        seen.torn_in_a_read_only_task.fetch_add(1, Ordering::Relaxed);
                    }
                    Ok(())
                });
                assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
            }
        });
        movers.into_iter().for_each(|mover| mover.join().expect("a mover"));
        is_over.store(true, Ordering::Relaxed);
    });
    let end = AtomicBool::new(false);
    let _ = run(&engine, |attempt| {
        end.store(total(attempt, &accounts)? != TOTAL, Ordering::Relaxed);
        Ok(())
    });
    seen.wrong_at_the_end = end.into_inner();
    seen
}

fn open_accounts(engine: &Engine) -> Vec<ObjectId> {
    (0..ACCOUNTS)
        .map(|_| {
            let opened = AtomicU64::new(0);
            let _ = run(engine, |attempt| {
                let id = attempt.insert(Space::Object, Account { gold: GOLD_EACH })?;
                opened.store(id.to_raw(), Ordering::Relaxed);
                Ok(())
            });
            ObjectId::from_raw(opened.into_inner())
        })
        .collect()
}

fn move_gold(attempt: &Attempt<'_>, accounts: &[ObjectId]) -> Result<(), Error> {
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

fn total(attempt: &Attempt<'_>, accounts: &[ObjectId]) -> Result<i64, Error> {
    let mut total = 0;
    for account in accounts {
        total += attempt.get::<Account>(*account)?.gold;
    }
    Ok(total)
}
