//! A batch, checked before it is written.

use daystar_model::ids::ObjectId;
use daystar_model::store::{Batch, StoreError};

use crate::head::Head;

/// The positions of the batch's changes, in id order.
pub(crate) fn in_id_order(batch: &Batch) -> Result<Vec<usize>, StoreError> {
    let mut order: Vec<usize> = (0..batch.changes.len()).collect();
    order.sort_unstable_by_key(|&at| batch.changes[at].0);
    let mut before: Option<ObjectId> = None;
    for &at in &order {
        let (id, commit, _) = batch.changes[at];
        if before.replace(id) == Some(id) {
            return Err(misused(format!(
                "object {id} is in the batch twice; only its newest value belongs there"
            )));
        }
        if commit > batch.last {
            return Err(misused(format!(
                "object {id} is of {commit}, which is behind the batch's last, {}",
                batch.last
            )));
        }
    }
    Ok(order)
}

/// Where the store stands when it stood at `head` and `batch` has been written.
///
/// This is the check that keeps a batch from being applied twice, or over a newer one.
pub(crate) fn after(batch: &Batch, head: Head) -> Result<Head, StoreError> {
    let first = batch.changes.iter().map(|(_, commit, _)| *commit).min().unwrap_or(batch.last);
    if batch.last <= head.last || first <= head.last {
        return Err(misused(format!(
            "it holds {first} to {}, and everything up to {} is already stored; a batch is applied \
             once, in commit order",
            batch.last, head.last
        )));
    }
    // Indices are never given away twice, so a batch that knows of fewer changes nothing.
    Ok(Head { last: batch.last, next_index: batch.next_index.max(head.next_index) })
}

fn misused(cause: String) -> StoreError {
    StoreError::Io { what: "apply a batch", cause }
}
