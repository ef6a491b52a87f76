//! The page: one file with everything in it, plots included, that opens without a network.

use std::fmt::Write;

use crate::duration;
use crate::figures::Figures;
use crate::report::plot::{Line, Plot};
use crate::report::{Report, ReportError};
use crate::table::{COLUMNS, grouped};

/// The page of a run.
///
/// # Errors
/// A plot could not be drawn.
pub fn page(report: &Report<'_>) -> Result<String, ReportError> {
    let title = format!("{} clients of {}", report.clients, report.game);
    let verdict = match report.failures {
        [] => "<p class=\"good\">all went well</p>".to_owned(),
        failures => list("bad", failures.iter().map(|failure| format!("FAILED: {failure}"))),
    };
    let mut plots = String::new();
    for plot in plots_of(report) {
        let key = plot.key().map(|(name, color)| {
            format!("<span style=\"color:{color}\">&#9632;</span> {} ", escape(name))
        });
        let (title, key, svg) = (escape(&plot.title), key.collect::<String>(), plot.draw()?);
        plots += &format!("<h2>{title}</h2>\n<div class=\"key\">{key}</div>\n{svg}\n");
    }
    let mut notes = Vec::new();
    let texts = [("refused", report.refusal_texts), ("error", report.error_texts)];
    for (kind, texts) in texts {
        notes.extend(texts.iter().map(|(text, times)| format!("{kind} {times} times: {text}")));
    }
    notes.extend(report.differences.iter().map(|difference| format!("differs: {difference}")));
    notes.extend(report.extra.iter().map(|(name, figure)| format!("{name}: {figure}")));
    notes
        .extend(report.marks.iter().map(|mark| format!("after {:.1} s: {}", mark.at_s, mark.what)));
    let plan = serde_json::to_string_pretty(report.plan)?;
    Ok(format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{verdict}\n\
         <p>{connected} connected, {played:.1} s played, seed {seed}, ledger compared by {settled} and different for {differing}</p>\n\
         <p><code>{command}</code></p>\n{classes}\n{notes}\n{plots}\n\
         <h2>Second by second</h2>\n<details><summary>{count} seconds</summary>\n{seconds}\n</details>\n\
         <h2>What was run</h2>\n<pre>{plan}</pre>\n</body>\n</html>\n",
        title = escape(&title),
        connected = report.connected,
        played = report.played_s,
        seed = report.plan.seed,
        settled = report.settled,
        differing = report.difference_count,
        command = escape(&report.command),
        classes = classes(report),
        notes = list("notes", notes.into_iter()),
        count = report.seconds.len(),
        seconds = seconds(report),
        plan = escape(&plan),
    ))
}

/// Every plot, from the most looked at to the least.
fn plots_of<'r>(report: &'r Report<'_>) -> Vec<Plot<'r>> {
    let plot = |title: &str, show: fn(f64) -> String, lines| Plot {
        title: title.to_owned(),
        show,
        is_log: false,
        lines,
        marks: report.marks,
        length_s: report.seconds.last().map_or(1.0, |second| second.at_s),
    };
    // A second without a call has no latency.
    let latency = |at: fn(&Figures) -> u64| {
        move |figures: &Figures, _: f64| (figures.requests > 0).then(|| at(figures).max(1) as f64)
    };
    let per_s = |count: fn(&Figures) -> u64| {
        move |figures: &Figures, lasted_s: f64| Some(count(figures) as f64 / lasted_s.max(1e-3))
    };
    let percentiles = vec![
        all(report, "p50", latency(|figures| figures.p50_us)),
        all(report, "p90", latency(|figures| figures.p90_us)),
        all(report, "p99", latency(|figures| figures.p99_us)),
        all(report, "max", latency(|figures| figures.max_us)),
    ];
    let p99s = by_class(report, latency(|figures| figures.p99_us));
    let failures = vec![
        all(report, "errors", per_s(|figures| figures.errors)),
        all(report, "sessions begun again", per_s(|figures| figures.reconnects)),
        all(report, "sessions resumed", per_s(|figures| figures.resumed)),
        all(report, "connects tried again", per_s(|figures| figures.connect_retries)),
    ];
    let bytes = vec![
        all(report, "up", per_s(|figures| figures.bytes_up)),
        all(report, "down", per_s(|figures| figures.bytes_down)),
    ];
    let clients = by_class(report, |figures: &Figures, _| Some(figures.clients.into()));
    vec![
        Plot { is_log: true, ..plot("Latency of all", show_time, percentiles) },
        Plot { is_log: true, ..plot("Latency by class, p99", show_time, p99s) },
        plot("Requests/s", show_number, by_class(report, per_s(|figures| figures.requests))),
        plot("Refusals/s", show_number, by_class(report, per_s(|figures| figures.refusals))),
        plot("Errors and lost connections/s", show_number, failures),
        plot("Clients", show_number, clients),
        plot("Bytes/s", show_number, bytes),
    ]
}

