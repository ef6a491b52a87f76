//! How durations spread: percentiles, and the slowest to the nanosecond.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Durations. Each thread fills one of its own, so that recording disturbs nobody; they are put together at the end.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    histogram_ns: Histogram<u64>,
    /// Kept beside the histogram, which would round it.
    slowest_ns: u64,
}

impl Spread {
    /// What [`figures_ms`](Self::figures_ms) calls the longest duration.
    pub(crate) const SLOWEST: &'static str = "slowest";

    /// What it calls the duration that one in a hundred exceeds.
    pub(crate) const P99: &'static str = "p99";

    /// One without durations.
    pub(crate) fn new() -> Self {
        let histogram_ns = Histogram::new_with_bounds(1, HISTOGRAM_MAX_NS, HISTOGRAM_DIGITS)
            .unwrap_or_else(|cause| panic!("these bounds suit a histogram: {cause}"));
        Self { histogram_ns, slowest_ns: 0 }
    }

    /// Adds a duration.
    pub(crate) fn record(&mut self, duration: Duration) {
        let ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.histogram_ns.saturating_record(ns);
        self.slowest_ns = self.slowest_ns.max(ns);
    }

    /// All durations of several.
    pub(crate) fn together<'a>(spreads: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::new();
        for spread in spreads {
            all.histogram_ns
                .add(&spread.histogram_ns)
                .unwrap_or_else(|cause| panic!("all spreads have the same bounds: {cause}"));
            all.slowest_ns = all.slowest_ns.max(spread.slowest_ns);
        }
        all
    }

    /// Percentiles and the slowest, in milliseconds, with what to call them. A percentile that fewer durations than
    /// it divides them into cannot tell is no number: of fifty there is no thousandth.
    pub(crate) fn figures_ms(&self) -> Vec<(&'static str, f64)> {
        let figures = PERCENTILES.iter().map(|&(name, percentile, least)| {
            (name, self.histogram_ns.value_at_percentile(percentile), least)
        });
        let figures = figures.chain([(Self::SLOWEST, self.slowest_ns, 1)]);
        let is_told = |least| self.histogram_ns.len() >= least;
        figures
            .map(|(name, ns, least)| {
                (name, if is_told(least) { ns as f64 / 1e6 } else { f64::NAN })
            })
            .collect()
    }
}

/// Percentiles, and of how many durations each can be told.
const PERCENTILES: [(&str, f64, u64); 3] =
    [("p50", 50.0, 2), (Spread::P99, 99.0, 100), ("p99.9", 99.9, 1_000)];

/// Longer durations count as this one; a bench does not last as long.
const HISTOGRAM_MAX_NS: u64 = 300_000_000_000;
/// Two digits keep the histogram small enough not to push the bench's objects out of the cache.
const HISTOGRAM_DIGITS: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    /// So many microseconds, in the order given.
    fn spread_of(durations_us: impl IntoIterator<Item = u64>) -> Spread {
        let mut spread = Spread::new();
        for duration in durations_us {
            spread.record(Duration::from_micros(duration));
        }
        spread
    }

    fn figure(spread: &Spread, name: &str) -> f64 {
        spread.figures_ms().into_iter().find(|figure| figure.0 == name).unwrap().1
    }

    #[test]
    fn percentiles_are_those_of_the_durations() {
        let spread = spread_of((1..=10_000).rev());
        for (name, wanted_ms) in [("p50", 5.0), ("p99", 9.9), ("p99.9", 9.99)] {
            let found = figure(&spread, name);
            assert!((found / wanted_ms - 1.0).abs() < 0.01, "{name} is {found}");
        }
    }

    #[test]
    fn the_slowest_is_exact_and_survives_being_put_together() {
        let quick = spread_of(std::iter::repeat_n(1, 100_000));
        let parts = [spread_of([3, 123_457]), quick, Spread::new()];
        let all = Spread::together(&parts);
        assert_eq!(figure(&all, Spread::SLOWEST), 123.457);
        assert!(figure(&all, "p99.9") < 0.0011, "one slow task is not a thousandth of them");
        assert_eq!(all.histogram_ns.len(), 100_002);
    }

    #[test]
    fn a_percentile_that_too_few_durations_cannot_tell_is_no_number() {
        let told = |count: u64| {
            let figures = spread_of(1..=count).figures_ms();
            figures.into_iter().filter(|(_, value)| !value.is_nan()).map(|(name, _)| name).collect()
        };
        let few: Vec<&str> = told(99);
        assert_eq!(few, ["p50", "slowest"]);
        let more: Vec<&str> = told(999);
        assert_eq!(more, ["p50", "p99", "slowest"]);
        let enough: Vec<&str> = told(1_000);
        assert_eq!(enough, ["p50", "p99", "p99.9", "slowest"]);
    }

    #[test]
    fn of_no_durations_no_figure_is_a_number() {
        let figures = Spread::new().figures_ms();
        assert_eq!(figures.len(), PERCENTILES.len() + 1);
        assert!(figures.iter().all(|(_, value)| value.is_nan()));
    }
}
