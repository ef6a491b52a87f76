//! One harness for all benches: baseline and subject in turns, the median of the ratios, a table or JSON.
//!
//! The machines that this runs on are shared, so a single figure says little. What counts is the ratio of two
//! figures taken right after one another, and of several such pairs the median: fifteen, with `--quick` five. One
//! round more goes before them and does not count: it fills caches, and lets the engine learn what it learns.
//!
//! With `--json` every case is a line of its own:
//!
//! `{"bench","case","value","unit","baseline","ratio","wanted","met"}`
//!
//! - `value`: what was measured, the median of the rounds; of latencies, all rounds together.
//! - `baseline`: what it is measured against, taken in the same way; null without one.
//! - `ratio`: the median of value to baseline, round by round; of latencies, simply their ratio.
//! - `wanted`: null where a case is only printed, otherwise an object of limits, all to be kept:
//!   `ratio_min`, `ratio_max`, `value_min`, `value_max`. For example `{"ratio_min":0.5,"value_min":1000000.0}`.
//! - `met`: whether all limits are kept; null where there is none.
//!
//! A figure that is not a number was not measured: it is told on the error stream and is no row.

mod budget;
mod row;
mod spread;
mod wanted;

use std::fmt::Display;
use std::io::Write;
use std::time::{Duration, Instant};

pub(crate) use self::spread::Spread;
pub(crate) use self::wanted::Wanted;

use self::budget::Budget;
use self::row::Row;

/// Runs the measurements of one bench, and prints its rows.
pub(crate) struct Harness {
    bench: &'static str,
    is_quick: bool,
    is_json: bool,
    started: Instant,
    budget: Budget,
    rows: usize,
    missed: usize,
}

/// A measurement that takes as long as it is told to.
pub(crate) type Measure<'a, T> = &'a mut dyn FnMut(Duration) -> T;

impl Harness {
    /// The harness of the bench of this name. Made first of all, since its time starts to run.
    pub(crate) fn new(bench: &'static str, is_quick: bool, is_json: bool) -> Self {
        let budget = if is_quick { Budget::quick() } else { Budget::full() };
        Self { bench, is_quick, is_json, started: Instant::now(), budget, rows: 0, missed: 0 }
    }

    /// Whether the bench must end in seconds.
    pub(crate) fn is_quick(&self) -> bool {
        self.is_quick
    }

    /// How much of the time is left, measurements that are planned included.
    pub(crate) fn time_left(&self) -> Duration {
        self.budget.left(self.started.elapsed())
    }

    /// Tells how many measurements the bench takes in a round, all its cases together. The time that its setup
    /// leaves is shared among them.
    pub(crate) fn plan(&mut self, measures: u32) {
        self.budget.plan(measures * (WARM_UP_ROUNDS + self.rounds()));
    }

    /// Five is the least that a median of ratios is worth.
    fn rounds(&self) -> u32 {
        if self.is_quick { 5 } else { 15 }
    }

