//! The table at the end of a run.

use std::fmt::Write;

use crate::duration;
use crate::figures::Figures;
use crate::network::lane::Traffic;
use crate::outcome::Outcome;

/// The outcome as a table, one figure a line, then one class a line, with examples of what was refused and what went wrong.
pub fn render(outcome: &Outcome) -> String {
    let counts = &outcome.counts;
    let latency = |quantile| duration::show(counts.latency_at(quantile));
    let rows = [
        ("connected", format!("{} of {} clients", outcome.connected, outcome.clients)),
        ("played", duration::show(outcome.played)),
        ("requests", grouped(counts.requests())),
        ("requests/s", grouped(outcome.requests_per_s().round() as u64)),
        ("latency p50", latency(0.5)),
        ("latency p90", latency(0.9)),
        ("latency p99", latency(0.99)),
        ("latency p99.9", latency(0.999)),
        ("latency max", duration::show(counts.latency_max())),
        ("events", grouped(counts.events)),
        ("refusals", grouped(counts.refusals)),
        ("errors", grouped(counts.errors)),
        ("connect retries", grouped(counts.connect_retries)),
        ("reconnects", grouped(counts.reconnects)),
        ("resumed", grouped(counts.resumed)),
        ("bytes up", grouped(counts.bytes_up)),
        ("bytes down", grouped(counts.bytes_down)),
        ("ledger", ledger(outcome)),
    ];
    let network = outcome.network.iter().flat_map(|network| {
        [("packets up", network.up), ("packets down", network.down)]
            .map(|(name, traffic)| (name, packets(&traffic)))
    });
    let mut table = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(table, "{text}");
    };
    for (name, figure) in rows.into_iter().chain(network) {
        line(format_args!("  {name:<15} {figure}"));
    }
    if outcome.classes.len() > 1 {
        by_class(outcome).into_iter().for_each(|row| line(format_args!("  {row}")));
    }
    for (kind, texts) in [("refused", &counts.refusal_texts), ("error", &counts.error_texts)] {
        for (text, times) in texts {
            line(format_args!("  {kind} {times} times: {text}"));
        }
    }
    for difference in &outcome.differences {
        line(format_args!("  differs: {difference}"));
    }
    table
}

/// A heading and a row for each class, in columns.
fn by_class(outcome: &Outcome) -> Vec<String> {
    let mut rows = vec![COLUMNS.map(|(name, _)| name.to_owned())];
    rows.extend(outcome.classes.iter().map(|class| {
        let figures = outcome.figures_of(class);
        COLUMNS
            .map(|(name, show)| if name == "class" { class.name.clone() } else { show(&figures) })
    }));
    let widths: Vec<usize> = (0..COLUMNS.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
        .collect();
    let aligned = |row: &[String; COLUMNS.len()]| {
        let cells =
            row.iter().zip(&widths).enumerate().map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
        cells.collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(aligned).collect()
}

type Show = fn(&Figures) -> String;

/// The columns of a table by class, and what stands in them. The first has the class's name.
pub(crate) const COLUMNS: [(&str, Show); 14] = [
    ("class", |_| String::new()),
    ("clients", |figures| grouped(figures.clients.into())),
    ("requests", |figures| grouped(figures.requests)),
    ("requests/s", |figures| grouped(figures.requests_per_s.round() as u64)),
    ("p50", |figures| duration::show_us(figures.p50_us)),
    ("p90", |figures| duration::show_us(figures.p90_us)),
    ("p99", |figures| duration::show_us(figures.p99_us)),
    ("p99.9", |figures| duration::show_us(figures.p999_us)),
    ("max", |figures| duration::show_us(figures.max_us)),
    ("refusals", |figures| grouped(figures.refusals)),
    ("errors", |figures| grouped(figures.errors)),
    ("reconnects", |figures| grouped(figures.reconnects)),
    ("bytes up", |figures| grouped(figures.bytes_up)),
    ("bytes down", |figures| grouped(figures.bytes_down)),
];

fn ledger(outcome: &Outcome) -> String {
    match (outcome.settled, outcome.difference_count) {
        (0, _) => "no client could compare".to_owned(),
        (settled, 0) => format!("balanced for {settled} clients"),
        (settled, differing) => format!("differs for {differing} of {settled} clients"),
    }
}

fn packets(traffic: &Traffic) -> String {
    let Traffic { packets, lost, cut, overflowed, duplicated, strayed, .. } = *traffic;
    let [packets, lost, cut, overflowed, duplicated, strayed] =
        [packets, lost, cut, overflowed, duplicated, strayed].map(grouped);
    format!(
        "{packets}: {lost} lost, {cut} cut off, {overflowed} too many, {duplicated} doubled, {strayed} astray"
    )
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::counts::Counts;
    use crate::network::relay::BothWays;
    use crate::outcome::ClassOutcome;
    use crate::tally::Tally;

    #[test]
    fn every_figure_is_in_the_table() {
        let tally = Tally::default();
        for ms in 1..=2000 {
            tally.answered(Duration::from_millis(ms), (ms == 1).then_some("too poor"));
        }
        tally.error("gone");
        let mut counts = Counts::default();
        tally.collect_into(&mut counts);
        let table = render(&Outcome {
            clients: 10,
            connected: 9,
            played: Duration::from_secs(1),
            classes: vec![
                ClassOutcome { name: "trader".to_owned(), clients: 9, counts: counts.clone() },
                ClassOutcome { name: "idler".to_owned(), clients: 1, ..ClassOutcome::default() },
            ],
            counts,
            network: Some(BothWays {
                up: Traffic { packets: 1500, lost: 75, ..Traffic::default() },
                ..BothWays::default()
            }),
            settled: 8,
            differences: vec!["sim-1: lost a shell".to_owned()],
            difference_count: 1,
            ..Outcome::default()
        });
        for expected in [
            "connected       9 of 10 clients",
            "requests        2,000",
            "requests/s      2,000",
            "latency p50     1.00 s",
            "refusals        1\n",
            "errors          1\n",
            "differs for 1 of 8 clients",
            "refused 1 times: too poor",
            "error 1 times: gone",
            "packets up      1,500: 75 lost, 0 cut off,",
            "differs: sim-1: lost a shell",
            "class   clients  requests  requests/s  ",
            "trader        9     2,000       2,000  1.00 s  1.80 s",
            "idler         1         0           0    0 µs    0 µs",
        ] {
            assert!(table.contains(expected), "{expected} is not in\n{table}");
        }
    }

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
