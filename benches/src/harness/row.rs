//! One case, measured: a line of the table, or of JSON.

use serde::Serialize;

use super::wanted::Wanted;

/// One case, measured. The fields are the keys of the JSON line, in this order.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    bench: &'static str,
    case: String,
    value: f64,
    unit: &'static str,
    baseline: Option<f64>,
    ratio: Option<f64>,
    wanted: Wanted,
    met: Option<bool>,
}

impl Row {
    /// A row; `against` is the baseline and the ratio to it. `None` if a figure is no number, so was not measured.
    pub(crate) fn new(
        bench: &'static str,
        case: String,
        value: f64,
        unit: &'static str,
        against: Option<(f64, f64)>,
        wanted: Wanted,
    ) -> Option<Self> {
        let (baseline, ratio) = against.unzip();
        let met = wanted.met(value, ratio);
        let is_measured = [Some(value), baseline, ratio].iter().flatten().all(|v| v.is_finite());
        is_measured.then_some(Self { bench, case, value, unit, baseline, ratio, wanted, met })
    }

    /// Whether more was wanted than was reached.
    pub(crate) fn is_missed(&self) -> bool {
        self.met == Some(false)
    }

    /// For programs.
    pub(crate) fn json(&self) -> String {
        // Numbers, texts and no maps with keys of other types: there is nothing that JSON cannot say.
        serde_json::to_string(self).unwrap_or_else(|cause| panic!("a row is always JSON: {cause}"))
    }

    /// For people.
    pub(crate) fn line(&self) -> String {
        columns([
            self.bench,
            &self.case,
            format!("{} {}", round(self.value), self.unit).trim_end(),
            &self.baseline.map_or("-".to_owned(), round),
            &self.ratio.map_or("-".to_owned(), |ratio| format!("{ratio:.3}")),
            &self.wanted.text(),
            self.met.map_or("-", |met| if met { "yes" } else { "no" }),
        ])
    }
}

/// What stands above the lines for people.
pub(crate) fn heading() -> String {
    columns(["bench", "case", "value", "baseline", "ratio", "wanted", "met"])
}

fn columns([bench, case, value, baseline, ratio, wanted, met]: [&str; 7]) -> String {
    format!("{bench:<9} {case:<48} {value:>15} {baseline:>10} {ratio:>8} {wanted:>28} {met:>4}")
}

/// Four significant digits are more than a shared machine can give; counts that have no more are whole.
pub(crate) fn round(value: f64) -> String {
    match value.abs() {
        v if v >= 1e6 => format!("{:.2}M", value / 1e6),
        v if v >= 1e4 => format!("{:.1}k", value / 1e3),
        v if v.fract() == 0.0 => value.to_string(),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 0.1 => format!("{value:.3}"),
        _ => format!("{value:.5}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_json_has_these_keys_in_this_order() {
        let row = Row::new(
            "inproc",
            "2 threads".to_owned(),
            1.5e6,
            "tasks/s",
            Some((3e6, 0.5)),
            Wanted::RatioAndValue(0.5, 1e6),
        );
        assert_eq!(
            row.unwrap().json(),
            r#"{"bench":"inproc","case":"2 threads","value":1500000.0,"unit":"tasks/s","#
                .to_owned()
                + r#""baseline":3000000.0,"ratio":0.5,"#
                + r#""wanted":{"ratio_min":0.5,"value_min":1000000.0},"met":true}"#
        );
    }

    #[test]
    fn what_a_case_lacks_is_null_and_not_left_out() {
        let row = Row::new("growth", "10^3".to_owned(), 2.0, "x", None, Wanted::Nothing).unwrap();
        assert_eq!(
            row.json(),
            r#"{"bench":"growth","case":"10^3","value":2.0,"unit":"x","baseline":null,"#.to_owned()
                + r#""ratio":null,"wanted":null,"met":null}"#
        );
        assert!(!row.is_missed());
    }

    #[test]
    fn a_figure_that_was_not_measured_is_no_row() {
        let row =
            |value, against| Row::new("b", "c".to_owned(), value, "", against, Wanted::Ratio(1.0));
        assert!(row(f64::NAN, None).is_none());
        assert!(row(1.0, Some((0.0, f64::INFINITY))).is_none());
        assert!(row(1.0, Some((2.0, 0.5))).is_some_and(|row| row.is_missed()));
    }

    #[test]
    fn a_line_of_the_table_stands_under_the_heading() {
        let wanted = Wanted::Ratio(1.9);
        let row = Row::new("scaling", "2 threads".to_owned(), 98_765.0, "tasks/s", None, wanted);
        let line = row.unwrap().line();
        let words: Vec<&str> = line.split_whitespace().collect();
        let right = ["scaling", "2", "threads", "98.8k", "tasks/s", "-", "-", "ratio", ">=", "1.9"];
        assert_eq!(words, [&right[..], &["no"]].concat());
        assert_eq!(line.chars().count(), heading().chars().count());
    }

    #[test]
    fn numbers_are_rounded_to_what_can_be_read() {
        let texts = [2_345_678.0, 23_456.0, 234.56, 2.3456, 0.001_234].map(round);
        assert_eq!(texts, ["2.35M", "23.5k", "234.6", "2.346", "0.00123"]);
        assert_eq!([0.0, 1_234.0].map(round), ["0", "1234"]);
    }
}
