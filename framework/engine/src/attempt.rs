//! One attempt at a job: the moment it sees, what it has read, its private copies, its effects.
//!
//! Every read goes through `Attempt::open`, which records it; there is no other door. An attempt that has
//! met a conflict is doomed: whatever game code makes of the error, it cannot commit.

use std::cell::{Cell as Plain, OnceCell, RefCell, RefMut};

use daystar_model::{CommitNumber, Managed, Object, ObjectId, Space, Timestamp};
use rand_pcg::Pcg64Mcg;

use crate::cell::Found;
use crate::effects::{Effect, Effects};
use crate::engine::Shared;
use crate::entries::{Entries, Entry, Slot};
use crate::error::Fault;
use crate::guard::{Read, Write};
use crate::heat::Queued;
use crate::sync::Arc;

/// The generator of [`Attempt::rng`]: small, and the same stream of numbers on every machine.
pub type TaskRng = Pcg64Mcg;

/// What every attempt at one job has in common, so that a later attempt differs only in what it reads.
pub(crate) struct Input {
    pub(crate) kind: &'static str,
    pub(crate) seed: u64,
    /// The job's time, once it has been asked for.
    pub(crate) now: OnceCell<Timestamp>,
    /// Indices given to the objects that the job inserts, first to last.
    pub(crate) indices: RefCell<Vec<u64>>,
}

/// One attempt at a [`Job`](crate::Job).
pub struct Attempt<'e> {
    shared: &'e Shared,
    input: &'e Input,
    is_read_only: bool,
    /// Whether it may wait for others: not when it is alone, since they wait for it then.
    may_queue: bool,
    snapshot: Plain<CommitNumber>,
    is_doomed: Plain<bool>,
    entries: Entries<'e>,
    effects: RefCell<Effects>,
    rng: RefCell<TaskRng>,
    indices_used: Plain<usize>,
    queued: RefCell<Option<Queued<'e>>>,
}

impl<'e> Attempt<'e> {
    pub(crate) fn new(
        shared: &'e Shared,
        input: &'e Input,
        read_only: Option<CommitNumber>,
        may_queue: bool,
    ) -> Self {
        Self {
            shared,
            input,
            is_read_only: read_only.is_some(),
            may_queue: may_queue && read_only.is_none(),
            snapshot: Plain::new(read_only.unwrap_or_else(|| shared.clock.now())),
            is_doomed: Plain::new(false),
            entries: Entries::default(),
            effects: RefCell::default(),
            rng: RefCell::new(TaskRng::new(u128::from(input.seed))),
            indices_used: Plain::new(0),
            queued: RefCell::new(None),
        }
    }

