//! Requirements on a run, as in `p99<100ms,errors=0`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::duration;
use crate::outcome::Outcome;

/// What a run must reach.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requirements(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq)]
struct Requirement {
    /// Whose; everybody's unless set.
    class: Option<String>,
    metric: Metric,
    comparison: Comparison,
    /// A number, or seconds.
    bound: f64,
    /// As it was written, for messages.
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Metric {
    Connected,
    RequestsPerS,
    P50,
    P90,
    P99,
    P999,
    Max,
    Refusals,
    Errors,
    Reconnects,
    Resumed,
    /// One of [`Outcome::extra`].
    Extra(String),
}

/// Some have a second name, which is the one that the table shows.
const METRICS: [(&str, Metric); 13] = [
    ("connected", Metric::Connected),
    ("requests_per_s", Metric::RequestsPerS),
    ("requests/s", Metric::RequestsPerS),
    ("p50", Metric::P50),
    ("p90", Metric::P90),
    ("p99", Metric::P99),
    ("p999", Metric::P999),
    ("p99.9", Metric::P999),
    ("max", Metric::Max),
    ("refusals", Metric::Refusals),
    ("errors", Metric::Errors),
    ("reconnects", Metric::Reconnects),
    ("resumed", Metric::Resumed),
];

/// What begins so may be in [`Outcome::extra`].
const EXTRA: &str = "server.";

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
    #[error(
        "`{name}` is not measured; what is, of all or of a class as in trader.p99: {}",
        known_metrics()
    )]
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
        let (class, metric) =
            named(name).ok_or_else(|| RequirementError::UnknownMetric { name: name.to_owned() })?;
        let bad = |cause| RequirementError::BadValue { text: text.to_owned(), cause };
        let bound = if metric.is_time() {
            duration::parse(value).map_err(bad)?.as_secs_f64()
        } else {
            let (digits, unit) = match (&metric, value.strip_suffix('%')) {
                (Metric::Extra(_), Some(digits)) => (digits.trim(), 0.01),
                _ => (value, 1.0),
            };
            let number: f64 = digits
                .parse()
                .map_err(|_| bad(format!("`{value}` is not a number; {name} has no unit")))?;
            let number = number * unit;
            if !(number.is_finite() && number >= 0.0) {
                return Err(bad(format!("`{value}` is not a number that {name} can have")));
            }
            number
        };
        Ok(Self { class, metric, comparison, bound, text: text.to_owned() })
    }
}

impl Requirements {
    /// Whether every class that a requirement is about is one of those.
    ///
    /// # Errors
    /// Which is not.
    pub fn check(&self, classes: &[&str]) -> Result<(), String> {
        for Requirement { class, text, .. } in &self.0 {
            if let Some(class) = class
                && !classes.contains(&class.as_str())
            {
                let known = classes.join(", ");
                return Err(format!("`{text}` is about the class {class}; there are: {known}"));
            }
        }
        Ok(())
    }

    /// Each requirement that the run did not reach, with the figure that it reached instead.
    pub fn unmet(&self, outcome: &Outcome) -> Vec<String> {
        self.0.iter().filter_map(|requirement| requirement.unmet(outcome)).collect()
    }
}

impl fmt::Display for Requirements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<&str> = self.0.iter().map(|requirement| requirement.text.as_str()).collect();
        f.write_str(&texts.join(", "))
    }
}

impl Requirement {
    /// What was reached instead, in words, if it was not reached.
    fn unmet(&self, outcome: &Outcome) -> Option<String> {
        let text = &self.text;
        let Some(figure) = self.figure(outcome) else {
            return Some(format!("{text} was required, and it was not measured"));
        };
        let is_met = match self.comparison {
            Comparison::Less => figure < self.bound,
            Comparison::LessOrEqual => figure <= self.bound,
            Comparison::Greater => figure > self.bound,
            Comparison::GreaterOrEqual => figure >= self.bound,
            Comparison::Equal => figure == self.bound,
        };
        let shown = match &self.metric {
            metric if metric.is_time() => duration::show(Duration::from_secs_f64(figure)),
            Metric::Extra(_) => figure.to_string(),
            _ => format!("{figure:.1}").trim_end_matches(".0").to_owned(),
        };
        (!is_met).then(|| format!("{text} was required, and it is {shown}"))
    }

