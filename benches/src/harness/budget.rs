//! The time that a bench may take, setup included, and how much of it each measurement gets.

use std::time::Duration;

/// Time is an argument: how long ago the bench began.
pub(crate) struct Budget {
    whole: Duration,
    /// How many measurements are still to be made.
    planned: u32,
}

impl Budget {
    /// For a bench that must end in under three minutes.
    pub(crate) fn full() -> Self {
        Self { whole: Duration::from_secs(140), planned: 0 }
    }

    /// For a bench that must end in under ten seconds.
    pub(crate) fn quick() -> Self {
        Self { whole: Duration::from_millis(7_500), planned: 0 }
    }

    /// So many measurements more are to be made.
    pub(crate) fn plan(&mut self, measurements: u32) {
        self.planned += measurements;
    }

    /// What is left of the whole. Beyond it remains only the reserve for worlds to be dropped in.
    pub(crate) fn left(&self, elapsed: Duration) -> Duration {
        self.whole.saturating_sub(elapsed)
    }

    /// How long each of the next `measures` measurements may take; they leave the plan.
    ///
    /// All measurements of a round get the same, since they are compared with one another. What an earlier round took
    /// beyond its share is made up for by the later ones.
    pub(crate) fn slice(&mut self, elapsed: Duration, measures: usize) -> Duration {
        let measures = u32::try_from(measures).unwrap_or(u32::MAX);
        let share = self.left(elapsed) / self.planned.max(measures).max(1);
        self.planned = self.planned.saturating_sub(measures);
        share.clamp(SLICE_MIN, SLICE_MAX)
    }
}

/// Less than this would measure how threads are started. It may break the budget, on a machine on which the setup
/// did already.
const SLICE_MIN: Duration = Duration::from_millis(20);

/// More than this gives no better figure; more rounds would.
const SLICE_MAX: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_setup_leaves_is_shared_equally() {
        let mut budget = Budget { whole: Duration::from_secs(10), planned: 0 };
        budget.plan(8);
        assert_eq!(budget.slice(Duration::from_secs(2), 2), Duration::from_secs(1));
        // Two measurements took three times their share: the six that are left pay for it.
        assert_eq!(budget.slice(Duration::from_secs(7), 2), Duration::from_millis(500));
        assert_eq!(budget.slice(Duration::from_secs(8), 2), Duration::from_millis(500));
        assert_eq!(budget.slice(Duration::from_secs(9), 2), Duration::from_millis(500));
    }

    #[test]
    fn no_slice_is_too_short_or_too_long() {
        let mut budget = Budget { whole: Duration::from_secs(10), planned: 4 };
        assert_eq!(budget.slice(Duration::from_secs(60), 2), SLICE_MIN);
        assert_eq!(budget.slice(Duration::ZERO, 2), SLICE_MAX);
    }

    #[test]
    fn a_bench_without_a_plan_stays_within_the_whole() {
        let mut budget = Budget { whole: Duration::from_secs(1), planned: 0 };
        assert_eq!(budget.slice(Duration::ZERO, 2), Duration::from_millis(500));
    }
}
