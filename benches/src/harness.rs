//! One harness for all benches: baseline and subject in turns, the median of the ratios, a table or JSON.
//!
//! The machines that this runs on are shared, so a single figure says little. What counts is the ratio of two
//! figures taken right after one another, and of several such pairs the median.

use std::time::Duration;

use serde::Serialize;

/// Collects the rows of one bench.
pub(crate) struct Harness {
    is_quick: bool,
    is_json: bool,
    rows: Vec<Row>,
}

/// One case, measured.
#[derive(Serialize)]
struct Row {
    bench: &'static str,
    case: String,
    value: f64,
    unit: &'static str,
    baseline: Option<f64>,
    ratio: Option<f64>,
    wanted: Option<String>,
    met: Option<bool>,
}

/// What is wanted of a case.
#[derive(Clone, Copy)]
pub(crate) enum Wanted {
    /// The ratio to the baseline is at least this.
    Ratio(f64),
    /// The ratio is at least the first, and the value itself at least the second.
    RatioAndValue(f64, f64),
    /// Nothing: the figure is only printed.
    Nothing,
}

impl Harness {
    pub(crate) fn new(is_quick: bool, is_json: bool) -> Self {
        Self { is_quick, is_json, rows: Vec::new() }
    }

    pub(crate) fn is_quick(&self) -> bool {
        self.is_quick
    }

    /// How long one measurement takes, when a bench has `cases` of two measurements each.
    pub(crate) fn slice(&self, cases: u32) -> Duration {
        let whole = if self.is_quick { Duration::from_secs(6) } else { Duration::from_secs(120) };
        let slice = whole / (cases * 2 * self.rounds());
        slice.min(Duration::from_secs(3))
    }

    fn rounds(&self) -> u32 {
        if self.is_quick { 3 } else { 7 }
    }

    /// Measures `baseline` and `subject` in turns, after one round that does not count.
    pub(crate) fn compare(
        &mut self,
        bench: &'static str,
        case: impl Into<String>,
        unit: &'static str,
        wanted: Wanted,
        mut baseline: impl FnMut() -> f64,
        mut subject: impl FnMut() -> f64,
    ) {
        baseline();
        subject();
        let pairs: Vec<(f64, f64)> = (0..self.rounds()).map(|_| (baseline(), subject())).collect();
        let base = median(pairs.iter().map(|pair| pair.0).collect());
        let value = median(pairs.iter().map(|pair| pair.1).collect());
        let ratio = median(pairs.iter().map(|pair| pair.1 / pair.0).collect());
        let met = match wanted {
            Wanted::Ratio(least) => Some(ratio >= least),
            Wanted::RatioAndValue(least, value_least) => {
                Some(ratio >= least && value >= value_least)
            }
            Wanted::Nothing => None,
        };
        self.push(Row {
            bench,
            case: case.into(),
            value,
            unit,
            baseline: Some(base),
            ratio: Some(ratio),
            wanted: wanted.text(),
            met,
        });
    }

    /// A figure without a baseline.
    pub(crate) fn print(
        &mut self,
        bench: &'static str,
        case: impl Into<String>,
        unit: &'static str,
        value: f64,
    ) {
        let case = case.into();
        self.push(Row {
            bench,
            case,
            value,
            unit,
            baseline: None,
            ratio: None,
            wanted: None,
            met: None,
        });
    }

    fn push(&mut self, row: Row) {
        if self.is_json {
            match serde_json::to_string(&row) {
                Ok(line) => println!("{line}"),
                Err(cause) => eprintln!("error: the figure cannot be written as JSON: {cause}"),
            }
        } else {
            if self.rows.is_empty() {
                println!(
                    "{:<10} {:<44} {:>14} {:>14} {:>8} {:>22} {:>4}",
                    "bench", "case", "value", "baseline", "ratio", "wanted", "met"
                );
            }
            let optional = |value: Option<f64>| value.map_or("-".to_owned(), round);
            println!(
                "{:<10} {:<44} {:>14} {:>14} {:>8} {:>22} {:>4}",
                row.bench,
                row.case,
                format!("{} {}", round(row.value), row.unit),
                optional(row.baseline),
                row.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}")),
                row.wanted.as_deref().unwrap_or("-"),
                row.met.map_or("-", |met| if met { "yes" } else { "no" }),
            );
        }
        self.rows.push(row);
    }

    /// Ends the bench. A figure that was wanted and not reached is no error: it is a figure.
    pub(crate) fn finish(self) {
        let missed = self.rows.iter().filter(|row| row.met == Some(false)).count();
        if !self.is_json && missed > 0 {
            println!("{missed} of {} not reached", self.rows.len());
        }
    }
}

impl Wanted {
    fn text(self) -> Option<String> {
        match self {
            Wanted::Ratio(least) => Some(format!("ratio >= {least}")),
            Wanted::RatioAndValue(ratio, value) => {
                Some(format!("ratio >= {ratio}, value >= {}", round(value)))
            }
            Wanted::Nothing => None,
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Four significant digits are more than a shared machine can give.
fn round(value: f64) -> String {
    match value.abs() {
        v if v >= 1e6 => format!("{:.2}M", value / 1e6),
        v if v >= 1e4 => format!("{:.1}k", value / 1e3),
        v if v >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}
