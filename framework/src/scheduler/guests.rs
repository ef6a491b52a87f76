//! Threads that run work though they are no workers: those of the network, while what they have brought takes next to no time.
//!
//! Waking a worker and being woken by what it has to say costs two changes of threads, ten microseconds together; most
//! requests take one or two. But nobody knows beforehand how long a piece takes, and the network must not wait for a game. So
//! there is always a thread of the network that is no guest; and after a turn that took long, nobody is a guest for a time that
//! is long against it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many guests there may be, and are.
pub(crate) struct Guests {
    max: usize,
    now: AtomicUsize,
    began: Instant,
    /// Until when nobody may be one, in microseconds since it began.
    shut_until_us: AtomicU64,
}

/// The place of one of them, until it is dropped.
pub(crate) struct Guest<'g> {
    guests: &'g Guests,
    since: Instant,
}

impl Guests {
    /// At most `max` at once.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            now: AtomicUsize::new(0),
            began: Instant::now(),
            shut_until_us: AtomicU64::new(0),
        }
    }

    /// Makes the caller one, if it may be.
    pub(crate) fn enter(&self) -> Option<Guest<'_>> {
        let since = Instant::now();
        if self.us_at(since) < self.shut_until_us.load(Ordering::Relaxed) {
            return None;
        }
        let (success, failure) = (Ordering::Acquire, Ordering::Relaxed);
        let more = |now| (now < self.max).then_some(now + 1);
        self.now.fetch_update(success, failure, more).ok()?;
        Some(Guest { guests: self, since })
    }

    /// Blocks until there is none. To be called when none can come any more.
    pub(crate) fn see_off(&self) {
        while self.now.load(Ordering::Acquire) > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn us_at(&self, instant: Instant) -> u64 {
        u64::try_from((instant - self.began).as_micros()).unwrap_or(u64::MAX)
    }
}

impl Guest<'_> {
    /// Whether it may begin another piece.
    pub(crate) fn may_stay(&self) -> bool {
        self.since.elapsed() <= STAY
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        let stay = now - self.since;
        if stay > LONG {
            let until = self.guests.us_at(now + stay * REST);
            self.guests.shut_until_us.fetch_max(until, Ordering::Relaxed);
        }
        self.guests.now.fetch_sub(1, Ordering::Release);
    }
}

/// What wakes a worker costs less than the rest of a turn that has taken so long.
const STAY: Duration = Duration::from_micros(200);
/// A thread that the system interrupts is often away for a few milliseconds, and that says nothing of the game.
const LONG: Duration = Duration::from_millis(1);
/// So guests spend at most a twentieth of their time with what takes long.
const REST: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_let_in_and_their_places_come_back() {
        let guests = Guests::new(2);
        let first = guests.enter();
        let second = guests.enter();
        assert!(first.is_some() && second.is_some() && guests.enter().is_none());
        drop(first);
        assert!(guests.enter().is_some());
        assert!(Guests::new(0).enter().is_none());
    }

    #[test]
    fn after_a_long_stay_nobody_is_let_in_for_longer() {
        let guests = Guests::new(2);
        let mut guest = guests.enter().expect("a place");
        guest.since -= 3_600 * LONG;
        drop(guest);
        assert!(guests.enter().is_none(), "a guest's long stay is followed by another's");
        guests.shut_until_us.store(0, Ordering::Relaxed);
        assert!(guests.enter().is_some(), "the place came back");
    }
}
