//! The engine's only import of locks and atomics, so that a model checker can stand in for them: shuttle with the
//! feature `shuttle`, loom with the feature `loom`. Values are always shared by the standard library's `Arc`: they
//! are the store's and the game's too.

pub(crate) use std::sync::{Arc, OnceLock};

pub(crate) use crossbeam_utils::CachePadded;

#[cfg(not(any(feature = "shuttle", feature = "loom")))]
mod real {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence,
    };
    pub(crate) use std::thread::yield_now;

    pub(crate) use parking_lot::{Mutex, MutexGuard};
}

#[cfg(not(any(feature = "shuttle", feature = "loom")))]
pub(crate) use real::*;

#[cfg(any(feature = "shuttle", feature = "loom"))]
mod checked {
    #[cfg(feature = "loom")]
    use loom as checker;
    #[cfg(not(feature = "loom"))]
    use shuttle as checker;

    pub(crate) use checker::sync::MutexGuard;
    #[cfg(not(feature = "loom"))]
    pub(crate) use checker::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize};
    pub(crate) use checker::sync::atomic::{AtomicU8, Ordering, fence};
    pub(crate) use checker::thread::yield_now;

    /// To wait is to let another thread run: a checker's threads take turns.
    pub(crate) use checker::thread::yield_now as spin_loop;

    /// The checker's lock in the manner of `parking_lot`, without poisoning.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(checker::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(checker::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok()
        }

        /// A checker has no clock.
        pub(crate) fn try_lock_for(&self, _: std::time::Duration) -> Option<MutexGuard<'_, T>> {
            Some(self.lock())
        }

        pub(crate) fn is_locked(&self) -> bool {
            self.0.try_lock().is_err()
        }
    }
}

#[cfg(any(feature = "shuttle", feature = "loom"))]
pub(crate) use checked::*;

mod shared_map;
pub(crate) use shared_map::SharedMap;

#[cfg(feature = "loom")]
mod loomed;
#[cfg(feature = "loom")]
pub(crate) use loomed::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize};

/// Whether a model checker stands in: then there is little of everything, since all of it is made anew for every
/// schedule and every look is a step; and nothing may depend on what earlier schedules did.
pub(crate) const IS_CHECKED: bool = cfg!(any(feature = "shuttle", feature = "loom"));

/// This thread's number. It is only a preference. Under a checker all threads prefer the same: a schedule that is
/// repeated must come to the same.
pub(crate) fn thread_number() -> usize {
    if IS_CHECKED {
        return 0;
    }
    use std::sync::atomic::AtomicUsize;
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    std::thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

/// A count. Not the checker's: nothing that could go wrong is decided by it, so to count is no step of a meeting.
#[derive(Default)]
pub(crate) struct Counter(std::sync::atomic::AtomicU64);

impl Counter {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Adds `count`, for the only thread that writes here.
    pub(crate) fn more(&self, count: u64) {
        self.0.store(self.get().wrapping_add(count), std::sync::atomic::Ordering::Relaxed);
    }

    /// Takes off `count`, for the only thread that writes here.
    pub(crate) fn less(&self, count: u64) {
        self.more(count.wrapping_neg());
    }

    /// Adds `count`, where others add too.
    pub(crate) fn add(&self, count: usize) {
        self.0.fetch_add(count as u64, std::sync::atomic::Ordering::Relaxed);
    }

    /// Takes off `count`, where others add too.
    pub(crate) fn sub(&self, count: usize) {
        self.0.fetch_sub(count as u64, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Waits for about a millisecond for what takes others longer than that. A checker has no clock.
pub(crate) fn pause() {
    match IS_CHECKED {
        true => yield_now(),
        false => std::thread::sleep(std::time::Duration::from_millis(1)),
    }
}

/// Waits a little for another thread that is about to finish: a few spins, then the processor is given up.
#[derive(Default)]
pub(crate) struct Backoff {
    rounds: u32,
}

impl Backoff {
    /// One round of waiting, longer than the round before up to a limit.
    pub(crate) fn wait(&mut self) {
        if self.rounds < SPIN_ROUNDS && !IS_CHECKED {
            for _ in 0..1u32 << self.rounds {
                spin_loop();
            }
            self.rounds += 1;
        } else {
            // The holder may have been preempted on this very core.
            yield_now();
        }
    }
}

/// 2^6 spins are about a microsecond: what an installation takes. A checker counts every spin, and so has none.
const SPIN_ROUNDS: u32 = 6;
