//! P4: a job that conflicts is certain to commit after a bounded number of attempts. Here a long job reads fifty objects
//! and writes one of them, slowly, while four threads change all of them without pause.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;

use common::{Account, engine, run};
use daystar_engine::{Outcome, Settings};
use daystar_model::{ObjectId, Space};
use rand::RngExt;

const OBJECTS: usize = 50;
const LONG_JOBS: usize = 10;
/// The optimistic attempts, and the one alone.
const ATTEMPTS_MAX: u32 = 17;

#[test]
fn a_long_job_among_short_ones_commits_in_a_bounded_number_of_attempts() {
    let engine = engine(Arc::new(()), Settings::default());
    let objects: Vec<ObjectId> = (0..OBJECTS)
        .map(|_| {
            let made = AtomicU64::new(0);
            let _ = run(&engine, |attempt| {
                let id = attempt.insert(Space::Object, Account { gold: 0 })?;
                made.store(id.to_raw(), Ordering::Relaxed);
                Ok(())
            });
            ObjectId::from_raw(made.into_inner())
        })
        .collect();
    let is_over = AtomicBool::new(false);
    let short_jobs = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    let outcome = run(&engine, |attempt| {
                        let place = attempt.rng().random_range(0..OBJECTS);
                        attempt.get_mut::<Account>(objects[place])?.gold += 1;
                        Ok(())
                    });
                    assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
                    short_jobs.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..LONG_JOBS {
            let attempts = AtomicU32::new(0);
            let outcome = run(&engine, |attempt| {
                attempts.fetch_add(1, Ordering::Relaxed);
                for object in &objects {
                    attempt.get::<Account>(*object)?;
                    // Long: others run, on however few cores.
                    thread::yield_now();
                }
                attempt.get_mut::<Account>(objects[0])?.gold += 1_000_000;
                Ok(())
            });
            assert!(matches!(outcome, Outcome::Committed(_)), "{outcome:?}");
            let attempts = attempts.into_inner();
            assert!(attempts <= ATTEMPTS_MAX, "{attempts} attempts");
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let total = AtomicU64::new(0);
    let _ = run(&engine, |attempt| {
        let mut gold = 0;
        for object in &objects {
            gold += attempt.get::<Account>(*object)?.gold;
        }
        total.store(gold.unsigned_abs(), Ordering::Relaxed);
        Ok(())
    });
    let wanted = short_jobs.into_inner() + LONG_JOBS as u64 * 1_000_000;
    assert_eq!(total.into_inner(), wanted, "each job has taken effect once");
}
