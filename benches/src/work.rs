//! Work that takes a given time and touches nothing: what a task does beside its objects.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// A chain of multiplications and rotations, which no compiler shortens. It stays in registers: through memory, its
/// speed depended on where the stack happened to lie. Never inlined, so that it is the same code wherever it is
/// called from.
#[inline(never)]
pub(crate) fn work(rounds: u64, seed: u64) -> u64 {
    (0..rounds).fold(seed | 1, |x, _| x.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(7))
}

/// How many rounds of [`work`] take as long as `duration` on this machine. The quickest of several trials, since the
/// first ones wake the core, and others may be interrupted.
pub(crate) fn rounds_of(duration: Duration) -> u64 {
    let trial = || {
        let start = Instant::now();
        black_box(work(black_box(TRIAL_ROUNDS), 7));
        start.elapsed()
    };
    let quickest = (0..TRIALS).map(|_| trial()).min().unwrap_or(duration);
    (duration.as_secs_f64() / quickest.as_secs_f64() * TRIAL_ROUNDS as f64) as u64
}

const TRIALS: usize = 20;
const TRIAL_ROUNDS: u64 = 1_000_000;
