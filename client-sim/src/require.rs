//! Requirements on a run, as in `p99<100ms,errors=0`.

use std::fmt;
use std::str::FromStr;

use crate::duration;
use crate::outcome::Outcome;

/// What a run must reach.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requirements(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq)]
struct Requirement {
    metric: Metric,
    comparison: Comparison,
    /// A number, or seconds.
    bound: f64,
    /// As it was written, for messages.
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    Connected,
    RequestsPerS,
    P50,
    P99,
    P999,
    Max,
    Refusals,
    Errors,
    Reconnects,
    Resumed,
}

const METRICS: [(&str, Metric); 10] = [
    ("connected", Metric::Connected),
    ("requests_per_s", Metric::RequestsPerS),
    ("p50", Metric::P50),
    ("p99", Metric::P99),
    ("p999", Metric::P999),
    ("max", Metric::Max),
    ("refusals", Metric::Refusals),
    ("errors", Metric::Errors),
    ("reconnects", Metric::Reconnects),
    ("resumed", Metric::Resumed),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
}

/// A longer sign stands before those it begins with.
const COMPARISONS: [(&str, Comparison); 5] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
    ("=", Comparison::Equal),
];

/// Why a text is no requirement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequirementError {
    /// No comparison in it.
    #[error(
        "`{0}` compares nothing: write metric, then one of < <= > >= =, then value, as in p99<100ms"
    )]
    NoComparison(String),
    /// Nothing that is measured.
    #[error("`{name}` is not measured; what is: {}", known_metrics())]
    UnknownMetric {
        /// What was written.
        name: String,
    },
    /// A bound that this metric cannot have.
    #[error("in `{text}`, {cause}")]
    BadValue {
        /// The requirement.
        text: String,
        /// What is wrong.
        cause: String,
    },
}

impl FromStr for Requirements {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(|part| part.trim().parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for Requirement {
    type Err = RequirementError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let no_comparison = || RequirementError::NoComparison(text.to_owned());
        let at = text.find(['<', '>', '=']).ok_or_else(no_comparison)?;
        let (name, rest) = (text[..at].trim(), &text[at..]);
        let (comparison, value) = COMPARISONS
            .iter()
            .find_map(|(sign, comparison)| Some((*comparison, rest.strip_prefix(sign)?.trim())))
            .ok_or_else(no_comparison)?;
        let (_, metric) = METRICS
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| RequirementError::UnknownMetric { name: name.to_owned() })?;
        let bad = |cause| RequirementError::BadValue { text: text.to_owned(), cause };
        let bound = if metric.is_time() {
            duration::parse(value).map_err(bad)?.as_secs_f64()
        } else {
            let number: f64 = value
                .parse()
                .map_err(|_| bad(format!("`{value}` is not a number; {name} has no unit")))?;
            if !(number.is_finite() && number >= 0.0) {
                return Err(bad(format!("`{value}` is not a number that {name} can have")));
            }
            number
        };
        Ok(Self { metric: *metric, comparison, bound, text: text.to_owned() })
    }
}

impl Requirements {
    /// Each requirement that the run did not reach, with the figure that it reached instead.
    pub fn unmet(&self, outcome: &Outcome) -> Vec<String> {
        let unmet = self.0.iter().filter(|requirement| !requirement.is_met(outcome));
        unmet
            .map(|requirement| {
                let figure = requirement.metric.of(outcome);
                let shown = if requirement.metric.is_time() {
                    duration::show(std::time::Duration::from_secs_f64(figure))
                } else {
                    format!("{figure:.1}").trim_end_matches(".0").to_owned()
                };
                format!("{} was required, and it is {shown}", requirement.text)
            })
            .collect()
    }
}

impl fmt::Display for Requirements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.0.iter().map(|requirement| requirement.text.as_str()).collect();
        f.write_str(&texts.join(", "))
    }
}

impl Requirement {
    fn is_met(&self, outcome: &Outcome) -> bool {
        let figure = self.metric.of(outcome);
        match self.comparison {
            Comparison::Less => figure < self.bound,
            Comparison::LessOrEqual => figure <= self.bound,
            Comparison::Greater => figure > self.bound,
            Comparison::GreaterOrEqual => figure >= self.bound,
            Comparison::Equal => figure == self.bound,
        }
    }
}

impl Metric {
    fn is_time(self) -> bool {
        matches!(self, Self::P50 | Self::P99 | Self::P999 | Self::Max)
    }

    /// The figure: a number, or seconds.
    fn of(self, outcome: &Outcome) -> f64 {
        let counts = &outcome.counts;
        match self {
            Self::Connected => outcome.connected.into(),
            Self::RequestsPerS => outcome.requests_per_s(),
            Self::P50 => counts.latency_at(0.5).as_secs_f64(),
            Self::P99 => counts.latency_at(0.99).as_secs_f64(),
            Self::P999 => counts.latency_at(0.999).as_secs_f64(),
            Self::Max => counts.latency_max().as_secs_f64(),
            Self::Refusals => counts.refusals as f64,
            Self::Errors => counts.errors as f64,
            Self::Reconnects => counts.reconnects as f64,
            Self::Resumed => counts.resumed as f64,
        }
    }
}

fn known_metrics() -> String {
    METRICS.map(|(name, _)| name).join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::tally::Tally;

    /// A hundred calls of 1 to 100 ms in ten seconds, one of them refused, by 7 clients.
    fn outcome() -> Outcome {
        let tally = Tally::default();
        for ms in 1..=100 {
            tally.answered(Duration::from_millis(ms), (ms == 50).then_some("no"));
        }
        let mut counts = crate::tally::Counts::default();
        tally.collect_into(&mut counts);
        Outcome {
            clients: 7,
            connected: 7,
            played: Duration::from_secs(10),
            counts,
            network: None,
            settled: 7,
            differences: Vec::new(),
            difference_count: 0,
        }
    }

    fn unmet(text: &str) -> Vec<String> {
        text.parse::<Requirements>().expect(text).unmet(&outcome())
    }

    #[test]
    fn each_metric_and_comparison_is_understood() {
        let met = "connected=7, requests_per_s>=10, requests_per_s<=10, p50 < 60ms, p99<0.1s, \
                   p999<101ms, max>90000us, refusals=1, refusals>0, errors=0, reconnects<1";
        assert_eq!(unmet(met), Vec::<String>::new());
        for text in ["connected>7", "requests_per_s<10", "p50<10ms", "max<1ms", "errors>=1"] {
            assert_eq!(unmet(text).len(), 1, "{text}");
        }
    }

    #[test]
    fn what_was_not_reached_is_told_with_its_figure() {
        assert_eq!(unmet("errors=0,refusals=0"), ["refusals=0 was required, and it is 1"]);
        let latency = &unmet("max<5ms")[0];
        assert!(latency.starts_with("max<5ms was required, and it is 100"), "{latency}");
    }

    #[test]
    fn mistakes_are_explained() {
        let error = |text: &str| text.parse::<Requirements>().expect_err(text).to_string();
        assert!(error("").contains("compares nothing"));
        assert!(error("p99").contains("as in p99<100ms"));
        assert!(error("errors=0,").contains("compares nothing"));
        assert!(error("p98<1s").contains("`p98` is not measured; what is: connected, "));
        assert!(error("p99<100").contains("write a number and one of us, ms, s"));
        assert!(error("errors=none").contains("`none` is not a number"));
        assert!(error("errors=1s").contains("has no unit"));
        assert!(error("errors=-1").contains("not a number that errors can have"));
        assert!(error("p99=<1s").contains("is not a time"));
        assert!(error("errors==0").contains("is not a number"));
    }
}
