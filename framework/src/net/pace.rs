//! How often something may be done: in a burst, and for long.

use std::time::Duration;

use tokio::time::Instant;

/// So many at once, and one more each time a while has passed (the generic cell rate algorithm, ITU-T I.371).
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// How long one takes, if they go on for ever.
    every: Duration,
    /// What may be ahead of that.
    burst: Duration,
}

impl Rate {
    /// `burst` at once and `per_second` for long; at least one of each.
    pub(super) fn new(per_second: f64, burst: u32) -> Self {
        let every = Duration::from_secs_f64(1.0 / per_second.clamp(1e-3, 1e9));
        Self { every, burst: every * burst.max(1) }
    }
}

/// How far somebody is ahead of their rate.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// When all that was done would have been done, one after another.
    even: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { even: now }
    }

    /// Counts one more, and says how long to wait until it is within `rate`.
    pub(super) fn count(&mut self, rate: &Rate, now: Instant) -> Duration {
        self.even = self.even.max(now) + rate.every;
        self.even.saturating_duration_since(now + rate.burst)
    }

    /// Counts one more if that is within `rate`.
    pub(super) fn try_count(&mut self, rate: &Rate, now: Instant) -> bool {
        let is_within = self.even.max(now) + rate.every <= now + rate.burst;
        if is_within {
            self.count(rate, now);
        }
        is_within
    }

    /// Whether at least half of the burst may be done at once, or nothing was done but what has just been counted.
    pub(super) fn is_easy(&self, rate: &Rate, now: Instant) -> bool {
        self.even <= now + rate.every.max(rate.burst / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_each_waits_its_turn() {
        let rate = Rate::new(10.0, 5);
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for _ in 0..5 {
            assert_eq!(pace.count(&rate, start), Duration::ZERO);
        }
        for number in 1..4 {
            assert_eq!(pace.count(&rate, start), Duration::from_millis(100) * number);
        }
        assert!(!pace.is_easy(&rate, start + Duration::from_millis(300)));
        assert!(pace.is_easy(&rate, start + Duration::from_millis(800)));
        // What was not used is not saved up beyond the burst.
        let later = start + Duration::from_secs(60);
        for _ in 0..5 {
            assert_eq!(pace.count(&rate, later), Duration::ZERO);
        }
        assert_eq!(pace.count(&rate, later), Duration::from_millis(100));
    }

    #[test]
    fn what_is_refused_does_not_count() {
        let rate = Rate::new(1.0, 2);
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let tries: Vec<_> = (0..5).map(|_| pace.try_count(&rate, start)).collect();
        assert_eq!(tries, [true, true, false, false, false]);
        assert!(pace.try_count(&rate, start + Duration::from_secs(1)));
        assert!(!pace.try_count(&rate, start + Duration::from_secs(1)));
    }
}
