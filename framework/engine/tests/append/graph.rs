//! Which committed transaction must come before which, and why.

use crate::history::History;
use crate::versions::Versions;

/// Nodes are places in the history; those of failed transactions have no edges.
pub(crate) struct Graph {
    edges: Vec<Vec<Edge>>,
}

/// One transaction comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    /// The one that comes after.
    pub(crate) to: usize,
    pub(crate) why: Why,
}

/// Why one transaction comes before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It appended `value` to `list`, right before the other's `next`.
    AppendedBefore { list: usize, value: u64, next: u64 },
    /// The other saw `value` at the end of `list`, which this one had appended.
    WasSeen { list: usize, value: u64 },
    /// It saw `list` up to `last`, without the other's `next`.
    DidNotSee { list: usize, last: Option<u64>, next: u64 },
    /// It had completed when the other was invoked.
    CompletedBefore,
}

/// The kind of an edge. Of several between the same two transactions the first in this order is told: a cycle
/// with fewer `ReadWrite` edges is the stronger accusation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    WriteWrite,
    WriteRead,
    RealTime,
    ReadWrite,
}

impl Why {
    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::AppendedBefore { .. } => Kind::WriteWrite,
            Self::WasSeen { .. } => Kind::WriteRead,
            Self::DidNotSee { .. } => Kind::ReadWrite,
            Self::CompletedBefore => Kind::RealTime,
        }
    }
}

impl Graph {
    pub(crate) fn new(history: &History, versions: &Versions<'_>) -> Self {
        let mut graph = Self { edges: vec![Vec::new(); history.transactions.len()] };
        graph.write_write(versions);
        graph.reads(history, versions);
        graph.real_time(history);
        graph.edges.iter_mut().for_each(|edges| edges.sort_by_key(|edge| edge.why.kind()));
        graph
    }

    /// How many nodes there are.
    pub(crate) fn len(&self) -> usize {
        self.edges.len()
    }

    /// The edges that leave `node`.
    pub(crate) fn edges(&self, node: usize) -> &[Edge] {
        &self.edges[node]
    }

    /// Nobody comes before itself, so an edge from a node to itself says nothing.
    fn add(&mut self, from: usize, to: usize, why: Why) {
        if from != to {
            self.edges[from].push(Edge { to, why });
        }
    }

    /// The order in which each list's values stand is that of their appenders.
    fn write_write(&mut self, versions: &Versions<'_>) {
        for (list, values) in versions.lists() {
            for pair in values.windows(2) {
                let (value, next) = (pair[0], pair[1]);
                let from = versions.committed_appender(list, value);
                let to = versions.committed_appender(list, next);
                if let (Some(from), Some(to)) = (from, to) {
                    self.add(from, to, Why::AppendedBefore { list, value, next });
                }
            }
        }
    }

    /// A reader comes after the appender of the last value that it saw and before that of the next.
    fn reads(&mut self, history: &History, versions: &Versions<'_>) {
        let unseen = versions.unseen();
        for (reader, transaction) in history.committed() {
            for (list, values) in transaction.reads() {
                if let Some(&value) = transaction.without_own(list, values).last()
                    && let Some(appender) = versions.committed_appender(list, value)
                {
                    self.add(appender, reader, Why::WasSeen { list, value });
                }
                let longest = versions.longest(list);
                if !longest.starts_with(values) {
                    // What comes next is not known. That the orders are incompatible is told elsewhere.
                    continue;
                }
                let last = values.last().copied();
                if let Some(&next) = longest.get(values.len()) {
                    if let Some(appender) = versions.committed_appender(list, next) {
                        self.add(reader, appender, Why::DidNotSee { list, last, next });
                    }
                    continue;
                }
                // It saw all that anybody saw. What nobody saw must have been appended after it.
                for (appender, _, next) in unseen.iter().filter(|(_, unseen, _)| *unseen == list) {
                    self.add(reader, *appender, Why::DidNotSee { list, last, next: *next });
                }
            }
        }
    }

    /// A transaction that had completed when another was invoked comes before it.
    ///
    /// Only as many edges as are needed: a sweep over the ticks keeps those that have completed and have not been
    /// followed by another that has completed too. Whoever is invoked comes after these; after the rest it comes
    /// by way of these.
    fn real_time(&mut self, history: &History) {
        let mut ticks: Vec<(u64, bool, usize)> = Vec::new();
        for (place, transaction) in history.committed() {
            ticks.push((transaction.invoked, false, place));
            ticks.push((transaction.completed, true, place));
        }
        ticks.sort_unstable();
        let mut latest: Vec<usize> = Vec::new();
        for (_, is_completion, place) in ticks {
            if is_completion {
                let invoked = history.transactions[place].invoked;
                latest.retain(|before| history.transactions[*before].completed >= invoked);
                latest.push(place);
            } else {
                for before in &latest {
                    self.add(*before, place, Why::CompletedBefore);
                }
            }
        }
    }
}
