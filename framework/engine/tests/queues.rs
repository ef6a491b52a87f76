//! What is learned from conflicts: jobs that keep meeting at an object are queued behind one another there, so that few
//! meet any more; and when nobody meets there, that is forgotten.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use common::{Account, Story, committed, is_first, run};
use daystar_engine::Settings;
use daystar_model::ObjectId;

const THREADS: usize = 4;
const TIMES: usize = 500;

/// Every job gives the others a turn while it has looked and not yet changed: run against one another, nearly every
/// one would meet another.
#[test]
fn at_a_hot_object_few_jobs_meet() {
    let story = Story::new(Settings::default());
    let accounts = story.accounts(1, 0);
    let account = accounts[0];
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..TIMES {
                    committed(story.run(move |attempt| {
                        let gold = attempt.get::<Account>(account)?.gold;
                        thread::yield_now();
                        attempt.get_mut::<Account>(account)?.gold = gold + 1;
                        Ok(())
                    }));
                }
            });
        }
    });
    let jobs = THREADS * TIMES;
    assert_eq!(story.gold(account), Some(jobs as i64));
    let counts = story.counts();
    assert!(counts.conflicts * 10 < jobs as u64, "{counts:?}");
    story.end();
}

/// A job that meets another at `account` in its first attempt.
fn meet(story: &Story, account: ObjectId) {
    let (engine, attempts) = (Arc::clone(&story.engine), Arc::<AtomicU32>::default());
    committed(story.run(move |attempt| {
        let gold = attempt.get::<Account>(account)?.gold;
        if is_first(&attempts) {
            committed(run(&engine, move |attempt| {
                attempt.get_mut::<Account>(account)?.gold += 1;
                Ok(())
            }));
        }
        attempt.get_mut::<Account>(account)?.gold = gold + 1;
        Ok(())
    }));
}

/// Whether a second job gets to look at `account` while a first one, which has looked, is still running. The first rests
/// so often to wait for it.
fn can_meet(story: &Story, account: ObjectId, patience: u32) -> bool {
    let (has_looked, other_has_looked) =
        (Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
    let met = Arc::<AtomicBool>::default();
    thread::scope(|scope| {
        let (looked, other, told) =
            (Arc::clone(&has_looked), Arc::clone(&other_has_looked), Arc::clone(&met));
        scope.spawn(|| {
            committed(story.run(move |attempt| {
                attempt.get::<Account>(account)?;
                looked.store(true, Ordering::SeqCst);
                for _ in 0..patience {
                    if other.load(Ordering::SeqCst) {
                        break;
                    }
                    thread::sleep(Duration::from_millis(1));
                }
                told.store(other.load(Ordering::SeqCst), Ordering::SeqCst);
                Ok(())
            }));
        });
        while !has_looked.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let other = Arc::clone(&other_has_looked);
        committed(story.run(move |attempt| {
            attempt.get::<Account>(account)?;
            other.store(true, Ordering::SeqCst);
            Ok(())
        }));
    });
    met.load(Ordering::SeqCst)
}

/// Long enough on the most loaded machine; it is never waited for in a sound engine.
const FOR_CERTAIN: u32 = 60_000;

/// Long enough that a job which is not queued usually gets there. If it is queued, it waits much longer than that.
const A_WHILE: u32 = 20;

#[test]
fn jobs_that_keep_meeting_are_queued_until_that_is_forgotten() {
    let story = Story::new(Settings::default());
    let accounts = story.accounts(2, 0);
    let [hot, cold] = accounts[..] else { panic!("there are two") };
    assert!(can_meet(&story, hot, FOR_CERTAIN), "nobody has met there yet");
    meet(&story, hot);
    assert!(can_meet(&story, hot, FOR_CERTAIN), "once is no habit");
    meet(&story, hot);
    assert!(!can_meet(&story, hot, A_WHILE), "they are queued");
    assert!(can_meet(&story, cold, FOR_CERTAIN), "elsewhere nobody is");
    for _ in 0..300 {
        committed(story.run(move |attempt| {
            attempt.get_mut::<Account>(hot)?.gold += 1;
            Ok(())
        }));
    }
    assert!(can_meet(&story, hot, FOR_CERTAIN), "nobody has met there for long");
    story.end();
}
