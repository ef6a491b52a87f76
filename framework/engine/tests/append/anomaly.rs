//! What a history can show that a world with one transaction at a time never would.

use crate::cycle::Cycle;

/// Something that must not be. Transactions are places in the history.
#[derive(Debug)]
pub(crate) enum Anomaly {
    /// Two readers saw a list grow in different ways.
    IncompatibleOrders { list: usize, reader: usize, values: Vec<u64>, longest: Vec<u64> },
    /// A list holds a value twice, though it was appended once.
    Duplicated { list: usize, reader: usize, value: u64 },
    /// A list holds a value that nobody appended to it.
    Invented { list: usize, reader: usize, value: u64 },
    /// A list holds a value whose appender failed.
    DirtyRead { list: usize, reader: usize, value: u64, appender: usize },
    /// A transaction had committed, and a later one did not see what it had appended, nor did anybody.
    LostAppend { list: usize, appender: usize, value: u64, reader: usize },
    /// Within one transaction, a list was not what the transaction itself had made of it.
    Inconsistent { list: usize, reader: usize, wanted: Wanted, values: Vec<u64> },
    /// Transactions each of which comes before the next, and the last before the first.
    Cycle(Cycle),
}

/// What a transaction must see of a list that it has used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Exactly this: it has read the list already.
    Exactly(Vec<u64>),
    /// Something that ends like this: it has only appended so far.
    EndingIn(Vec<u64>),
}

impl Wanted {
    /// Whether `values` is what was wanted.
    pub(crate) fn is_met_by(&self, values: &[u64]) -> bool {
        match self {
            Self::Exactly(wanted) => values == wanted,
            Self::EndingIn(wanted) => values.ends_with(wanted),
        }
    }

    /// What is wanted after `value` has been appended as well.
    pub(crate) fn push(&mut self, value: u64) {
        match self {
            Self::Exactly(wanted) | Self::EndingIn(wanted) => wanted.push(value),
        }
    }
}

impl Anomaly {
    /// What the literature, or failing that this checker, calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::IncompatibleOrders { .. } => "incompatible orders",
            Self::Duplicated { .. } => "duplicated value",
            Self::Invented { .. } => "invented value",
            Self::DirtyRead { .. } => "dirty read",
            Self::LostAppend { .. } => "lost append",
            Self::Inconsistent { .. } => "internal inconsistency",
            Self::Cycle(cycle) => cycle.name(),
        }
    }
}