    /// Looks at the object `id`.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::WrongType`]; [`Fault::BeingChanged`] while a guard from
    /// [`get_mut`](Self::get_mut) of the same object is alive.
    pub fn get<T: Managed>(&self, id: ObjectId) -> Result<Read<'_, T>, Fault> {
        self.find(id)?.ok_or(Fault::NotFound { type_name: T::TYPE_NAME, id })
    }

    /// Looks at the object `id`, or finds that there is none: that too is remembered, and another task's
    /// inserting it is a conflict.
    ///
    /// # Errors
    /// As [`get`](Self::get), but for the missing object.
    pub fn find<T: Managed>(&self, id: ObjectId) -> Result<Option<Read<'_, T>>, Fault> {
        let entry = self.open(id)?;
        let slot = entry
            .slot
            .try_borrow()
            .map_err(|_| Fault::BeingChanged { type_name: T::TYPE_NAME, id })?;
        let Some(value) = slot.value() else { return Ok(None) };
        check_type::<T>(id, value)?;
        let typed = std::cell::Ref::filter_map(slot, |slot| slot.value()?.as_any().downcast_ref());
        Ok(typed.ok().map(Read))
    }

    /// A private copy of the object `id`, to be changed.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`Fault::BeingRead`] or [`Fault::BeingChanged`] while any guard of the same
    /// object is alive; [`Fault::ReadOnly`].
    pub fn get_mut<T: Managed>(&self, id: ObjectId) -> Result<Write<'_, T>, Fault> {
        let entry = self.open(id)?;
        self.may_change::<T>(id)?;
        let mut slot = borrow_mut::<T>(entry)?;
        let value = slot.value().ok_or(Fault::NotFound { type_name: T::TYPE_NAME, id })?;
        check_type::<T>(id, value)?;
        if let Slot::Committed(committed) = &*slot {
            let own = committed.copy();
            *slot = Slot::Own(own);
        }
        entry.is_changed.set(true);
        let typed = RefMut::filter_map(slot, |slot| match slot {
            // Nobody else has a share of it: it is handed out only by the commit.
            Slot::Own(own) => Arc::get_mut(own)?.as_any_mut().downcast_mut(),
            Slot::Absent | Slot::Committed(_) => None,
        });
        typed.map(Write).map_err(|_| Fault::NotFound { type_name: T::TYPE_NAME, id })
    }

    /// Makes a new object in `space`.
    ///
    /// # Errors
    /// [`Fault::ReadOnly`], [`Fault::TooManyObjects`].
    pub fn insert<T: Managed>(&self, space: Space, value: T) -> Result<ObjectId, Fault> {
        let id = ObjectId::new(space, self.next_index());
        self.may_change::<T>(id)?;
        self.enter(Entry {
            id,
            cell: OnceCell::new(),
            seen: None,
            slot: RefCell::new(Slot::Own(Arc::new(value))),
            is_changed: Plain::new(true),
        })?;
        Ok(id)
    }

    /// Makes the object of the given `id`, which there must not be yet.
    ///
    /// # Errors
    /// [`Fault::WrongType`] naming what is there already; [`Fault::ReadOnly`], [`Fault::TooManyObjects`].
    pub fn insert_at<T: Managed>(&self, id: ObjectId, value: T) -> Result<(), Fault> {
        let entry = self.open(id)?;
        self.may_change::<T>(id)?;
        let mut slot = borrow_mut::<T>(entry)?;
        if let Some(there) = slot.value() {
            let found = there.descriptor().name;
            return Err(Fault::WrongType { id, wanted: T::TYPE_NAME, found });
        }
        *slot = Slot::Own(Arc::new(value));
        entry.is_changed.set(true);
        Ok(())
    }

    /// Removes the object `id`. Its id is never used again.
    ///
    /// # Errors
    /// As [`get_mut`](Self::get_mut).
    pub fn remove<T: Managed>(&self, id: ObjectId) -> Result<(), Fault> {
        let entry = self.open(id)?;
        self.may_change::<T>(id)?;
        let mut slot = borrow_mut::<T>(entry)?;
        let value = slot.value().ok_or(Fault::NotFound { type_name: T::TYPE_NAME, id })?;
        check_type::<T>(id, value)?;
        *slot = Slot::Absent;
        entry.is_changed.set(true);
        Ok(())
    }

    /// Asks for `effect`, should this attempt commit.
    pub fn effect(&self, effect: Effect) {
        self.effects.borrow_mut().push(effect);
    }

    /// The job's time: the same in every attempt.
    pub fn now(&self) -> Timestamp {
        *self.input.now.get_or_init(|| self.shared.time.now())
    }

    /// The job's random numbers: the same stream in every attempt.
    pub fn rng(&self) -> RefMut<'_, TaskRng> {
        self.rng.borrow_mut()
    }

    /// A fresh index for an id; the same in every attempt, for the same question in turn.
    fn next_index(&self) -> u64 {
        let used = self.indices_used.replace(self.indices_used.get() + 1);
        let mut indices = self.input.indices.borrow_mut();
        if used == indices.len() {
            indices.push(self.shared.next_index());
        }
        indices[used]
    }

    /// The one door for reads: the object's entry, read at this attempt's snapshot and remembered.
    fn open(&self, id: ObjectId) -> Result<&Entry<'e>, Fault> {
        if self.is_doomed.get() {
            return Err(Fault::Conflict);
        }
        if let Some(entry) = self.entries.get(id) {
            return Ok(entry);
        }
        if self.shared.is_unallocated(id) {
            return self.enter(Entry {
                id,
                cell: OnceCell::new(),
                seen: Some(CommitNumber::ZERO),
                slot: RefCell::new(Slot::Absent),
                is_changed: Plain::new(false),
            });
        }
        self.queue(id);
        let cell =
            self.shared.table.cell(id).map_err(|cause| Fault::Load { cause: cause.to_string() })?;
        let version = loop {
            match cell.read(self.snapshot.get()) {
                Found::Newest(version) => break version,
                Found::Older(Some(version)) if self.is_read_only => break version,
                Found::Older(_) => self.extend(id)?,
            }
        };
        self.enter(Entry {
            id,
            cell: OnceCell::from(cell),
            seen: Some(version.number),
            slot: RefCell::new(version.value.map_or(Slot::Absent, Slot::Committed)),
            is_changed: Plain::new(false),
        })
    }

    /// Queues at a hot object, before it is read; at one only, so that queues cannot deadlock.
    fn queue(&self, id: ObjectId) {
        if self.may_queue && self.queued.borrow().is_none() {
            *self.queued.borrow_mut() = self.shared.heat.queue(id);
        }
    }

    /// Moves the snapshot up to now, if all that has been read is still so; otherwise the attempt is doomed.
    fn extend(&self, id: ObjectId) -> Result<(), Fault> {
        // The new snapshot is taken first: a commit that it includes has locked or changed its cells by
        // now, so the check below cannot miss it.
        let now = self.shared.clock.now();
        let changed = self.entries().find(|entry| !entry.still_holds(self.shared, false));
        if self.is_read_only || (changed.is_some() && !self.shared.breaks_extension()) {
            self.shared.heat.warm(changed.map_or(id, |entry| entry.id));
            self.is_doomed.set(true);
            return Err(Fault::Conflict);
        }
        self.snapshot.set(now);
        Ok(())
    }

    fn enter(&self, entry: Entry<'e>) -> Result<&Entry<'e>, Fault> {
        let limit = self.shared.limits.objects_max;
        if self.entries.len() >= limit {
            return Err(Fault::TooManyObjects { job: self.input.kind, limit });
        }
        Ok(self.entries.push(entry))
    }

    fn may_change<T: Managed>(&self, id: ObjectId) -> Result<(), Fault> {
        if self.is_read_only {
            return Err(Fault::ReadOnly { type_name: T::TYPE_NAME, id, job: self.input.kind });
        }
        Ok(())
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry<'e>> {
        self.entries.iter()
    }

    pub(crate) fn snapshot(&self) -> CommitNumber {
        self.snapshot.get()
    }

    pub(crate) fn is_doomed(&self) -> bool {
        self.is_doomed.get()
    }

    pub(crate) fn take_effects(&self) -> Effects {
        self.effects.take()
    }

    /// Forgets the changes, keeps the reads: what is left of an attempt that failed by its own will.
    pub(crate) fn discard_changes(&self) {
        self.entries().for_each(|entry| entry.is_changed.set(false));
        self.effects.take();
    }
}

impl Entry<'_> {
    /// Whether what was read is still the newest there is; `is_locked` says that the caller has locked it.
    pub(crate) fn still_holds(&self, shared: &Shared, is_locked: bool) -> bool {
        let Some(seen) = self.seen else { return true };
        if let Some(cell) = self.cell.get() {
            return cell.is_still(seen, is_locked);
        }
        match shared.table.peek(self.id) {
            Some(cell) => cell.is_still(seen, is_locked),
            None => shared.is_unallocated(self.id),
        }
    }
}

fn borrow_mut<'s, T: Managed>(entry: &'s Entry<'_>) -> Result<RefMut<'s, Slot>, Fault> {
    entry.slot.try_borrow_mut().map_err(|_| match entry.slot.try_borrow() {
        Ok(_) => Fault::BeingRead { type_name: T::TYPE_NAME, id: entry.id },
        Err(_) => Fault::BeingChanged { type_name: T::TYPE_NAME, id: entry.id },
    })
}

fn check_type<T: Managed>(id: ObjectId, value: &dyn Object) -> Result<(), Fault> {
    if value.as_any().is::<T>() {
        return Ok(());
    }
    Err(Fault::WrongType { id, wanted: T::TYPE_NAME, found: value.descriptor().name })
}
