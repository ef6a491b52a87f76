//! What came of a run, and whether that is good enough.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::counts::Counts;
use crate::figures::{Figures, per_s};
use crate::marks::Mark;
use crate::network::relay::BothWays;
use crate::require::Requirements;

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How many clients there should have been.
    pub clients: u32,
    /// How many of them got in.
    pub connected: u32,
    /// How long they played; less than planned if the run was ended early.
    pub played: Duration,
    /// Everything that was counted while they played, and every error also from before and after.
    pub counts: Counts,
    /// The same of each class, in the plan's order.
    pub classes: Vec<ClassOutcome>,
    /// How it went, second by second.
    pub seconds: Vec<Second>,
    /// What happened meanwhile.
    pub marks: Vec<Mark>,
    /// What the network did to packets, if one was put in between.
    pub network: Option<BothWays>,
    /// How many clients compared what they were told with what the server says in the end.
    pub settled: u32,
    /// Where that differed; at most [`DIFFERENCES_MAX`] of them.
    pub differences: Vec<String>,
    /// How many differences there were.
    pub difference_count: u64,
    /// Figures that somebody else than the clients measured, as the server's memory, by names with a dot in them. They are in the
    /// report, and requirements can name them.
    pub extra: BTreeMap<String, f64>,
    /// What else is not as it must be, in words.
    pub problems: Vec<String>,
}

/// What came of one class.
#[derive(Clone, Debug, Default)]
pub struct ClassOutcome {
    /// Its name.
    pub name: String,
    /// How many clients it has.
    pub clients: u32,
    /// What they counted.
    pub counts: Counts,
}

/// How a second went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Second {
    /// When it ended, counted from when the clients began to play.
    pub at: Duration,
    /// How long it took: a busy machine is late at times.
    pub lasted: Duration,
    /// The figures of all.
    pub all: Figures,
    /// Those of each class, in the plan's order.
    pub classes: Vec<Figures>,
}

/// How many differences are kept in words.
pub const DIFFERENCES_MAX: usize = 20;

impl Outcome {
    /// Answered calls in a second.
    pub fn requests_per_s(&self) -> f64 {
        per_s(self.counts.requests(), self.played)
    }

    /// What clients have done in a second, whether that takes a call, several or none.
    pub fn acts_per_s(&self) -> f64 {
        per_s(self.counts.acts, self.played)
    }

    /// The figures of all clients over the whole run.
    pub fn figures(&self) -> Figures {
        Figures::of(&self.counts, self.played, self.connected)
    }

    /// Those of one class.
    pub fn figures_of(&self, class: &ClassOutcome) -> Figures {
        Figures::of(&class.counts, self.played, class.clients)
    }

    /// Everything that is not as it must be, in words; empty if all is well.
    pub fn failures(&self, requirements: &Requirements) -> Vec<String> {
        let mut failures = Vec::new();
        if self.connected < self.clients {
            failures.push(format!("only {} of {} clients connected", self.connected, self.clients));
        }
        if self.counts.errors > 0 {
            failures.push(format!("{} errors", self.counts.errors));
        }
        if self.difference_count > 0 {
            failures.push(format!(
                "{} clients were told something else than the world says",
                self.difference_count
            ));
        }
        failures.extend(self.problems.iter().cloned());
        failures.extend(requirements.unmet(self));
        failures
    }
}
