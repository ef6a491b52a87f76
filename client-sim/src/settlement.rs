//! What the clients found when they compared in the end.

use serde::{Deserialize, Serialize};

use crate::outcome::DIFFERENCES_MAX;

/// What the clients found when they compared what they were told with what the server says.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Settlement {
    /// How many compared.
    pub(crate) settled: u32,
    /// For how many something differed.
    pub(crate) differing: u64,
    /// Some of it in words.
    pub(crate) differences: Vec<String>,
}

impl Settlement {
    /// One client has compared.
    pub(crate) fn add(&mut self, client: &str, differences: Vec<String>) {
        self.settled += 1;
        self.differing += u64::from(!differences.is_empty());
        self.keep(differences.into_iter().map(|difference| format!("{client}: {difference}")));
    }

    /// Adds what others found.
    pub(crate) fn join(&mut self, other: Self) {
        self.settled += other.settled;
        self.differing += other.differing;
        self.keep(other.differences.into_iter());
    }

    fn keep(&mut self, differences: impl Iterator<Item = String>) {
        let room = DIFFERENCES_MAX.saturating_sub(self.differences.len());
        self.differences.extend(differences.take(room));
    }
}
