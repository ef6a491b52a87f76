//! Threads that run work though they are no workers: those of the network, while what they have brought takes next to no time.
//!
//! Waking a worker and being woken by what it has to say costs two changes of threads, ten microseconds together; most
//! requests take one or two. But nobody knows beforehand how long a piece takes, and the network must not wait for a game. So
//! there is always a thread of the network that is no guest; and after a turn that took long, nobody is a guest for a time that
//! is long against it.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

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
    /// What its thread had been on a processor by then, at the most.
    busy_since: Duration,
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
        Some(Guest { guests: self, since, busy_since: busy_at_most(since) })
    }

    /// Whether there are any.
    pub(crate) fn are_there(&self) -> bool {
        self.now.load(Ordering::Relaxed) > 0
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
        // Only then is it asked how much of that was the system's, which costs more than to look at a clock.
        if stay > LONG && (stay > VERY_LONG || busy().saturating_sub(self.busy_since) > LONG) {
            let until = self.guests.us_at(now + stay * REST);
            self.guests.shut_until_us.fetch_max(until, Ordering::Relaxed);
        }
        self.guests.now.fetch_sub(1, Ordering::Release);
    }
}

/// How long this thread has been on a processor.
fn busy() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or_default()
}

thread_local! {
    /// When this thread has asked last how long it has been on a processor, and how long that was.
    static ASKED: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
}

/// How long this thread has been on a processor by `now`, at the most, and not much more than it has. To ask takes the system a
/// microsecond, which is more than many a request takes.
fn busy_at_most(now: Instant) -> Duration {
    let asked = ASKED.get().filter(|(at, _)| now.saturating_duration_since(*at) <= ASKED_FOR);
    let (at, busy) = asked.unwrap_or_else(|| {
        let fresh = (now, busy());
        ASKED.set(Some(fresh));
        fresh
    });
    busy + now.saturating_duration_since(at)
}

/// What wakes a worker costs less than the rest of a turn that has taken so long.
const STAY: Duration = Duration::from_micros(200);
/// So long a processor's time is long.
const LONG: Duration = Duration::from_millis(1);
/// By so much may it seem to have been on a processor for longer by then, and its stay for less long.
const ASKED_FOR: Duration = LONG;
/// A thread that the system interrupts is often away for a few milliseconds, and that says nothing of the game. One that is away for
/// longer waits for something, a slow disk say, and had better do so elsewhere.
const VERY_LONG: Duration = Duration::from_millis(10);
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

    #[test]
    fn what_a_thread_has_had_of_a_processor_is_known_at_most_and_to_a_moment() {
        let until = Instant::now() + 5 * ASKED_FOR;
        // Two clocks are not of one moment.
        let slack = ASKED_FOR / 20;
        let mut now = Instant::now();
        while now < until {
            let before = busy();
            now = Instant::now();
            let told = busy_at_most(now);
            assert!(told + slack >= before, "{told:?} is less than {before:?}");
            assert!(told <= busy() + ASKED_FOR + slack, "{told:?} is too much");
        }
    }

    #[test]
    fn only_a_processor_s_time_makes_a_stay_long_that_is_not_very_long() {
        let mut guests = Guests::new(1);
        // This test is interrupted too, and now and then for very long.
        for _ in 0..100 {
            guests = Guests::new(1);
            let mut interrupted = guests.enter().expect("a place");
            interrupted.since -= 3 * LONG;
            drop(interrupted);
            if guests.enter().is_some() {
                break;
            }
        }
        let mut computing =
            guests.enter().expect("a stay in which the thread was away is not held against it");
        computing.since -= 3 * LONG;
        while busy().saturating_sub(computing.busy_since) <= LONG {}
        drop(computing);
        assert!(guests.enter().is_none(), "a long computation is followed by another guest's");
    }
}
