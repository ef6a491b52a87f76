//! Tests of reports: the shape of the JSON, and what a page may not contain.

use std::time::Duration;

use daystar_client::builder::Trust;
use serde_json::Value;

use crate::counts::Counts;
use crate::outcome::{ClassOutcome, Second};
use crate::plan::Class;

use super::*;

fn plan() -> Plan {
    let classes = vec![Class::new("walker", 3), Class::new("trader", 1)];
    Plan::new(([127, 0, 0, 1], 4433).into(), Trust::Anyone, classes)
}

/// Three seconds, in the second of which the server was away.
fn outcome() -> Outcome {
    let figures = |requests, p99_us| Figures { requests, p99_us, clients: 3, ..Figures::default() };
    let second = |at, all: Figures| Second {
        at: Duration::from_secs(at),
        lasted: Duration::from_secs(1),
        classes: vec![all.clone(), Figures::default()],
        all,
    };
    let mut counts = Counts::default();
    counts.error("<script>alert(\"gone\")</script> & more");
    counts.latency_us.saturating_record_n(1500, 20);
    Outcome {
        clients: 4,
        connected: 4,
        played: Duration::from_secs(3),
        counts: counts.clone(),
        classes: vec![
            ClassOutcome { name: "walker".to_owned(), clients: 3, counts },
            ClassOutcome { name: "trader".to_owned(), clients: 1, ..ClassOutcome::default() },
        ],
        seconds: vec![
            second(1, figures(10, 1500)),
            second(2, figures(0, 0)),
            second(3, figures(10, 90_000)),
        ],
        marks: vec![Mark { at_s: 1.2, what: "killed <1>".to_owned() }],
        settled: 4,
        extra: [("server.rss.growth".to_owned(), 0.5)].into(),
        ..Outcome::default()
    }
}

#[test]
fn the_json_has_every_figure_by_class_and_by_second() {
    let (outcome, plan) = (outcome(), plan());
    let failures = outcome.failures(&Default::default());
    let report = Report::new(&outcome, &plan, "tideland", "client-sim run".to_owned(), &failures);
    let json: Value = serde_json::to_value(&report).expect("JSON");
    assert_eq!(json["version"], 1);
    assert_eq!(json["all"]["requests"], 20);
    assert_eq!(json["classes"]["walker"]["p99_us"], json["all"]["p99_us"]);
    assert_eq!(json["classes"]["trader"]["clients"], 1);
    let seconds = json["seconds"].as_array().expect("seconds");
    assert_eq!(seconds.len(), 3);
    assert_eq!(seconds[2]["at_s"], 3.0);
    assert_eq!(seconds[2]["all"]["p99_us"], 90_000);
    assert_eq!(seconds[2]["classes"]["walker"]["requests"], 10);
    assert_eq!(json["marks"][0]["what"], "killed <1>");
    assert_eq!(json["failures"][0], "1 errors");
    assert_eq!(json["plan"]["classes"][1]["name"], "trader");
    assert_eq!(json["extra"]["server.rss.growth"], 0.5);
}

#[test]
fn the_page_has_every_plot_and_loads_nothing() {
    let (outcome, plan) = (outcome(), plan());
    let report = Report::new(&outcome, &plan, "tideland", "client-sim --x '<b>'".to_owned(), &[]);
    let page = page(&report).expect("a page");
    assert_eq!(page.matches("<svg").count(), 7);
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    for load in ["http://", "https://", "src=", "href=", "url(", "@import", "<script", "<b>"] {
        assert!(!page.contains(load), "{load} is in the page");
    }
    assert!(page.contains("&lt;script&gt;alert(&quot;gone&quot;)&lt;/script&gt; &amp; more"));
    assert!(page.contains("client-sim --x &#39;&lt;b&gt;&#39;"));
    // In the list, and at the line in each plot.
    assert_eq!(page.matches("killed &lt;1&gt;").count(), 8);
    assert!(page.contains("<span style=\"color:#e69f00\">&#9632;</span> trader"));
    assert!(page.contains("all went well") && page.contains("90.0 ms"));
}

#[test]
fn a_run_that_was_over_at_once_has_a_page_too() {
    let (outcome, plan) = (Outcome::default(), plan());
    let report = Report::new(&outcome, &plan, "tideland", String::new(), &[]);
    assert_eq!(page(&report).expect("a page").matches("<svg").count(), 7);
}
