//! The engine's only import of locks and atomics, so that a model checker can stand in for them.

pub(crate) use std::hint::spin_loop;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering, fence};
pub(crate) use std::sync::{Arc, OnceLock};
pub(crate) use std::thread::yield_now;

pub(crate) use crossbeam_utils::CachePadded;
pub(crate) use parking_lot::{Mutex, MutexGuard};

/// Waits a little for another thread that is about to finish: a few spins, then the processor is given up.
#[derive(Default)]
pub(crate) struct Backoff {
    rounds: u32,
}

impl Backoff {
    /// One round of waiting, longer than the round before up to a limit.
    pub(crate) fn wait(&mut self) {
        if self.rounds < SPIN_ROUNDS {
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

/// 2^6 spins are about a microsecond: what an installation takes.
const SPIN_ROUNDS: u32 = 6;
