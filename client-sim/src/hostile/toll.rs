//! What an attack did, and how it ended for the attackers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::tally::without_numbers;

/// Counts of one attack, shared by all its hands.
#[derive(Debug, Default)]
pub struct Toll {
    attempts: AtomicU64,
    ends: Mutex<BTreeMap<String, u64>>,
    successes: Mutex<BTreeMap<String, u64>>,
}

/// What a [`Toll`] has come to by some moment. One process can tell it to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reckoning {
    /// How much was tried.
    pub attempts: u64,
    /// In which words attempts came to an end, with `N` for every number, and how often each.
    pub ends: BTreeMap<String, u64>,
    /// What attackers got that they may not get, and how often; empty if all is well.
    pub successes: BTreeMap<String, u64>,
}

impl Toll {
    /// Something was tried so many times: a connection, a packet, a frame, as the attack has it.
    pub fn tried(&self, times: u64) {
        self.attempts.fetch_add(times, Ordering::Relaxed);
    }

    /// One attempt came to an end in these words: the server's, of which there are not many different ones.
    pub fn ended(&self, words: &str) {
        *self.ends.lock().entry(without_numbers(words)).or_default() += 1;
    }

    /// An attempt got what no attacker may get.
    pub fn succeeded(&self, at: &str) {
        *self.successes.lock().entry(at.to_owned()).or_default() += 1;
    }

    /// All that was counted until now.
    pub fn reckoning(&self) -> Reckoning {
        Reckoning {
            attempts: self.attempts.load(Ordering::Relaxed),
            ends: self.ends.lock().clone(),
            successes: self.successes.lock().clone(),
        }
    }
}

impl Reckoning {
    /// How often an attempt ended in words that contain these.
    pub fn told(&self, words: &str) -> u64 {
        self.ends.iter().filter(|(end, _)| end.contains(words)).map(|(_, times)| times).sum()
    }
}

impl fmt::Display for Reckoning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "tried {} times", self.attempts)?;
        for (words, times) in &self.ends {
            writeln!(f, "ended {times} times: {words}")?;
        }
        for (at, times) in &self.successes {
            writeln!(f, "SUCCEEDED {times} times: {at}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_in_other_numbers_is_the_same() {
        let toll = Toll::default();
        toll.ended("a frame of 70000 bytes is too long");
        toll.ended("a frame of 4097 bytes is too long");
        toll.ended("a frame of no bytes");
        let reckoning = toll.reckoning();
        assert_eq!((reckoning.told("is too long"), reckoning.told("a frame of")), (2, 3));
        assert_eq!((reckoning.told("goodbye"), reckoning.ends.len()), (0, 2));
    }
}
