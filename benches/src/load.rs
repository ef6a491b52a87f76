//! Load: a step called again and again by several threads, for as long as a slice lasts.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand_pcg::Pcg64Mcg;

use crate::harness::Spread;

/// Calls `step` on `threads` threads for as long as `slice` lasts; calls per second, all threads together.
pub(crate) fn rate(threads: usize, slice: Duration, step: impl Fn(&mut Pcg64Mcg) + Sync) -> f64 {
    let start = Instant::now();
    let calls = on_threads(threads, slice, |rng, is_over| {
        let mut calls = 0_u64;
        while !is_over.load(Ordering::Relaxed) {
            step(rng);
            calls += 1;
        }
        calls
    });
    calls.iter().sum::<u64>() as f64 / start.elapsed().as_secs_f64()
}

/// Calls `step` on `threads` threads for as long as `watch` takes, which is called on this one, and returns what that did: for what is
/// to go on while something else is done or looked at.
pub(crate) fn beside<R>(
    threads: usize,
    step: impl Fn(&mut Pcg64Mcg) + Sync,
    watch: impl FnOnce() -> R,
) -> R {
    let work = |rng: &mut Pcg64Mcg, is_over: &AtomicBool| {
        while !is_over.load(Ordering::Relaxed) {
            step(rng);
        }
    };
    on_threads_while(threads, watch, work).0
}

/// Calls `step` as [`rate`] does, and tells how long the calls took. Not for rates: looking at the clock twice a call
/// takes its time.
pub(crate) fn spread(
    threads: usize,
    slice: Duration,
    step: impl Fn(&mut Pcg64Mcg) + Sync,
) -> Spread {
    let spreads = on_threads(threads, slice, |rng, is_over| {
        let mut spread = Spread::new();
        while !is_over.load(Ordering::Relaxed) {
            let start = Instant::now();
            step(rng);
            spread.record(start.elapsed());
        }
        spread
    });
    Spread::together(&spreads)
}

/// Runs `work` on `threads` threads at once, each with random numbers of its own, and tells it after `slice` that it
/// is over; what each returned.
fn on_threads<T: Send>(
    threads: usize,
    slice: Duration,
    work: impl Fn(&mut Pcg64Mcg, &AtomicBool) -> T + Sync,
) -> Vec<T> {
    on_threads_while(threads, || thread::sleep(slice), work).1
}

fn on_threads_while<R, T: Send>(
    threads: usize,
    watch: impl FnOnce() -> R,
    work: impl Fn(&mut Pcg64Mcg, &AtomicBool) -> T + Sync,
) -> (R, Vec<T>) {
    let is_over = AtomicBool::new(false);
    let (work, is_over) = (&work, &is_over);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads as u64)
            .map(|number| {
                scope.spawn(move || work(&mut Pcg64Mcg::seed_from_u64(SEED + number), is_over))
            })
            .collect();
        let watched = watch();
        is_over.store(true, Ordering::Relaxed);
        (watched, workers.into_iter().map(finished).collect())
    })
}

fn finished<T>(worker: thread::ScopedJoinHandle<'_, T>) -> T {
    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// How many threads there are cores for.
pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// One thread, two, and one for each core where there are more.
pub(crate) fn thread_counts() -> Vec<usize> {
    counts_up_to(cores())
}

fn counts_up_to(cores: usize) -> Vec<usize> {
    let mut counts = vec![1, 2];
    counts.extend((cores > 2).then_some(cores));
    counts
}

/// As a case is named.
pub(crate) fn named(threads: usize) -> String {
    if threads == 1 { "1 thread".to_owned() } else { format!("{threads} threads") }
}

/// The same in all runs, so that they do the same.
const SEED: u64 = 0x5eed;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::RngExt;

    use super::*;

    #[test]
    fn two_threads_are_always_measured_and_more_cores_are_used() {
        assert_eq!(counts_up_to(1), [1, 2]);
        assert_eq!(counts_up_to(2), [1, 2]);
        assert_eq!(counts_up_to(8), [1, 2, 8]);
    }

    #[test]
    fn every_thread_walks_through_the_objects_in_an_order_of_its_own() {
        let firsts = on_threads(8, Duration::ZERO, |rng, _| rng.random_range(0..u64::MAX));
        let different: HashSet<u64> = firsts.iter().copied().collect();
        assert_eq!(different.len(), 8);
    }

    #[test]
    fn each_thread_returns_only_when_told_that_it_is_over() {
        let over = on_threads(3, Duration::ZERO, |_, is_over| {
            while !is_over.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            is_over.load(Ordering::Relaxed)
        });
        assert_eq!(over, [true; 3]);
    }
}
