//! Paces: how often a player may do something, in a burst and for long.

use daystar::prelude::*;

/// How far ahead of their pace a player is, in one number: the generic cell rate algorithm (ITU-T I.371).
#[managed]
#[derive(Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    /// When all that was done would have been done, one after another.
    pub even: Timestamp,
}

impl Pace {
    /// Counts one more, of which there may be `burst` at once and one more whenever `every` has passed. How long to wait until
    /// then; if that is not zero, it was not counted.
    pub fn count(&mut self, now: Timestamp, every: Duration, burst: u32) -> Duration {
        let even = self.even.max(now).after(every);
        let wait = even.since(now.after(every.saturating_mul(burst)));
        if wait.is_zero() {
            self.even = even;
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp { unix_ms: 1_000_000 };
    const EVERY: Duration = Duration::from_secs(10);

    /// How many of a hundred are counted at that moment, and how long the others are to wait.
    fn count(pace: &mut Pace, now: Timestamp) -> (usize, Duration) {
        let waits: Vec<_> = (0..100).map(|_| pace.count(now, EVERY, 3)).collect();
        let counted = waits.iter().filter(|wait| wait.is_zero()).count();
        (counted, waits[99])
    }

    #[test]
    fn a_burst_is_free_and_then_each_waits_its_turn() {
        let mut pace = Pace::default();
        assert_eq!(count(&mut pace, START), (3, EVERY));
        let later = START.after(EVERY * 2 / 5);
        assert_eq!(count(&mut pace, later), (0, EVERY * 3 / 5));
        assert_eq!(count(&mut pace, START.after(EVERY)), (1, EVERY));
        // What was not used is not saved up beyond the burst.
        assert_eq!(count(&mut pace, START.after(EVERY * 100)), (3, EVERY));
        // A task that is run again may be older than what was counted meanwhile.
        assert_eq!(count(&mut pace, START), (0, EVERY * 101));
    }

    #[test]
    fn nobody_waits_where_there_is_no_pace() {
        let mut pace = Pace::default();
        assert!((0..100).all(|_| pace.count(START, Duration::ZERO, 1).is_zero()));
    }
}
