//! Makes an epoch of a run of commits: each object once, with its newest value.

use std::cmp::Reverse;

use daystar_model::Batch;

use crate::server::persistence::backlog::{Run, Written};

/// Moves `run` into `batch`, which must have no changes, in id order. An object that was changed several times is there
/// once, as the last of them left it.
pub(crate) fn coalesce(run: &mut Run, batch: &mut Batch) -> Written {
    let changes = run.objects;
    batch.last = run.last;
    batch.next_index = run.next_index;
    for (number, changed) in run.commits.drain(..) {
        batch.changes.extend(changed.into_iter().map(|(id, change)| (id, number, change)));
    }
    batch.changes.sort_unstable_by_key(|(id, number, _)| (*id, Reverse(*number)));
    batch.changes.dedup_by_key(|(id, _, _)| *id);
    let values = batch.changes.iter().filter_map(|(_, _, change)| change.as_deref());
    let bytes = values.map(|value| value.bytes()).sum();
    (run.objects, run.bytes) = (0, 0);
    // One burst must not keep its memory for good.
    run.commits.shrink_to(KEPT);
    Written { changes, objects: batch.changes.len(), bytes }
}

/// Throws away what `batch` holds, now that it is written.
pub(crate) fn clear(batch: &mut Batch) {
    batch.changes.clear();
    batch.changes.shrink_to(KEPT);
}

/// Commits and objects for which memory is kept from one epoch to the next.
const KEPT: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use daystar_macros::managed;
    use daystar_model::{Change, CommitNumber, Object, ObjectId, Space};
    use smallvec::smallvec;

    use super::*;

    #[managed]
    struct Stone {
        weight: u64,
    }

    fn id(index: u64) -> ObjectId {
        ObjectId::new(Space::Object, index)
    }

    fn weight(change: &Change) -> Option<u64> {
        let value = change.as_deref()?;
        value.as_any().downcast_ref::<Stone>().map(|stone| stone.weight)
    }

    fn stone(weight: u64) -> Change {
        Some(Arc::new(Stone { weight }) as Arc<dyn Object>)
    }

    #[test]
    fn each_object_is_there_once_as_it_was_last() {
        let commits = vec![
            (CommitNumber(4), smallvec![(id(2), stone(1)), (id(3), stone(2))]),
            (CommitNumber(5), smallvec![(id(1), stone(3)), (id(3), stone(4))]),
            (CommitNumber(7), smallvec![(id(2), None), (id(3), stone(5))]),
        ];
        let (last, next_index) = (CommitNumber(9), 12);
        let mut run = Run { commits, objects: 6, bytes: 100, last, next_index };
        let mut batch = Batch::default();
        let written = coalesce(&mut run, &mut batch);
        let changes: Vec<_> = batch
            .changes
            .iter()
            .map(|(id, number, change)| (id.index(), number.0, weight(change)))
            .collect();
        assert_eq!(changes, [(1, 5, Some(3)), (2, 7, None), (3, 7, Some(5))]);
        assert_eq!((batch.last, batch.next_index), (last, next_index));
        assert_eq!((written.changes, written.objects), (6, 3));
        assert_eq!((run.objects, run.bytes, run.commits.len()), (0, 0, 0));
    }
}
