//! The commit: lock, number, check, install, unlock, hand on.
//!
//! Why the outcome is that of one at a time, in the order of the numbers: a committing attempt takes its
//! number while all that it writes is locked, and checks what it read after that. So for two commits, the later
//! one either sees the earlier one's lock or its new version, and fails its check if it had read the old
//! one; and the earlier one can have read nothing of the later one. What is changed blindly is read under the
//! lock, so it is the outcome of the commits before this one, whichever they are. What only looks at a snapshot that is kept
//! for it has its place right behind that, and nothing to check.

use std::panic::{AssertUnwindSafe, catch_unwind};

use daystar_model::{Change, CommitNumber, Object};
use smallvec::SmallVec;

use crate::attempt::{Attempt, Company};
use crate::cell::{Cell, NotFree, Reserver, Respect};
use crate::effects::Effects;
use crate::engine::Shared;
use crate::entries::{Entry, Slot};
use crate::error::Fault;
use crate::handover::{Changes, CommitSink, Committed, NotAccepted};
use crate::history::record;
use crate::job::{Cause, Job, panic_message};
use crate::reclaim::Pin;
use crate::seat::Seat;
use crate::sync::yield_now;

/// How a commit ended. All are expected.
pub(crate) enum CommitOutcome {
    /// The attempt's changes stand, as of this number.
    Done(CommitNumber),
    /// Something that the attempt had read has changed; nothing was done.
    Conflicted,
    /// Something that the attempt writes is reserved by the job in this seat; nothing was done.
    Reserved(Reserver),
    /// What was to be done blindly could not be done; nothing was done. What the job saw of it is among its reads.
    Failed(Cause),
}

/// What an attempt changes.
#[derive(Default)]
pub(crate) struct Writes<'a, 'e> {
    pub(crate) entries: SmallVec<[&'a Entry<'e>; 8]>,
    /// How many bytes it writes, messages included.
    pub(crate) bytes: usize,
    /// The attempt failed because of what lies outside of the world and its input: no second run can be expected to do that
    /// at the same place, so it is not recorded.
    pub(crate) is_unrepeatable: bool,
}

/// That `attempt` writes no more bytes than it may.
pub(crate) fn check_bytes(
    shared: &Shared,
    attempt: &Attempt<'_>,
    bytes: usize,
) -> Result<(), Fault> {
    let limit = shared.limits.bytes_max;
    if bytes > limit {
        return Err(Fault::TooManyBytes { job: attempt.kind(), bytes, limit });
    }
    Ok(())
}

/// That what `attempt` makes of `entry` can be written. Once it is committed, it must be: all that comes after waits for it.
pub(crate) fn check_nesting(
    attempt: &Attempt<'_>,
    entry: &Entry<'_>,
    value: &dyn Object,
) -> Result<(), Fault> {
    value.check_nesting().map_err(|cause| Fault::Unwritable {
        id: entry.id,
        job: attempt.kind(),
        cause: cause.to_string(),
    })
}

/// Commits `writes`, which are what `attempt` has changed, and `effects` with them.
pub(crate) fn commit<'e>(
    shared: &'e Shared,
    sink: &'e dyn CommitSink,
    job: &dyn Job,
    attempt: &Attempt<'e>,
    seat: &Seat,
    mut writes: Writes<'_, 'e>,
    effects: Effects,
) -> CommitOutcome {
    if writes.entries.is_empty() && attempt.sees_past() {
        return CommitOutcome::Done(end_look(shared, sink, job, attempt, seat, effects));
    }
    if writes.entries.is_empty() && effects.is_empty() {
        // Nothing leaves this attempt. What it saw was so at its snapshot, which must not be from before the job began.
        if attempt.move_to_now().is_err() {
            return CommitOutcome::Conflicted;
        }
        if !writes.is_unrepeatable {
            record(shared, job, attempt, attempt.snapshot(), &Changes::new(), &effects);
        }
        return CommitOutcome::Done(attempt.snapshot());
    }
    if !writes.entries.is_empty()
        && let Err(NotAccepted { cause }) = sink.accepts()
    {
        return CommitOutcome::Failed(Cause::Error(Fault::NotAccepted { cause }.into()));
    }
    if writes.entries.len() > 1 {
        writes.entries.sort_unstable_by_key(|entry| entry.id);
    }
    if shared.breaks().validation_before_locking {
        if find_changed(shared, attempt, CommitNumber(u64::MAX), |_| false).is_some() {
            return CommitOutcome::Conflicted;
        }
        yield_now();
    }

    writes.entries.iter().for_each(|entry| attempt.queue_blind(entry));
    let guessed = shared.breaks().install_before_number.then(|| {
        let guessed = shared.clock.now().next();
        yield_now();
        guessed
    });
    let (respect, _passing) = match attempt.company() {
        Company::Others => (Respect::All, Some(shared.gate.pass(seat))),
        Company::Reserved(own) => (Respect::AllBut(own), Some(shared.gate.pass(seat))),
        Company::Alone => (Respect::None, None),
    };
    let mut locks = match Locks::take(shared, attempt, &writes.entries, respect) {
        Ok(locks) => locks,
        Err((entry, NotFree::Reserved(reserver))) => {
            attempt.met(entry.id);
            return CommitOutcome::Reserved(reserver);
        }
        Err((_, NotFree::Gone)) => return CommitOutcome::Conflicted,
    };
    if let Err(fault) = locks.bring(attempt) {
        return CommitOutcome::Failed(Cause::Error(fault.into()));
    }
    let ticket = Ticket::take(shared, sink);
    let number = ticket.number;
    if !shared.breaks().validation_before_locking
        && let Some(changed) = find_changed(shared, attempt, number, |entry| locks.has(entry))
    {
        drop(locks);
        attempt.met(changed.id);
        if shared.breaks().effects_early {
            ticket.hand_on(Changes::new(), effects, 0);
        }
        return CommitOutcome::Conflicted;
    }
    let bytes = match do_blind(shared, attempt, &writes) {
        Ok(bytes) => bytes.saturating_sub(effects.bytes()),
        Err(cause) => {
            // First: the number that was taken is handed on when this returns, and with it perhaps many others'.
            drop(locks);
            return CommitOutcome::Failed(cause);
        }
    };

    let changes = locks.install(shared, attempt, guessed.unwrap_or(number));
    attempt.leave_queue();
    attempt.pin().has_seen(number);
    if !writes.is_unrepeatable {
        record(shared, job, attempt, number, &changes, &effects);
    }
    ticket.hand_on(changes, effects, bytes);
    CommitOutcome::Done(number)
}