    /// A number, or seconds.
    fn figure(&self, outcome: &Outcome) -> Option<f64> {
        let figures = match &self.class {
            None => outcome.figures(),
            Some(name) => {
                let class = outcome.classes.iter().find(|class| class.name == *name)?;
                outcome.figures_of(class)
            }
        };
        let seconds = |us: u64| us as f64 / 1e6;
        Some(match &self.metric {
            Metric::Connected => outcome.connected.into(),
            Metric::RequestsPerS => figures.requests_per_s,
            Metric::P50 => seconds(figures.p50_us),
            Metric::P90 => seconds(figures.p90_us),
            Metric::P99 => seconds(figures.p99_us),
            Metric::P999 => seconds(figures.p999_us),
            Metric::Max => seconds(figures.max_us),
            Metric::Refusals => figures.refusals as f64,
            Metric::Errors => figures.errors as f64,
            Metric::Reconnects => figures.reconnects as f64,
            Metric::Resumed => figures.resumed as f64,
            Metric::Extra(name) => *outcome.extra.get(name)?,
        })
    }
}

impl Metric {
    fn is_time(&self) -> bool {
        matches!(self, Self::P50 | Self::P90 | Self::P99 | Self::P999 | Self::Max)
    }
}

/// Whose, and what: `p99`, `trader.p99`, or something that the server's own measurements are asked for.
fn named(name: &str) -> Option<(Option<String>, Metric)> {
    let known = |name: &str| {
        METRICS.iter().find(|(known, _)| *known == name).map(|(_, metric)| metric.clone())
    };
    if let Some(metric) = known(name) {
        return Some((None, metric));
    }
    let (class, metric) = name.split_once('.')?;
    match known(metric) {
        // Only of all together it is known.
        Some(Metric::Connected) => None,
        Some(metric) => Some((Some(class.to_owned()), metric)),
        None => name.starts_with(EXTRA).then(|| (None, Metric::Extra(name.to_owned()))),
    }
}

fn known_metrics() -> String {
    METRICS.map(|(name, _)| name).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::ClassOutcome;
    use crate::tally::Tally;

    /// A hundred calls of 1 to 100 ms in ten seconds, one of them refused, by 7 clients, who are of a class of their own; and others
    /// who did nothing.
    fn outcome() -> Outcome {
        let tally = Tally::default();
        for ms in 1..=100 {
            tally.answered(Duration::from_millis(ms), (ms == 50).then_some("no"));
        }
        let mut counts = crate::counts::Counts::default();
        tally.collect_into(&mut counts);
        let class = |name: &str| ClassOutcome { name: name.to_owned(), ..Default::default() };
        Outcome {
            clients: 7,
            connected: 7,
            played: Duration::from_secs(10),
            classes: vec![
                ClassOutcome { clients: 7, counts: counts.clone(), ..class("trader") },
                class("idler"),
            ],
            counts,
            extra: [("server.rss.growth".to_owned(), 0.04)].into(),
            ..Outcome::default()
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
    fn a_class_is_looked_at_alone() {
        assert_eq!(
            unmet("trader.p99>50ms,idler.p99<1us,trader.requests/s=10"),
            Vec::<String>::new()
        );
        assert_eq!(unmet("idler.requests_per_s>0,trader.p99.9<1ms,trader.refusals=0").len(), 3);
        let requirements: Requirements = "p50<1s,trader.p99<1s".parse().expect("requirements");
        assert_eq!(requirements.check(&["idler", "trader"]), Ok(()));
        let error = requirements.check(&["idler"]).expect_err("no such class");
        assert!(error.contains("`trader.p99<1s` is about the class trader; there are: idler"));
    }

    #[test]
    fn what_others_measured_is_looked_at_if_it_was() {
        assert_eq!(unmet("server.rss.growth<5%,server.rss.growth>=0.04"), Vec::<String>::new());
        let grown = "server.rss.growth<3% was required, and it is 0.04";
        assert_eq!(unmet("server.rss.growth<3%"), [grown]);
        let unknown = "server.cpu<3 was required, and it was not measured";
        assert_eq!(unmet("server.cpu<3"), [unknown]);
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
        assert!(error("p98<1s").contains("`p98` is not measured; what is, of all or of a class"));
        assert!(error("trader.p98<1s").contains("`trader.p98` is not measured"));
        assert!(error("trader.connected=1").contains("`trader.connected` is not measured"));
        assert!(error("refusals<5%").contains("has no unit"));
        assert!(error("p99<100").contains("write a number and one of us, ms, s"));
        assert!(error("errors=none").contains("`none` is not a number"));
        assert!(error("errors=1s").contains("has no unit"));
        assert!(error("errors=-1").contains("not a number that errors can have"));
        assert!(error("p99=<1s").contains("is not a time"));
        assert!(error("errors==0").contains("is not a number"));
    }
}