fn show_time(us: f64) -> String {
    duration::show_us(us.round() as u64)
}

fn show_number(number: f64) -> String {
    if number.fract() == 0.0 { grouped(number as u64) } else { format!("{number:.1}") }
}

/// A line of the figures of all.
fn all<'r>(
    report: &Report<'_>,
    name: &'r str,
    value: impl Fn(&Figures, f64) -> Option<f64>,
) -> Line<'r> {
    let seconds = report.seconds.iter();
    let points = seconds.map(|second| (second.at_s, value(second.all, second.lasted_s)));
    Line { name, points: points.collect() }
}

/// A line for each class.
fn by_class<'r>(
    report: &'r Report<'_>,
    value: impl Fn(&Figures, f64) -> Option<f64>,
) -> Vec<Line<'r>> {
    let class = |(at, (name, _)): (usize, &(&'r str, Figures))| {
        let points = report.seconds.iter().map(|second| {
            let figures = second.classes.get(at).map(|(_, figures)| *figures);
            (second.at_s, figures.and_then(|figures| value(figures, second.lasted_s)))
        });
        Line { name, points: points.collect() }
    };
    report.classes.iter().enumerate().map(class).collect()
}

/// The figures of each class and of all.
fn classes(report: &Report<'_>) -> String {
    let mut table = heading("");
    for (name, figures) in &report.classes {
        table += &row(name, None, figures);
    }
    table += &row("all", None, &report.all);
    format!("<table>\n{table}</table>")
}

/// The figures of all and of each class in each second.
fn seconds(report: &Report<'_>) -> String {
    let mut table = heading("<th>s</th>");
    for second in &report.seconds {
        let at = Some(second.at_s);
        table += &row("all", at, second.all);
        // Of a single one they are the same.
        for (name, figures) in second.classes.iter().filter(|_| second.classes.len() > 1) {
            table += &row(name, at, figures);
        }
    }
    format!("<table>\n{table}</table>")
}

fn heading(before: &str) -> String {
    let cells: String =
        COLUMNS.iter().map(|(name, _)| format!("<th>{}</th>", escape(name))).collect();
    format!("<tr>{before}{cells}</tr>\n")
}

fn row(name: &str, at_s: Option<f64>, figures: &Figures) -> String {
    let mut row = "<tr>".to_owned();
    // Writing to a string cannot fail.
    if let Some(at_s) = at_s {
        let _ = write!(row, "<td>{at_s:.0}</td>");
    }
    let _ = write!(row, "<td>{}</td>", escape(name));
    for (_, show) in &COLUMNS[1..] {
        let _ = write!(row, "<td>{}</td>", escape(&show(figures)));
    }
    row + "</tr>\n"
}

fn list(class: &str, items: impl Iterator<Item = String>) -> String {
    let items: String = items.map(|item| format!("<li>{}</li>\n", escape(&item))).collect();
    if items.is_empty() { items } else { format!("<ul class=\"{class}\">\n{items}</ul>") }
}

/// Text as it may stand in a page, whatever is in it.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            character => escaped.push(character),
        }
    }
    escaped
}

const STYLE: &str = "body{font:14px/1.5 sans-serif;color:#222;max-width:960px;margin:2em auto;padding:0 1em}\
h1{font-size:1.5em}h2{font-size:1.1em;margin:1.5em 0 .3em}table{border-collapse:collapse;font-size:12px}\
th,td{padding:.2em .6em;text-align:right;border-bottom:1px solid #ddd;white-space:nowrap}\
td:first-child,th:first-child{text-align:left}svg{max-width:100%;height:auto}\
.key{font-size:12px;text-align:right}pre,code{background:#f5f5f5;padding:.2em .4em;overflow-x:auto}.good{color:#00703c}.bad{color:#b01e2d}";
