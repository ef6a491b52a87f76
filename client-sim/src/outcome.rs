//! What came of a run, and whether that is good enough.

use std::time::Duration;

use crate::network::relay::BothWays;
use crate::require::Requirements;
use crate::tally::Counts;

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How many clients there should have been.
    pub clients: u32,
    /// How many of them got in.
    pub connected: u32,
    /// How long they played; less than planned if the run was ended early.
    pub played: Duration,
    /// Everything that was counted while they played, and every error also from before and after.
    pub counts: Counts,
    /// What the network did to packets, if one was put in between.
    pub network: Option<BothWays>,
    /// How many clients compared what they were told with what the server says in the end.
    pub settled: u32,
    /// Where that differed; at most [`DIFFERENCES_MAX`] of them.
    pub differences: Vec<String>,
    /// How many differences there were.
    pub difference_count: u64,
}

/// How many differences are kept in words.
pub const DIFFERENCES_MAX: usize = 20;

impl Outcome {
    /// Answered calls in a second.
    pub fn requests_per_s(&self) -> f64 {
        let seconds = self.played.as_secs_f64();
        if seconds > 0.0 { self.counts.requests() as f64 / seconds } else { 0.0 }
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
        failures.extend(requirements.unmet(self));
        failures
    }
}
