//! What is wanted of a case: limits for its ratio and its value, for programs and for people.

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::row::round;

/// What is wanted of a case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Wanted {
    /// The ratio to the baseline is at least this.
    Ratio(f64),
    /// The ratio is at least the first, and the value itself at least the second.
    RatioAndValue(f64, f64),
    /// The ratio to the baseline is at most this.
    RatioAtMost(f64),
    /// The ratio is at most the first, and the value itself at most the second.
    RatioAndValueAtMost(f64, f64),
    /// The value is at most this.
    AtMost(f64),
    /// Nothing: the figure is only printed.
    Nothing,
}

/// The limits, as JSON and as text name them.
struct Limits {
    ratio_min: Option<f64>,
    ratio_max: Option<f64>,
    value_min: Option<f64>,
    value_max: Option<f64>,
}

impl Wanted {
    /// Whether figures are as wanted; `None` if nothing is. A ratio that does not exist reaches nothing.
    pub(crate) fn met(self, value: f64, ratio: Option<f64>) -> Option<bool> {
        if self == Wanted::Nothing {
            return None;
        }
        let limits = self.limits();
        let is_ratio_met =
            limits.ratio_min.is_none_or(|least| ratio.is_some_and(|ratio| ratio >= least))
                && limits.ratio_max.is_none_or(|most| ratio.is_some_and(|ratio| ratio <= most));
        let is_value_met = limits.value_min.is_none_or(|least| value >= least)
            && limits.value_max.is_none_or(|most| value <= most);
        Some(is_ratio_met && is_value_met)
    }

    /// For the table.
    pub(crate) fn text(self) -> String {
        let limits = self.limits();
        let texts = [
            limits.ratio_min.map(|least| format!("ratio >= {least}")),
            limits.ratio_max.map(|most| format!("ratio <= {most}")),
            limits.value_min.map(|least| format!("value >= {}", round(least))),
            limits.value_max.map(|most| format!("value <= {most}")),
        ];
        let texts: Vec<String> = texts.into_iter().flatten().collect();
        if texts.is_empty() { "-".to_owned() } else { texts.join(", ") }
    }

    fn limits(self) -> Limits {
        let none = Limits { ratio_min: None, ratio_max: None, value_min: None, value_max: None };
        match self {
            Wanted::Ratio(least) => Limits { ratio_min: Some(least), ..none },
            Wanted::RatioAndValue(ratio, value) => {
                Limits { ratio_min: Some(ratio), value_min: Some(value), ..none }
            }
            Wanted::RatioAtMost(most) => Limits { ratio_max: Some(most), ..none },
            Wanted::RatioAndValueAtMost(ratio, value) => {
                Limits { ratio_max: Some(ratio), value_max: Some(value), ..none }
            }
            Wanted::AtMost(most) => Limits { value_max: Some(most), ..none },
            Wanted::Nothing => none,
        }
    }
}

/// An object of the limits that there are, or null.
impl Serialize for Wanted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Wanted::Nothing {
            return serializer.serialize_none();
        }
        let limits = self.limits();
        let named = [
            ("ratio_min", limits.ratio_min),
            ("ratio_max", limits.ratio_max),
            ("value_min", limits.value_min),
            ("value_max", limits.value_max),
        ];
        let mut map = serializer.serialize_map(None)?;
        for (name, limit) in named {
            if let Some(limit) = limit {
                map.serialize_entry(name, &limit)?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_met_when_reached_exactly_and_missed_just_beside() {
        assert_eq!(Wanted::Ratio(0.5).met(1.0, Some(0.5)), Some(true));
        assert_eq!(Wanted::Ratio(0.5).met(1.0, Some(0.499)), Some(false));
        assert_eq!(Wanted::RatioAtMost(2.0).met(1.0, Some(2.0)), Some(true));
        assert_eq!(Wanted::RatioAtMost(2.0).met(1.0, Some(2.01)), Some(false));
        assert_eq!(Wanted::AtMost(100.0).met(100.0, None), Some(true));
        assert_eq!(Wanted::AtMost(100.0).met(100.1, None), Some(false));
    }

    #[test]
    fn of_two_limits_both_are_to_be_kept() {
        let wanted = Wanted::RatioAndValue(0.5, 1e6);
        assert_eq!(wanted.met(1e6, Some(0.5)), Some(true));
        assert_eq!(wanted.met(0.9e6, Some(0.6)), Some(false));
        assert_eq!(wanted.met(2e6, Some(0.4)), Some(false));
        let wanted = Wanted::RatioAndValueAtMost(2.0, 1e3);
        assert_eq!(wanted.met(1e3, Some(2.0)), Some(true));
        assert_eq!(wanted.met(1.1e3, Some(1.0)), Some(false));
        assert_eq!(wanted.met(0.9e3, Some(2.1)), Some(false));
    }

    #[test]
    fn where_nothing_is_wanted_nothing_is_met_or_missed() {
        assert_eq!(Wanted::Nothing.met(0.0, None), None);
        assert_eq!(Wanted::Nothing.text(), "-");
    }

    #[test]
    fn a_ratio_without_a_baseline_is_missed() {
        assert_eq!(Wanted::Ratio(0.5).met(1e9, None), Some(false));
    }

    #[test]
    fn people_read_the_same_limits_as_programs() {
        let wanted = Wanted::RatioAndValue(0.5, 1e6);
        assert_eq!(wanted.text(), "ratio >= 0.5, value >= 1.00M");
        let json = serde_json::to_string(&wanted).unwrap();
        assert_eq!(json, r#"{"ratio_min":0.5,"value_min":1000000.0}"#);
        assert_eq!(serde_json::to_string(&Wanted::AtMost(0.0)).unwrap(), r#"{"value_max":0.0}"#);
        assert_eq!(serde_json::to_string(&Wanted::Nothing).unwrap(), "null");
    }
}
