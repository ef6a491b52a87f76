//! What is told of a run when it is over: a table for people, a JSON file for programs, a page with plots.

mod html;
mod plot;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use crate::arguments::CrowdArgs;
use crate::cast::Cast;
use crate::figures::Figures;
use crate::marks::Mark;
use crate::network::relay::BothWays;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::table;

pub use html::page;

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The file.
    #[error("the report {} could not be written: {cause}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The JSON.
    #[error("the report could not be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A plot.
    #[error("the plot \"{title}\" could not be drawn: {cause}")]
    Plot {
        /// Which.
        title: String,
        /// Why.
        cause: String,
    },
}

/// Everything that is known of a run, as it stands in the JSON file. Times are in the unit that ends their names.
#[derive(Clone, Debug, Serialize)]
pub struct Report<'o> {
    /// By how many the meaning of the fields was changed.
    pub version: u32,
    /// The command line.
    pub command: String,
    /// The game.
    pub game: &'static str,
    /// What was to be run.
    pub plan: &'o Plan,
    /// How many clients there should have been.
    pub clients: u32,
    /// How many got in.
    pub connected: u32,
    /// How long they played.
    pub played_s: f64,
    /// How many compared in the end what they were told with what the server says.
    pub settled: u32,
    /// For how many it differed.
    pub difference_count: u64,
    /// Some of that in words.
    pub differences: &'o [String],
    /// Everything that is not as it must be; empty if all went well.
    pub failures: &'o [String],
    /// The figures of all clients.
    pub all: Figures,
    /// Those of each class, by name.
    #[serde(serialize_with = "by_name")]
    pub classes: Vec<(&'o str, Figures)>,
    /// Some of the refusals, and how often each came.
    pub refusal_texts: &'o BTreeMap<String, u64>,
    /// Some of the errors.
    pub error_texts: &'o BTreeMap<String, u64>,
    /// What the network did to packets.
    pub network: Option<BothWays>,
    /// What others measured.
    pub extra: &'o BTreeMap<String, f64>,
    /// What happened meanwhile.
    pub marks: &'o [Mark],
    /// How it went, second by second.
    pub seconds: Vec<ReportSecond<'o>>,
}

/// How a second went.
#[derive(Clone, Debug, Serialize)]
pub struct ReportSecond<'o> {
    /// When it ended.
    pub at_s: f64,
    /// How long it took.
    pub lasted_s: f64,
    /// The figures of all clients.
    pub all: &'o Figures,
    /// Those of each class, by name.
    #[serde(serialize_with = "by_name")]
    pub classes: Vec<(&'o str, &'o Figures)>,
}

/// Prints the table, writes the files that `args` ask for, and returns everything that is not as it must be.
///
/// # Errors
/// A file could not be written.
pub fn deliver(
    outcome: &Outcome,
    plan: &Plan,
    cast: &Cast,
    args: &CrowdArgs,
) -> Result<Vec<String>, ReportError> {
    print!("{}", table::render(outcome));
    let failures = outcome.failures(&args.require);
    let command: Vec<String> = std::env::args().collect();
    let report = Report::new(outcome, plan, cast.game(), command.join(" "), &failures);
    if let Some(file) = &args.json {
        write(file, &serde_json::to_string_pretty(&report)?)?;
    }
    if let Some(file) = &args.html {
        write(file, &html::page(&report)?)?;
    }
    Ok(failures)
}

impl<'o> Report<'o> {
    /// The report of a run.
    pub fn new(
        outcome: &'o Outcome,
        plan: &'o Plan,
        game: &'static str,
        command: String,
        failures: &'o [String],
    ) -> Self {
        let names = || outcome.classes.iter().map(|class| class.name.as_str());
        let seconds = outcome.seconds.iter().map(|second| ReportSecond {
            at_s: second.at.as_secs_f64(),
            lasted_s: second.lasted.as_secs_f64(),
            all: &second.all,
            classes: names().zip(&second.classes).collect(),
        });
        Self {
            version: 1,
            command,
            game,
            plan,
            clients: outcome.clients,
            connected: outcome.connected,
            played_s: outcome.played.as_secs_f64(),
            settled: outcome.settled,
            difference_count: outcome.difference_count,
            differences: &outcome.differences,
            failures,
            all: outcome.figures(),
            classes: names()
                .zip(outcome.classes.iter().map(|class| outcome.figures_of(class)))
                .collect(),
            refusal_texts: &outcome.counts.refusal_texts,
            error_texts: &outcome.counts.error_texts,
            network: outcome.network,
            extra: &outcome.extra,
            marks: &outcome.marks,
            seconds: seconds.collect(),
        }
    }
}

/// Pairs as an object, in their order.
fn by_name<F: Serialize, S: Serializer>(pairs: &[(&str, F)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(pairs.iter().map(|(name, figures)| (name, figures)))
}

fn write(file: &Path, text: &str) -> Result<(), ReportError> {
    fs::write(file, text).map_err(|cause| ReportError::File { file: file.to_owned(), cause })?;
    println!("report written to {}", file.display());
    Ok(())
}

#[cfg(test)]
mod tests;