/// Ends an attempt that has looked at the past, which nothing can change under it: its place in the order is right behind its
/// snapshot. What it has to say leaves under a number of its own, so whoever waits until that is on disk waits for all that
/// it can have seen. The place.
fn end_look(
    shared: &Shared,
    sink: &dyn CommitSink,
    job: &dyn Job,
    attempt: &Attempt<'_>,
    seat: &Seat,
    effects: Effects,
) -> CommitNumber {
    let place = attempt.snapshot();
    if effects.is_empty() {
        record(shared, job, attempt, place, &Changes::new(), &effects);
        return place;
    }
    let _passing = shared.gate.pass(seat);
    let ticket = Ticket::take(shared, sink);
    record(shared, job, attempt, ticket.number, &Changes::new(), &effects);
    ticket.hand_on(Changes::new(), effects, 0);
    place
}

/// The first of what the attempt read that is not so any more at `number`, its place in the order; `is_locked` says what the
/// attempt has locked.
fn find_changed<'a, 'e>(
    shared: &Shared,
    attempt: &'a Attempt<'e>,
    number: CommitNumber,
    is_locked: impl Fn(&Entry<'e>) -> bool,
) -> Option<&'a Entry<'e>> {
    let breaks = shared.breaks();
    if breaks.no_validation {
        return None;
    }
    attempt.find_entry(|entry| {
        let is_excused = (breaks.phantom_not_validated && is_phantom(entry))
            || (breaks.looks_not_validated && !entry.is_changed.get());
        !is_excused && !entry.still_holds(shared, is_locked(entry), number, attempt.pin())
    })
}

/// Whether nothing was there, and the attempt left it at that.
fn is_phantom(entry: &Entry<'_>) -> bool {
    matches!(*entry.slot.borrow(), Slot::Absent) && !entry.is_changed.get()
}

/// Makes what is to be done blindly into ordinary new values. The cells are locked. How many bytes are written in all.
fn do_blind(
    shared: &Shared,
    attempt: &Attempt<'_>,
    writes: &Writes<'_, '_>,
) -> Result<usize, Cause> {
    let mut bytes = writes.bytes;
    for entry in &writes.entries {
        let mut slot = entry.slot.borrow_mut();
        let (Slot::Blind(blind), Some(cell)) = (&*slot, entry.cell.get()) else { continue };
        debug_assert!(!cell.is_away(), "a value was taken out of memory while locked");
        let newest = cell.newest(attempt.pin());
        // Nobody can change it before the commit is through. If it fails, what was seen here is a read like any other.
        entry.has_seen(newest);
        // The operations are the game's, and a panic must not leave cells locked.
        let applied =
            catch_unwind(AssertUnwindSafe(|| blind.apply(entry.id, newest.value, attempt.pin())));
        let value = match applied {
            Ok(Ok(value)) => value,
            Ok(Err(error)) => return Err(Cause::Error(error)),
            Err(panic) => return Err(Cause::Panic(panic_message(&*panic))),
        };
        check_nesting(attempt, entry, value.value()).map_err(|fault| Cause::Error(fault.into()))?;
        bytes += value.value().bytes();
        *slot = Slot::Own(value);
    }
    check_bytes(shared, attempt, bytes).map_err(|fault| Cause::Error(fault.into()))?;
    Ok(bytes)
}

/// The locks of a write set. What has not been installed is unlocked when they are dropped.
struct Locks<'a, 'e> {
    shared: &'e Shared,
    pin: &'e Pin<'e>,
    writes: &'a [&'a Entry<'e>],
    /// How many of the writes are locked, from the front, and how many of those have been unlocked again.
    locked: usize,
    done: usize,
}

impl<'a, 'e> Locks<'a, 'e> {
    fn take(
        shared: &'e Shared,
        attempt: &Attempt<'e>,
        writes: &'a [&'a Entry<'e>],
        respect: Respect,
    ) -> Result<Self, (&'a Entry<'e>, NotFree)> {
        let mut locks = Self { shared, pin: attempt.pin(), writes, locked: 0, done: 0 };
        for entry in writes {
            if !locks.skips(entry) {
                let locked = locks.cell(entry).lock(respect);
                if locked.map_err(|why| (*entry, why))? {
                    // Those who change an object blindly never conflict there, and meet all the same.
                    shared.heat.warm(entry.id);
                }
            }
            locks.locked += 1;
        }
        Ok(locks)
    }

    /// Makes sure that what is locked is in memory: it is what others may still want to see, and what is changed
    /// blindly. Nearly always it is, since the attempt has loaded it.
    fn bring(&self, attempt: &Attempt<'_>) -> Result<(), Fault> {
        for entry in self.writes.iter().filter(|entry| !self.skips(entry)) {
            let (id, cell) = (entry.id, self.cell(entry));
            let loaded = self.shared.table.load_locked(id, cell);
            let loaded =
                loaded.map_err(|cause| Fault::load(entry.slot.borrow().type_name(), id, &cause))?;
            if let Some(loaded) = loaded {
                self.shared.budget.loaded(id, loaded, attempt.pin());
            }
        }
        Ok(())
    }

    /// Installs the new values under `number`, and unlocks each.
    fn install(
        &mut self,
        shared: &'e Shared,
        attempt: &Attempt<'_>,
        number: CommitNumber,
    ) -> Changes {
        let readers = shared.snapshots.readers();
        let mut changes = Changes::new();
        for entry in self.writes {
            let change = new_value(entry);
            let cell = self.cell(entry);
            if self.skips(entry) {
                yield_now();
                let _ = cell.lock(Respect::None);
            }
            self.shared.budget.installs(entry.id, cell, attempt.pin());
            let begins_a_past = cell.install(number, change.clone(), &readers, attempt.pin());
            self.done += 1;
            if begins_a_past {
                shared.snapshots.litter(entry.id);
            }
            if change.is_none() {
                shared.table.list(entry.id);
            }
            changes.push((entry.id, change));
        }
        changes
    }

    /// The cell of `entry`, made if it has none yet.
    fn cell(&self, entry: &Entry<'e>) -> &'e Cell {
        if let Some(cell) = entry.cell.get() {
            return cell;
        }
        let cell = self.shared.table.create(entry.id, self.pin);
        entry.cell.set(Some(cell));
        cell
    }

    fn has(&self, entry: &Entry<'_>) -> bool {
        entry.is_changed.get() && !self.skips(entry)
    }

    /// Whether `entry` is the one that a deliberate break leaves unlocked.
    fn skips(&self, entry: &Entry<'_>) -> bool {
        self.shared.breaks().lock_skipped
            && self.writes.last().is_some_and(|last| last.id == entry.id)
    }
}

impl Drop for Locks<'_, '_> {
    fn drop(&mut self) {
        for entry in &self.writes[self.done..self.locked] {
            if !self.skips(entry) {
                let cell = self.cell(entry);
                cell.unlock();
                if cell.is_absent() {
                    // The cell was made for what has come to nothing, and perhaps its page with it.
                    self.shared.table.list(entry.id);
                }
            }
        }
    }
}

/// A number that was taken. It is handed on whatever happens: the order has no holes, and those after it wait for it.
struct Ticket<'e> {
    shared: &'e Shared,
    sink: &'e dyn CommitSink,
    number: CommitNumber,
    is_handed_on: bool,
}

impl<'e> Ticket<'e> {
    fn take(shared: &'e Shared, sink: &'e dyn CommitSink) -> Self {
        Self { shared, sink, number: shared.clock.tick(), is_handed_on: false }
    }

    #[inline]
    fn hand_on(mut self, changes: Changes, effects: Effects, bytes: usize) {
        self.put(changes, effects, bytes);
    }

    #[inline]
    fn put(&mut self, changes: Changes, effects: Effects, bytes: usize) {
        self.is_handed_on = true;
        let (number, next_index) = (self.number, self.shared.ids_given());
        let committed = Committed { number, changes, effects, next_index, bytes };
        self.shared.handover.put(&self.shared.clock, committed, self.sink);
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if !self.is_handed_on {
            self.put(Changes::new(), Effects::default(), 0);
        }
    }
}

fn new_value(entry: &Entry<'_>) -> Change {
    match std::mem::replace(&mut *entry.slot.borrow_mut(), Slot::Absent) {
        Slot::Own(own) => Some(own.share()),
        // Only what is private is ever marked as changed, and nothing is left to be done blindly.
        Slot::Absent | Slot::Committed(_) | Slot::Blind(_) => None,
    }
}
