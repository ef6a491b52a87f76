//! What the clients of a list-append run observed: who did what, when, and whether it stood.

/// A client's step within a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Put this value at the end of this list. A value is appended at most once in a history.
    Append(usize, u64),
    /// Looked at this list, and saw these values.
    Read(usize, Vec<u64>),
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All of it has happened.
    Committed,
    /// None of it has happened: it was refused, or it was an attempt that was thrown away.
    Failed,
}

/// One transaction as its client saw it.
#[derive(Clone, Debug)]
pub(crate) struct Transaction {
    /// Who ran it.
    pub(crate) thread: usize,
    /// When the client asked for it. All ticks of a history come from one counter.
    pub(crate) invoked: u64,
    /// When the client knew how it ended.
    pub(crate) completed: u64,
    pub(crate) fate: Fate,
    /// In the order in which they were done.
    pub(crate) operations: Vec<Operation>,
}

/// All that was observed. A transaction is known by its place in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub(crate) transactions: Vec<Transaction>,
}

impl History {
    /// The transactions that stand, each with its place.
    pub(crate) fn committed(&self) -> impl Iterator<Item = (usize, &Transaction)> {
        self.transactions.iter().enumerate().filter(|(_, transaction)| transaction.is_committed())
    }
}

impl Transaction {
    pub(crate) fn is_committed(&self) -> bool {
        self.fate == Fate::Committed
    }

    /// What it appended, and to which list.
    pub(crate) fn appends(&self) -> impl Iterator<Item = (usize, u64)> {
        self.operations.iter().filter_map(|operation| match operation {
            Operation::Append(list, value) => Some((*list, *value)),
            Operation::Read(..) => None,
        })
    }

    /// Which lists it looked at, and what it saw there.
    pub(crate) fn reads(&self) -> impl Iterator<Item = (usize, &[u64])> {
        self.operations.iter().filter_map(|operation| match operation {
            Operation::Append(..) => None,
            Operation::Read(list, values) => Some((*list, values.as_slice())),
        })
    }

    /// What it saw of `values` in `list` that was not its own: what was there when its turn came.
    pub(crate) fn without_own<'v>(&self, list: usize, values: &'v [u64]) -> &'v [u64] {
        let is_own = |value: u64| self.appends().any(|append| append == (list, value));
        let end = values.iter().rposition(|value| !is_own(*value)).map_or(0, |last| last + 1);
        &values[..end]
    }
}
