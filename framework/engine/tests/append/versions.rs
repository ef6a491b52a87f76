//! The order of each list's values, and who appended them, recovered from what was read.
//!
//! A list only grows, so whoever saw all of it saw the order of all appends before: that is what makes
//! list-append histories easy to judge.

use std::collections::{BTreeMap, HashMap};

use crate::history::History;

/// What a history tells about the versions of its lists.
pub(crate) struct Versions<'h> {
    history: &'h History,
    longest: BTreeMap<usize, &'h [u64]>,
    appenders: HashMap<(usize, u64), usize>,
}

impl<'h> Versions<'h> {
    /// # Panics
    /// A value was appended twice: then nothing can be told from it.
    pub(crate) fn new(history: &'h History) -> Self {
        let mut appenders = HashMap::new();
        let mut values = HashMap::new();
        for (place, transaction) in history.transactions.iter().enumerate() {
            for (list, value) in transaction.appends() {
                appenders.insert((list, value), place);
                let earlier = values.insert(value, place);
                assert!(earlier.is_none(), "{value} was appended by T{place} and {earlier:?}");
            }
        }
        let mut longest: BTreeMap<usize, &[u64]> = BTreeMap::new();
        for (_, transaction) in history.committed() {
            for (list, values) in transaction.reads() {
                let known = longest.entry(list).or_default();
                if values.len() > known.len() {
                    *known = values;
                }
            }
        }
        Self { history, longest, appenders }
    }

    /// The lists that somebody has read, each with the longest that anybody saw of it.
    pub(crate) fn lists(&self) -> impl Iterator<Item = (usize, &'h [u64])> {
        self.longest.iter().map(|(list, values)| (*list, *values))
    }

    /// The longest that anybody saw of `list`.
    pub(crate) fn longest(&self, list: usize) -> &'h [u64] {
        self.longest.get(&list).copied().unwrap_or_default()
    }

    /// Who appended `value` to `list`, successfully or not.
    pub(crate) fn appender(&self, list: usize, value: u64) -> Option<usize> {
        self.appenders.get(&(list, value)).copied()
    }

    /// Who appended `value` to `list` and committed.
    pub(crate) fn committed_appender(&self, list: usize, value: u64) -> Option<usize> {
        let appender = self.appender(list, value)?;
        self.history.transactions[appender].is_committed().then_some(appender)
    }

    /// The committed appends that no longest read holds: appender, list and value.
    pub(crate) fn unseen(&self) -> Vec<(usize, usize, u64)> {
        let appends = self.history.committed().flat_map(|(place, transaction)| {
            transaction.appends().map(move |(list, value)| (place, list, value))
        });
        appends.filter(|(_, list, value)| !self.longest(*list).contains(value)).collect()
    }
}
