//! The commit: lock, number, check, install, unlock, hand on.
//!
//! Why the outcome is that of one at a time, in the order of the numbers: a committing attempt takes its
//! number while all that it writes is locked, and checks what it read after that. So for two commits, the later
//! one either sees the earlier one's lock or its new version, and fails its check if it had read the old
//! one; and the earlier one can have read nothing of the later one.

use daystar_model::{Change, CommitNumber, ObjectId};

use crate::attempt::Attempt;
use crate::cell::Cell;
use crate::effects::Effects;
use crate::engine::Shared;
use crate::entries::{Entry, Slot};
use crate::handover::{CommitSink, Committed};

/// How a commit ended. Both are expected.
pub(crate) enum CommitOutcome {
    /// The attempt's changes stand, as of this number.
    Done(CommitNumber),
    /// Something that the attempt had read has changed; nothing was done.
    Conflicted,
}

/// Commits what `attempt` has changed, and `effects` with it.
pub(crate) fn commit<'e>(
    shared: &'e Shared,
    sink: &dyn CommitSink,
    attempt: &Attempt<'e>,
    effects: Effects,
) -> CommitOutcome {
    let mut writes: Vec<&Entry<'e>> = attempt.entries().filter(|e| e.is_changed.get()).collect();
    if writes.is_empty() && effects.is_empty() {
        // Nothing leaves this attempt, and what it saw was so at its snapshot.
        return CommitOutcome::Done(attempt.snapshot());
    }
    writes.sort_unstable_by_key(|entry| entry.id);

    for entry in &writes {
        cell_of(shared, entry).lock();
    }
    let number = shared.clock.tick();
    let changed = attempt
        .entries()
        .find(|entry| !entry.still_holds(shared, entry.is_changed.get()))
        .filter(|_| !shared.breaks_validation());
    if let Some(changed) = changed {
        for entry in &writes {
            cell_of(shared, entry).unlock();
        }
        shared.heat.warm(changed.id);
        // The number is used up; the order has no holes.
        hand_on(shared, sink, number, Vec::new(), Effects::default());
        return CommitOutcome::Conflicted;
    }

    let horizon = shared.snapshots.horizon(number);
    let mut changes = Vec::with_capacity(writes.len());
    for entry in writes {
        let change = new_value(entry);
        cell_of(shared, entry).install(number, change.clone(), horizon);
        changes.push((entry.id, change));
    }
    hand_on(shared, sink, number, changes, effects);
    CommitOutcome::Done(number)
}

/// Hands on the effects of a read-only attempt. It needs no check: what it saw was so at its snapshot.
pub(crate) fn publish(
    shared: &Shared,
    sink: &dyn CommitSink,
    attempt: &Attempt<'_>,
    effects: Effects,
) -> CommitOutcome {
    if !effects.is_empty() {
        let number = shared.clock.tick();
        hand_on(shared, sink, number, Vec::new(), effects);
    }
    CommitOutcome::Done(attempt.snapshot())
}

fn hand_on(
    shared: &Shared,
    sink: &dyn CommitSink,
    number: CommitNumber,
    changes: Vec<(ObjectId, Change)>,
    effects: Effects,
) {
    let next_index = shared.ids_given();
    shared.handover.put(Committed { number, changes, effects, next_index }, sink);
}

fn cell_of<'e>(shared: &'e Shared, entry: &Entry<'e>) -> &'e Cell {
    entry.cell.get_or_init(|| shared.table.create(entry.id))
}

fn new_value(entry: &Entry<'_>) -> Change {
    match std::mem::replace(&mut *entry.slot.borrow_mut(), Slot::Absent) {
        Slot::Own(value) => Some(value),
        // Only what is private is ever marked as changed.
        Slot::Absent | Slot::Committed(_) => None,
    }
}
