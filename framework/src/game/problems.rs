//! What is wrong with a world: listed up to a limit, and counted beyond it.

use std::collections::BTreeMap;

/// Everything that was found, in the order in which it was.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    limit: usize,
    listed: Vec<String>,
    kinds: BTreeMap<String, u64>,
}

impl Problems {
    /// None yet; no more than `limit` will be listed.
    pub(crate) fn up_to(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Adds a problem of this kind ("damaged"). Its text is asked for only if it will be listed; whether it was.
    pub(crate) fn add(&mut self, kind: &str, text: impl FnOnce() -> String) -> bool {
        match self.kinds.get_mut(kind) {
            Some(count) => *count += 1,
            None => {
                self.kinds.insert(kind.to_owned(), 1);
            }
        }
        let is_listed = self.listed.len() < self.limit;
        if is_listed {
            self.listed.push(text());
        }
        is_listed
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.kinds.values().sum()
    }

    /// How many there are of each kind.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (&str, u64)> {
        self.kinds.iter().map(|(kind, count)| (kind.as_str(), *count))
    }

    /// The first ones, in words.
    pub(crate) fn listed(&self) -> &[String] {
        &self.listed
    }

    pub(crate) fn into_listed(self) -> Vec<String> {
        self.listed
    }

    pub(crate) fn listed_mut(&mut self) -> &mut [String] {
        &mut self.listed
    }
}
