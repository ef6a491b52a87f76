//! What an attack did, and how it ended for the attackers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::counts::note;
use crate::tally::without_numbers;

/// Counts of one attack, shared by all its hands.
#[derive(Debug, Default)]
pub struct Toll {
    attempts: AtomicU64,
    ends: Mutex<BTreeMap<String, u64>>,
    successes: Mutex<BTreeMap<String, u64>>,
}

impl Toll {
    /// Something was tried so many times: a connection, a packet, a frame, as the attack has it.
    pub fn tried(&self, times: u64) {
        self.attempts.fetch_add(times, Ordering::Relaxed);
    }

    /// The server put an end to one attempt in these words.
    pub fn ended(&self, words: &str) {
        note(&mut self.ends.lock(), &without_numbers(words), 1);
    }

    /// An attempt got what no attacker may get.
    pub fn succeeded(&self, at: &str) {
        note(&mut self.successes.lock(), at, 1);
    }

    /// What attackers got that they may not get, and how often; empty if all is well.
    pub fn successes(&self) -> BTreeMap<String, u64> {
        self.successes.lock().clone()
    }

    /// How much was tried.
    pub fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Relaxed)
    }

    /// The server's words, with `N` for every number, and how often they came.
    pub fn ends(&self) -> BTreeMap<String, u64> {
        self.ends.lock().clone()
    }
}

impl fmt::Display for Toll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tried {} times", self.attempts())?;
        for (words, times) in self.ends() {
            writeln!(f, "ended {times} times: {words}")?;
        }
        for (at, times) in self.successes() {
            writeln!(f, "{SUCCEEDED} {times} times: {at}")?;
        }
        Ok(())
    }
}

/// How the lines begin of what attackers must not get.
pub(super) const SUCCEEDED: &str = "SUCCEEDED";