    /// Takes every measurement once a round, in turns; the outcomes that count, round by round.
    ///
    /// Every other round goes backwards, so that a load of others that grows or falls meanwhile favours nobody.
    pub(crate) fn in_turns<T>(&mut self, measures: &mut [Measure<'_, T>]) -> Vec<Vec<T>> {
        let mut rounds = Vec::new();
        for round in 0..WARM_UP_ROUNDS + self.rounds() {
            let slice = self.budget.slice(self.started.elapsed(), measures.len());
            let measures = measures.iter_mut();
            let outcomes = if round % 2 == 0 {
                measures.map(|measure| measure(slice)).collect()
            } else {
                let mut outcomes: Vec<T> = measures.rev().map(|measure| measure(slice)).collect();
                outcomes.reverse();
                outcomes
            };
            if round >= WARM_UP_ROUNDS {
                rounds.push(outcomes);
            }
        }
        rounds
    }

    /// Measures `baseline` and `subject` in turns, and prints the medians. Two measurements of the plan.
    pub(crate) fn compare(
        &mut self,
        case: impl Into<String>,
        unit: &'static str,
        wanted: Wanted,
        mut baseline: impl FnMut(Duration) -> f64,
        mut subject: impl FnMut(Duration) -> f64,
    ) {
        let rounds = self.in_turns(&mut [&mut baseline, &mut subject]);
        let pairs: Vec<_> = rounds.iter().map(|round| (round[0], round[1])).collect();
        self.print_pairs(case, unit, wanted, &pairs);
    }

    /// Prints the medians of pairs of a baseline's figure and a subject's, each pair of one round of
    /// [`in_turns`](Self::in_turns).
    pub(crate) fn print_pairs(
        &mut self,
        case: impl Into<String>,
        unit: &'static str,
        wanted: Wanted,
        pairs: &[(f64, f64)],
    ) {
        let of = |figure: fn(&(f64, f64)) -> f64| median(pairs.iter().map(figure).collect());
        let base = of(|pair| pair.0);
        let ratio = of(|pair| pair.1 / pair.0);
        let value = of(|pair| pair.1);
        self.push(case.into(), value, unit, Some((base, ratio)), wanted);
    }

    /// Measures how long single tasks take, the baseline's and the subject's in turns, and prints how they spread:
    /// percentiles and the slowest, of one of which something is wanted. Two measurements of the plan.
    pub(crate) fn compare_spreads(
        &mut self,
        case: &str,
        wanted: (&str, Wanted),
        mut baseline: impl FnMut(Duration) -> Spread,
        mut subject: impl FnMut(Duration) -> Spread,
    ) {
        let of_one = |spread| [(case, spread)];
        self.compare_all_spreads(
            wanted,
            |slice| of_one(baseline(slice)),
            |slice| of_one(subject(slice)),
        );
    }

    /// The same for measurements that measure several things at once, each of which is a case.
    pub(crate) fn compare_all_spreads<'a, const N: usize>(
        &mut self,
        (name_wanted, wanted): (&str, Wanted),
        mut baseline: impl FnMut(Duration) -> [(&'a str, Spread); N],
        mut subject: impl FnMut(Duration) -> [(&'a str, Spread); N],
    ) {
        let rounds = self.in_turns(&mut [&mut baseline, &mut subject]);
        for nth in 0..N {
            let case = |place: usize| rounds.iter().map(move |round| &round[place][nth]);
            let name = case(0).map(|(name, _)| *name).next().unwrap_or_default();
            let of = |place| Spread::together(case(place).map(|(_, spread)| spread));
            self.print_spreads(name, (name_wanted, wanted), &of(0), &of(1));
        }
    }

    /// Prints how something spreads beside how its baseline does; of one of the figures something may be wanted.
    pub(crate) fn print_spreads(
        &mut self,
        case: &str,
        (name_wanted, wanted): (&str, Wanted),
        baseline: &Spread,
        subject: &Spread,
    ) {
        let (base, value) = (baseline.figures_ms(), subject.figures_ms());
        for ((name, base), (_, value)) in base.into_iter().zip(value) {
            let wanted = if name == name_wanted { wanted } else { Wanted::Nothing };
            self.push(format!("{case}, {name}"), value, "ms", Some((base, value / base)), wanted);
        }
    }

    /// Prints how something spreads that has no baseline; of one of the figures something may be wanted.
    pub(crate) fn print_spread(
        &mut self,
        case: &str,
        spread: &Spread,
        (name_wanted, wanted): (&str, Wanted),
    ) {
        for (name, value) in spread.figures_ms() {
            let wanted = if name == name_wanted { wanted } else { Wanted::Nothing };
            self.print(format!("{case}, {name}"), "ms", value, wanted);
        }
    }

    /// Prints a figure beside a baseline that could not be measured in turns with it.
    pub(crate) fn print_against(
        &mut self,
        case: &str,
        unit: &'static str,
        value: f64,
        baseline: f64,
        wanted: Wanted,
    ) {
        self.push(case.to_owned(), value, unit, Some((baseline, value / baseline)), wanted);
    }

    /// Prints a figure that has no baseline.
    pub(crate) fn print(
        &mut self,
        case: impl Into<String>,
        unit: &'static str,
        value: f64,
        wanted: Wanted,
    ) {
        self.push(case.into(), value, unit, None, wanted);
    }

    fn push(
        &mut self,
        case: String,
        value: f64,
        unit: &'static str,
        against: Option<(f64, f64)>,
        wanted: Wanted,
    ) {
        let Some(row) = Row::new(self.bench, case.clone(), value, unit, against, wanted) else {
            eprintln!("{}: {case}: not measured", self.bench);
            return;
        };
        if self.is_json {
            say(row.json());
        } else {
            if self.rows == 0 {
                say(row::heading());
            }
            say(row.line());
        }
        self.rows += 1;
        self.missed += usize::from(row.is_missed());
    }

    /// Ends the bench. A figure that was wanted and not reached is no error: it is a figure.
    pub(crate) fn finish(self) {
        if !self.is_json && self.missed > 0 {
            say(format_args!("{} of {} not reached", self.missed, self.rows));
        }
    }
}

/// Prints a line, and ends the bench when nobody reads it any more, as behind `| head`.
fn say(line: impl Display) {
    if let Err(cause) = writeln!(std::io::stdout(), "{line}") {
        // Without a word, and not at once: gigabytes of worlds are to be thrown away.
        std::panic::resume_unwind(Box::new(cause));
    }
}

/// The value in the middle; of an even number of values, half-way between the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    if values.is_empty() {
        return f64::NAN;
    }
    values.sort_by(f64::total_cmp);
    let (lower, upper) = ((values.len() - 1) / 2, values.len() / 2);
    f64::midpoint(values[lower], values[upper])
}

const WARM_UP_ROUNDS: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_mind_the_order_nor_outliers() {
        assert_eq!(median(vec![3.0, 1e9, 1.0, 2.0, -5.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 8.0]), 3.0);
        assert_eq!(median(vec![7.0]), 7.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn measurements_take_turns_and_the_first_round_does_not_count() {
        for (is_quick, rounds_wanted) in [(true, 5), (false, 15)] {
            let mut harness = Harness::new("test", is_quick, false);
            harness.plan(2);
            let order = std::cell::RefCell::new(String::new());
            let take = |name: char| {
                order.borrow_mut().push(name);
                (name, order.borrow().len())
            };
            let rounds = harness.in_turns(&mut [&mut |_| take('a'), &mut |_| take('b')]);
            assert_eq!(rounds.len(), rounds_wanted);
            assert_eq!(rounds[0], [('a', 4), ('b', 3)], "after the warm-up, and backwards");
            assert_eq!(rounds[1], [('a', 5), ('b', 6)]);
            assert_eq!(order.into_inner(), "abba".repeat(rounds_wanted.div_ceil(2)));
        }
    }

    #[test]
    fn a_figure_that_is_no_number_is_no_row() {
        let mut harness = Harness::new("test", true, true);
        harness.print("nothing", "", f64::NAN, Wanted::Nothing);
        harness.compare("no baseline", "", Wanted::Ratio(1.0), |_| 0.0, |_| 1.0);
        assert_eq!(harness.rows, 0);
        harness.compare("half", "", Wanted::Ratio(1.0), |_| 2.0, |_| 1.0);
        assert_eq!((harness.rows, harness.missed), (1, 1));
    }
}
