//! Where a running job sits: what its thread has to itself for as long as the job runs, so that threads do not meet in
//! shared lines.
//!
//! A thread comes back to the same seat if it is free. There are more seats than cores; a job that finds none waits.

use std::cell::RefCell;

use crate::reclaim::{NOT_PINNED, Yard};
use crate::sync::{
    AtomicBool, AtomicU64, AtomicUsize, Backoff, CachePadded, Counter, IS_CHECKED, Mutex,
    MutexGuard, Ordering, thread_number,
};
use crate::watch::Watched;

pub(crate) struct Seats {
    seats: Vec<CachePadded<Seat>>,
    /// No seat from this number on has ever been taken.
    used: CachePadded<AtomicUsize>,
}

/// How many jobs can run at once: more than the cores of most machines, and no more than a cell's word can name. A job that
/// finds no seat waits for one, at the cost of a processor.
pub const SEATS: usize = if IS_CHECKED { 4 } else { 64 };

pub(crate) struct Seat {
    /// Held by who sits here.
    yard: Mutex<RefCell<Yard>>,
    /// The epoch that who sits here is pinned at.
    pub(crate) pinned: AtomicU64,
    /// Held while who sits here has cells reserved: whoever wants one waits for it here.
    pub(crate) turnstile: Mutex<()>,
    /// Whether a commit is on its way through the gate.
    pub(crate) is_passing: AtomicBool,
    /// How many jobs have sat here; with the seat's number it makes each job's seed.
    jobs: AtomicU64,
    pub(crate) tally: Tally,
    pub(crate) watched: Watched,
}

/// A job in its seat.
pub(crate) struct Seated<'s> {
    pub(crate) number: usize,
    pub(crate) seat: &'s Seat,
    pub(crate) yard: MutexGuard<'s, RefCell<Yard>>,
}

impl Seats {
    pub(crate) fn new() -> Self {
        let seats = (0..SEATS).map(|_| CachePadded::default()).collect();
        Self { seats, used: CachePadded::new(AtomicUsize::new(0)) }
    }

    /// Sits down, where this thread sat last if it can.
    pub(crate) fn take(&self) -> Seated<'_> {
        let first = thread_number();
        let mut backoff = Backoff::default();
        loop {
            for number in (first..first + SEATS).map(|number| number % SEATS) {
                let seat = &*self.seats[number];
                if let Some(yard) = seat.yard.try_lock() {
                    if self.used.load(Ordering::Acquire) <= number {
                        self.used.fetch_max(number + 1, Ordering::SeqCst);
                    }
                    return Seated { number, seat, yard };
                }
            }
            backoff.wait();
        }
    }

    pub(crate) fn seat(&self, number: usize) -> &Seat {
        &self.seats[number]
    }

    /// How many seats may be taken.
    pub(crate) fn count(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// What a count comes to over all seats.
    pub(crate) fn total(&self, count: impl Fn(&Tally) -> &Counter) -> u64 {
        self.iter().fold(0, |sum: u64, seat| sum.wrapping_add(count(&seat.tally).get()))
    }

    /// Every seat that may be taken.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().take(self.used.load(Ordering::SeqCst)).map(|seat| &**seat)
    }
}

impl Default for Seat {
    fn default() -> Self {
        Self {
            yard: Mutex::default(),
            pinned: AtomicU64::new(NOT_PINNED),
            turnstile: Mutex::new(()),
            is_passing: AtomicBool::new(false),
            jobs: AtomicU64::new(0),
            tally: Tally::default(),
            watched: Watched::default(),
        }
    }
}

impl Seated<'_> {
    /// A number that no other job of this engine gets.
    pub(crate) fn next_job(&self) -> u64 {
        let job = self.seat.jobs.load(Ordering::Relaxed) + 1;
        self.seat.jobs.store(job, Ordering::Relaxed);
        job * SEATS as u64 + self.number as u64
    }

    /// `seed` as one that tells the stripe of this seat.
    pub(crate) fn striped(&self, seed: u64) -> u64 {
        // Neighbours are not given stripes side by side: what is made for those may lie in one line.
        let number = self.number as u64;
        seed - stripe_of(seed) + stripe_of(number * 4 + number / 4)
    }
}

/// Which stripe a job with this seed is of. It is in the seed, since it must be the same when a recorded job is run again.
pub(crate) fn stripe_of(seed: u64) -> u64 {
    seed % STRIPES
}

/// As many as there mostly are cores, or more.
const STRIPES: u64 = 16;

/// What has happened at one seat. Only who sits there writes.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) commits: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) reserved: AtomicU64,
    pub(crate) alone: AtomicU64,
    pub(crate) attempts_most: AtomicU64,
    /// Bytes of values that cells have taken in here, less those that they have given up. All seats together tell how
    /// many there are; one alone may be below zero, and wraps around.
    pub(crate) bytes: Counter,
    /// Objects brought from the store, the first time or again; and objects that were taken out of memory.
    pub(crate) loads: Counter,
    pub(crate) evictions: Counter,
    /// Objects taken out of memory here, less those brought back. Of all seats together, how many are away.
    pub(crate) away: Counter,
}

/// Adds one to a count that only the caller writes.
pub(crate) fn bump(count: &AtomicU64) {
    count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

#[cfg(all(test, not(any(feature = "shuttle", feature = "loom"))))]
mod tests {
    use super::*;

    #[test]
    fn seats_have_stripes_of_their_own_as_far_as_there_are_any() {
        let seats = Seats::new();
        // Whichever of them this thread prefers.
        let mut taken: Vec<_> = (0..SEATS).map(|_| seats.take()).collect();
        taken.sort_unstable_by_key(|seated| seated.number);
        for seated in taken.chunks(STRIPES as usize) {
            let mut stripes: Vec<_> =
                seated.iter().map(|seated| stripe_of(seated.striped(77))).collect();
            assert!(stripes[0].abs_diff(stripes[1]) > 1, "neighbours have {stripes:?}");
            stripes.sort_unstable();
            assert_eq!(stripes, Vec::from_iter(0..STRIPES));
        }
        assert_eq!(
            taken[3].striped(77) / STRIPES,
            77 / STRIPES,
            "the rest of the seed is as it was"
        );
    }
}
