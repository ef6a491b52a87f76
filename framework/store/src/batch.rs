//! A batch made ready to be written: checked, sorted, encoded.

use daystar_model::ids::{CommitNumber, ObjectId};
use daystar_model::record::Record;
use daystar_model::store::{Batch, StoreError};

use crate::head::Head;

/// A batch as bytes, in key order. Made before any transaction is open, because encoding is the slow part
/// and may fail.
#[derive(Debug)]
pub(crate) struct Encoded {
    /// What becomes of each object: its new record, or its removal.
    pub(crate) changes: Vec<(ObjectId, Option<Vec<u8>>)>,
    first_commit: Option<CommitNumber>,
    last: CommitNumber,
    next_index: u64,
}

impl Encoded {
    /// The bytes of `batch`.
    pub(crate) fn new(batch: &Batch) -> Result<Self, StoreError> {
        let mut order: Vec<usize> = (0..batch.changes.len()).collect();
        order.sort_unstable_by_key(|&at| batch.changes[at].0);
        let mut changes: Vec<(ObjectId, Option<Vec<u8>>)> = Vec::with_capacity(order.len());
        for at in order {
            let (id, commit, change) = &batch.changes[at];
            if changes.last().is_some_and(|(before, _)| before == id) {
                return Err(misused(format!(
                    "object {id} is in the batch twice; only its newest value belongs there"
                )));
            }
            if *commit > batch.last {
                return Err(misused(format!(
                    "object {id} is of {commit}, which is behind the batch's last, {}",
                    batch.last
                )));
            }
            let bytes = change
                .as_deref()
                .map(|value| Record::encode(*id, *commit, value))
                .transpose()
                .map_err(|cause| StoreError::Record { id: *id, cause })?;
            changes.push((*id, bytes));
        }
        let first_commit = batch.changes.iter().map(|(_, commit, _)| *commit).min();
        Ok(Self { changes, first_commit, last: batch.last, next_index: batch.next_index })
    }

    /// Where the store stands when it stood at `head` and this batch has been written.
    ///
    /// This is the check that keeps a batch from being applied twice, or over a newer one.
    pub(crate) fn after(&self, head: Head) -> Result<Head, StoreError> {
        let first = self.first_commit.unwrap_or(self.last);
        if self.last <= head.last || first <= head.last {
            return Err(misused(format!(
                "it holds {first} to {}, and everything up to {} is already stored; a batch is applied \
                 once, in commit order",
                self.last, head.last
            )));
        }
        // Indices are never given away twice, so a batch that knows of fewer changes nothing.
        Ok(Head { last: self.last, next_index: self.next_index.max(head.next_index) })
    }
}

fn misused(cause: String) -> StoreError {
    StoreError::Io { what: "apply a batch", cause }
}
