//! One attempt at a job: the moment it sees, what it has read, its private copies, its effects.
//!
//! Every read goes through [`Attempt::open`], which records it; there is no other door. An attempt that has
//! met a conflict is doomed: whatever game code makes of the error, it cannot commit.

use std::cell::{Cell as Plain, OnceCell, RefCell, RefMut};
use std::collections::HashMap;

use daystar_model::{CommitNumber, Managed, Object, ObjectId, Space, Timestamp};
use elsa::FrozenVec;
use rand_pcg::Pcg64Mcg;

use crate::cell::{Cell, Found};
use crate::effects::{Effect, Effects};
use crate::engine::Shared;
use crate::error::Fault;
use crate::guard::{Read, Write};
use crate::sync::Arc;

/// The generator of [`Attempt::rng`]: small, and the same stream of numbers on every machine.
pub type TaskRng = Pcg64Mcg;

/// What every attempt at one job has in common, so that a later attempt differs only in what it reads.
pub(crate) struct Input {
    pub(crate) kind: &'static str,
    pub(crate) now: Timestamp,
    pub(crate) seed: u64,
    /// Ids given to the objects that the job inserts, first to last.
    pub(crate) ids: RefCell<Vec<u64>>,
}

/// One attempt at a [`Job`](crate::Job).
pub struct Attempt<'e> {
    shared: &'e Shared,
    input: &'e Input,
    is_read_only: bool,
    snapshot: Plain<CommitNumber>,
    is_doomed: Plain<bool>,
    entries: FrozenVec<Box<Entry>>,
    index: RefCell<HashMap<ObjectId, usize>>,
    effects: RefCell<Effects>,
    rng: RefCell<TaskRng>,
    ids_used: Plain<usize>,
}

/// One object as this attempt knows it.
pub(crate) struct Entry {
    pub(crate) id: ObjectId,
    /// Unset for an object of this attempt's own making, and for an id that nobody has been given.
    pub(crate) cell: OnceCell<Arc<Cell>>,
    /// The version that was read; `None` for an object of this attempt's own making.
    pub(crate) seen: Plain<Option<CommitNumber>>,
    pub(crate) slot: RefCell<Slot>,
    pub(crate) is_changed: Plain<bool>,
}

/// An object's value in an attempt.
pub(crate) enum Slot {
    Absent,
    Committed(Arc<dyn Object>),
    Own(Box<dyn Object>),
}

impl Slot {
    fn value(&self) -> Option<&dyn Object> {
        match self {
            Slot::Absent => None,
            Slot::Committed(value) => Some(&**value),
            Slot::Own(value) => Some(&**value),
        }
    }
}

impl<'e> Attempt<'e> {
    pub(crate) fn new(
        shared: &'e Shared,
        input: &'e Input,
        read_only: Option<CommitNumber>,
    ) -> Self {
        Self {
            shared,
            input,
            is_read_only: read_only.is_some(),
            snapshot: Plain::new(read_only.unwrap_or_else(|| shared.clock.now())),
            is_doomed: Plain::new(false),
            entries: FrozenVec::new(),
            index: RefCell::default(),
            effects: RefCell::default(),
            rng: RefCell::new(TaskRng::new(u128::from(input.seed))),
            ids_used: Plain::new(0),
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
            Slot::Own(own) => own.as_any_mut().downcast_mut(),
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
            seen: Plain::new(None),
            slot: RefCell::new(Slot::Own(Box::new(value))),
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
        *slot = Slot::Own(Box::new(value));
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
        self.input.now
    }

    /// The job's random numbers: the same stream in every attempt.
    pub fn rng(&self) -> RefMut<'_, TaskRng> {
        self.rng.borrow_mut()
    }

    /// A fresh index for an id; the same in every attempt, for the same question in turn.
    fn next_index(&self) -> u64 {
        let used = self.ids_used.get();
        self.ids_used.set(used + 1);
        let mut ids = self.input.ids.borrow_mut();
        if used == ids.len() {
            ids.push(self.shared.next_index());
        }
        ids[used]
    }

    /// The one door for reads: the object's entry, read at this attempt's snapshot and remembered.
    fn open(&self, id: ObjectId) -> Result<&Entry, Fault> {
        if self.is_doomed.get() {
            return Err(Fault::Conflict);
        }
        let known = self.index.borrow().get(&id).copied();
        if let Some(entry) = known.and_then(|place| self.entries.get(place)) {
            return Ok(entry);
        }
        if self.shared.is_unallocated(id) {
            return self.enter(Entry {
                id,
                cell: OnceCell::new(),
                seen: Plain::new(Some(CommitNumber::ZERO)),
                slot: RefCell::new(Slot::Absent),
                is_changed: Plain::new(false),
            });
        }
        let cell =
            self.shared.table.cell(id).map_err(|cause| Fault::Load { cause: cause.to_string() })?;
        let version = loop {
            match cell.read(self.snapshot.get()) {
                Found::Newest(version) => break version,
                Found::Older(Some(version)) if self.is_read_only => break version,
                Found::Older(_) => self.extend()?,
            }
        };
        self.enter(Entry {
            id,
            cell: OnceCell::from(cell),
            seen: Plain::new(Some(version.number)),
            slot: RefCell::new(version.value.map_or(Slot::Absent, Slot::Committed)),
            is_changed: Plain::new(false),
        })
    }

    /// Moves the snapshot up to now, if all that has been read is still so; otherwise the attempt is doomed.
    fn extend(&self) -> Result<(), Fault> {
        // The new snapshot is taken first: a commit that it includes has marked or changed its cells by
        // now, so the check below cannot miss it.
        let now = self.shared.clock.now();
        if self.is_read_only || !self.reads_still_hold() {
            self.is_doomed.set(true);
            return Err(Fault::Conflict);
        }
        self.snapshot.set(now);
        Ok(())
    }

    fn reads_still_hold(&self) -> bool {
        self.shared.breaks_extension()
            || self.entries().all(|entry| entry.still_holds(self.shared, None))
    }

    fn enter(&self, entry: Entry) -> Result<&Entry, Fault> {
        let place = self.entries.len();
        if place >= self.shared.limits.objects_max {
            return Err(Fault::TooManyObjects {
                job: self.input.kind,
                limit: self.shared.limits.objects_max,
            });
        }
        self.index.borrow_mut().insert(entry.id, place);
        Ok(self.entries.push_get(Box::new(entry)))
    }

    fn may_change<T: Managed>(&self, id: ObjectId) -> Result<(), Fault> {
        if self.is_read_only {
            return Err(Fault::ReadOnly { type_name: T::TYPE_NAME, id, job: self.input.kind });
        }
        Ok(())
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
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

impl Entry {
    /// Whether what was read is still the newest there is.
    pub(crate) fn still_holds(&self, shared: &Shared, own: Option<crate::cell::Token>) -> bool {
        let Some(seen) = self.seen.get() else { return true };
        if let Some(cell) = self.cell.get() {
            return cell.is_still(seen, own);
        }
        match shared.table.peek(self.id) {
            Some(cell) => cell.is_still(seen, own),
            None => shared.is_unallocated(self.id),
        }
    }
}

fn borrow_mut<T: Managed>(entry: &Entry) -> Result<RefMut<'_, Slot>, Fault> {
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
