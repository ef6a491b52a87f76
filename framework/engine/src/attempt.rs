//! One attempt at a job: the moment it sees, what it has read, its private copies, its effects.
//!
//! Every read goes through `Attempt::open`, which records it; the only other door is the commit's own, under its locks,
//! for what is changed without being looked at. An attempt that has
//! met a conflict is doomed: whatever game code makes of the error, it cannot commit.

use std::any::Any;
use std::cell::{Cell as Plain, OnceCell, RefCell, RefMut};

use daystar_model::{CommitNumber, Managed, Object, ObjectId, Space, Timestamp};
use rand_pcg::Pcg64Mcg;

use crate::blind::{blind, next};
use crate::cell::{Cell, Found, Reserver, Version};
use crate::effects::{Effect, Effects};
use crate::engine::Shared;
use crate::entries::{Entries, Entry, Slot};
use crate::error::{Error, Fault};
use crate::guard::{Read, Write};
use crate::heat::Queued;
use crate::reclaim::{Own, Pin};
use crate::seat::stripe_of;
use crate::watch::Running;

/// How often one read moves the snapshot up. Each time all that was read so far is looked through, and the object may have been changed
/// again by then; what ends that is the next attempt, which others wait for.
const EXTENSIONS_MAX: u32 = 16;

/// Tells the framework's stream of random numbers from the game's.
const INNER: u128 = 0x9e37_79b9_7f4a_7c15;

/// The generator of [`Attempt::rng`]: small, and the same stream of numbers on every machine.
pub type TaskRng = Pcg64Mcg;

/// What every attempt at one job has in common, so that a later attempt differs only in what it reads.
pub(crate) struct Input {
    pub(crate) kind: &'static str,
    pub(crate) seed: u64,
    /// The job's time, once it has been asked for.
    pub(crate) now: OnceCell<Timestamp>,
    /// The same, by the clock on the wall.
    pub(crate) wall: OnceCell<Timestamp>,
    /// Indices given to the objects that the job inserts, first to last.
    pub(crate) indices: RefCell<Vec<u64>>,
}

/// How an attempt stands to the others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    /// As one of many: it may wait for others at a hot object.
    Others,
    /// With cells reserved. It must not wait, since others wait for it.
    Reserved(Reserver),
    /// Nobody else commits. It must not wait, since others wait for it.
    Alone,
}

/// What an attempt may do with what it sees.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sight {
    /// Change it.
    Change,
    /// Look at it.
    Look,
    /// Look at it as it was at this moment, whose versions are kept.
    Past(CommitNumber),
}

/// One attempt at a [`Job`](crate::Job).
pub struct Attempt<'e> {
    shared: &'e Shared,
    pin: &'e Pin<'e>,
    input: &'e Input,
    running: Running<'e>,
    is_read_only: bool,
    /// Whether it keeps to the moment at which it began, whatever happens meanwhile.
    sees_past: bool,
    company: Company,
    snapshot: Plain<CommitNumber>,
    is_doomed: Plain<bool>,
    entries: Entries<'e>,
    effects: RefCell<Effects>,
    rng: RefCell<TaskRng>,
    /// For the framework's own draws, whatever the game does with its generator.
    inner_rng: RefCell<TaskRng>,
    indices_used: Plain<usize>,
    /// Bytes of objects that had to be loaded: they stay in memory until the attempt ends.
    bytes_loaded: Plain<usize>,
    /// What it was before the last object was loaded.
    bytes_loaded_before: Plain<usize>,
    queued: RefCell<Option<Queued<'e>>>,
    /// Tasks that it has asked for.
    tasks: Plain<u64>,
    /// It has asked for more of them than may wait.
    lacks_tasks: Plain<bool>,
    /// It has wanted to touch more objects than it may.
    lacks_objects: Plain<bool>,
}

impl<'e> Attempt<'e> {
    #[inline]
    pub(crate) fn new(
        shared: &'e Shared,
        pin: &'e Pin<'e>,
        input: &'e Input,
        running: Running<'e>,
        sight: Sight,
        company: Company,
    ) -> Self {
        let (is_read_only, past) = match sight {
            Sight::Change => (false, None),
            Sight::Look => (true, None),
            Sight::Past(snapshot) => (true, Some(snapshot)),
        };
        Self {
            shared,
            pin,
            input,
            running,
            is_read_only,
            sees_past: past.is_some(),
            company,
            snapshot: Plain::new(past.unwrap_or_else(|| pin.last_seen())),
            is_doomed: Plain::new(false),
            entries: Entries::new(),
            effects: RefCell::default(),
            rng: RefCell::new(TaskRng::new(u128::from(input.seed))),
            inner_rng: RefCell::new(TaskRng::new(u128::from(input.seed) << 64 | INNER)),
            indices_used: Plain::new(0),
            bytes_loaded: Plain::new(0),
            bytes_loaded_before: Plain::new(0),
            queued: RefCell::new(None),
            tasks: Plain::new(0),
            lacks_tasks: Plain::new(false),
            lacks_objects: Plain::new(false),
        }
    }

    /// Looks at the object `id`.
    ///
    /// # Errors
    /// [`Fault::NotFound`], [`Fault::WrongType`]; [`Fault::BeingChanged`] while a guard from
    /// [`get_mut`](Self::get_mut) of the same object is alive.
    pub fn get<T: Managed>(&self, id: ObjectId) -> Result<Read<'_, T>, Fault> {
        self.find(id)?.ok_or_else(|| self.not_found::<T>(id))
    }

    /// Looks at the object `id`, or finds that there is none: that too is remembered, and another task's
    /// inserting it is a conflict.
    ///
    /// # Errors
    /// As [`get`](Self::get), but for the missing object.
    pub fn find<T: Managed>(&self, id: ObjectId) -> Result<Option<Read<'_, T>>, Fault> {
        let entry = self.open::<T>(id)?;
        let Ok(slot) = entry.slot.try_borrow() else { return Err(self.being_changed::<T>(id)) };
        let typed =
            std::cell::Ref::filter_map(slot, |slot| (slot.value()? as &dyn Any).downcast_ref());
        match typed {
            Ok(typed) => Ok(Some(Read(typed))),
            Err(slot) => match slot.value() {
                Some(value) => Err(wrong_type::<T>(id, value)),
                None => Ok(None),
            },
        }
    }

    /// A private copy of the object `id`, to be changed.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`Fault::BeingRead`] or [`Fault::BeingChanged`] while any guard of the same
    /// object is alive; [`Fault::ReadOnly`].
    pub fn get_mut<T: Managed>(&self, id: ObjectId) -> Result<Write<'_, T>, Fault> {
        let entry = self.open::<T>(id)?;
        self.may_change::<T>(id)?;
        let mut slot = self.borrow_mut::<T>(entry)?;
        if let Slot::Committed(committed) = *slot
            && let Some(committed) = (committed as &dyn Any).downcast_ref::<T>()
        {
            *slot = Slot::Own(self.pin.copy(committed));
        }
        let typed = RefMut::filter_map(slot, |slot| match slot {
            Slot::Own(own) => (own.value_mut() as &mut dyn Any).downcast_mut(),
            Slot::Absent | Slot::Committed(_) | Slot::Blind(_) => None,
        });
        match typed {
            Ok(typed) => {
                entry.is_changed.set(true);
                Ok(Write(typed))
            }
            Err(slot) => Err(match slot.value() {
                Some(value) => wrong_type::<T>(id, value),
                None => self.not_found::<T>(id),
            }),
        }
    }

    /// Changes the object `id` without looking at it: `operation` is done when the attempt commits, to the value
    /// that the object then has, at this commit's place in the order. So tasks that only do this to an object do
    /// not conflict there. If the object has been looked at already, or is looked at later in the attempt, it is an
    /// ordinary change.
    ///
    /// An error of `operation` makes the job fail with it. The operation must depend on nothing but the value, and be
    /// short: the object is locked for it.
    ///
    /// # Errors
    /// [`Fault::ReadOnly`], [`Fault::TooManyObjects`]; as [`get_mut`](Self::get_mut) if the object has been looked at.
    /// What is wrong with an object that has not, is found when the attempt commits.
    pub fn update<T: Managed>(
        &self,
        id: ObjectId,
        operation: impl Fn(&mut T) -> Result<(), Error> + 'static,
    ) -> Result<(), Error> {
        self.may_go_on()?;
        self.may_change::<T>(id)?;
        let Some(entry) = self.entries.get(id) else {
            // An id that nobody has been given has no cell, and must not get one: anybody can make ids up.
            let cell = match self.shared.table.peek(id, self.pin) {
                None if self.shared.is_unallocated(id) => None,
                known => Some(self.cell(id, known, T::TYPE_NAME)?),
            };
            let slot = Slot::Blind(blind(self.input.kind, operation));
            self.enter(Entry::of_change(id, cell, slot))?;
            return Ok(());
        };
        if let Ok(mut slot) = entry.slot.try_borrow_mut()
            && let Slot::Blind(blind) = &mut *slot
        {
            blind.push(next(id, operation));
            return Ok(());
        }
        operation(&mut *self.get_mut::<T>(id)?)
    }

    /// Makes a new object in `space`.
    ///
    /// # Errors
    /// [`Fault::ReadOnly`], [`Fault::TooManyObjects`].
    pub fn insert<T: Managed>(&self, space: Space, value: T) -> Result<ObjectId, Fault> {
        let id = ObjectId::new(space, self.next_index());
        self.may_go_on()?;
        self.may_change::<T>(id)?;
        if let Some(entry) = self.entries.get(id) {
            // Looked up before it was given, by a reference that somebody made up: nothing was there.
            self.fill(entry, value)?;
            return Ok(id);
        }
        self.enter(Entry::of_change(id, None, Slot::Own(Own::new(value))))?;
        Ok(id)
    }

    /// Makes the object of the given `id`, which there must not be yet.
    ///
    /// # Errors
    /// [`Fault::Exists`] naming what is there already; [`Fault::NotFound`] for an id that nobody has been given;
    /// [`Fault::ReadOnly`], [`Fault::TooManyObjects`].
    pub fn insert_at<T: Managed>(&self, id: ObjectId, value: T) -> Result<(), Fault> {
        if self.shared.table.peek(id, self.pin).is_none() && self.shared.is_unallocated(id) {
            // It would be there when the id is given to another.
            return Err(self.not_found::<T>(id));
        }
        let entry = self.open::<T>(id)?;
        self.may_change::<T>(id)?;
        self.fill(entry, value)
    }

    /// Makes the object of an entry that has none.
    fn fill<T: Managed>(&self, entry: &Entry<'e>, value: T) -> Result<(), Fault> {
        let mut slot = self.borrow_mut::<T>(entry)?;
        if let Some(there) = slot.value() {
            return Err(Fault::Exists { type_name: there.descriptor().name, id: entry.id });
        }
        *slot = Slot::Own(Own::new(value));
        entry.is_changed.set(true);
        Ok(())
    }

    /// Removes the object `id`. Its id is never used again.
    ///
    /// # Errors
    /// As [`get_mut`](Self::get_mut).
    pub fn remove<T: Managed>(&self, id: ObjectId) -> Result<(), Fault> {
        let entry = self.open::<T>(id)?;
        self.may_change::<T>(id)?;
        let mut slot = self.borrow_mut::<T>(entry)?;
        let value = slot.value().ok_or_else(|| self.not_found::<T>(id))?;
        if !(value as &dyn Any).is::<T>() {
            return Err(wrong_type::<T>(id, value));
        }
        *slot = Slot::Absent;
        entry.is_changed.set(true);
        Ok(())
    }

    /// Asks for `effect`, should this attempt commit.
    pub fn effect(&self, effect: Effect) {
        self.effects.borrow_mut().push(effect);
    }

    /// That there is room for one more task that waits, which the attempt then asks for. Where there is none, the attempt fails,
    /// whatever it makes of being told.
    ///
    /// # Errors
    /// [`Fault::TooManyTasks`].
    pub fn add_task(&self) -> Result<(), Fault> {
        self.tasks.set(self.tasks.get() + 1);
        let waiting = self.shared.tasks.as_ref().map_or(0, |tasks| tasks.kept());
        let is_full = waiting + self.tasks.get() > self.shared.limits.tasks_waiting_max;
        if is_full && self.shared.tasks.is_some() {
            self.lacks_tasks.set(true);
        }
        self.may_add_tasks()
    }

    /// That the attempt has not asked for more tasks than may wait.
    pub(crate) fn may_add_tasks(&self) -> Result<(), Fault> {
        if self.lacks_tasks.get() {
            let limit = self.shared.limits.tasks_waiting_max;
            let waiting = self.shared.tasks.as_ref().map_or(0, |tasks| tasks.kept());
            return Err(Fault::TooManyTasks { job: self.input.kind, waiting, limit });
        }
        Ok(())
    }

    /// The job's time: the same in every attempt.
    pub fn now(&self) -> Timestamp {
        *self.input.now.get_or_init(|| self.shared.time.now())
    }

    /// The job's time by the clock on the wall: the same in every attempt.
    pub fn wall_time(&self) -> Timestamp {
        *self.input.wall.get_or_init(|| self.shared.time.wall())
    }

    /// The job's random numbers: the same stream in every attempt.
    pub fn rng(&self) -> RefMut<'_, TaskRng> {
        self.rng.borrow_mut()
    }

    /// Random numbers of the framework's own, to be let go of at once: the same stream in every attempt, and another than
    /// [`rng`](Self::rng), which the game may have in hand, or set back.
    pub fn inner_rng(&self) -> RefMut<'_, TaskRng> {
        self.inner_rng.borrow_mut()
    }

    /// A number below sixteen, the same in every attempt, and mostly another for jobs that run at the same moment. What
    /// many jobs change blindly can be kept in as many objects, each with a part of it, so that cores do not take it
    /// from one another all the time.
    pub fn stripe(&self) -> usize {
        stripe_of(self.input.seed) as usize
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
    fn open<T: Managed>(&self, id: ObjectId) -> Result<&Entry<'e>, Fault> {
        self.may_go_on()?;
        if let Some(entry) = self.entries.get(id) {
            return self.look(entry);
        }
        let known = self.shared.table.peek(id, self.pin);
        if known.is_none() && self.shared.is_unallocated(id) {
            return self.enter(Entry::of_unallocated(id));
        }
        if self.company == Company::Others && self.shared.heat.is_hot(id) {
            self.queue(id);
        }
        let cell = match known {
            Some(cell) => cell,
            None => self.cell(id, None, T::TYPE_NAME)?,
        };
        let version = self.read(id, cell, T::TYPE_NAME)?;
        self.enter(Entry::of_read(id, Some(cell), version))
    }

    /// The entry as one that has been read: what is to be done blindly to a value that is now looked at becomes an
    /// ordinary change.
    fn look<'s>(&self, entry: &'s Entry<'e>) -> Result<&'s Entry<'e>, Fault> {
        let Ok(mut slot) = entry.slot.try_borrow_mut() else { return Ok(entry) };
        if let Slot::Blind(blind) = &*slot {
            let version = match entry.cell.get() {
                Some(cell) => self.read(entry.id, cell, blind.type_name())?,
                None => Version { number: CommitNumber::ZERO, value: None },
            };
            // A refusal too depends on what was looked at, so it is a read like any other.
            entry.has_seen(version);
            let applied = blind.apply(entry.id, version.value, self.pin);
            *slot = Slot::Own(applied.map_err(|error| match error.fault() {
                Some(fault) => fault.clone(),
                None => Fault::Refused { reason: error.to_string() },
            })?);
        }
        Ok(entry)
    }

    /// The version of `cell` that this attempt sees.
    #[inline]
    fn read(
        &self,
        id: ObjectId,
        cell: &'e Cell,
        type_name: &'static str,
    ) -> Result<Version<'e>, Fault> {
        match cell.glance(self.snapshot.get(), self.pin) {
            Some(version) if !self.shared.breaks().snapshot_after_first_read => Ok(version),
            _ => self.read_on(id, cell, type_name),
        }
    }

    /// The version of `cell` that this attempt sees, if need be at a later moment.
    #[cold]
    fn read_on(
        &self,
        id: ObjectId,
        cell: &'e Cell,
        type_name: &'static str,
    ) -> Result<Version<'e>, Fault> {
        if self.shared.breaks().snapshot_after_first_read && self.entries.len() == 0 {
            let Found::Newest(version) = cell.read(CommitNumber(u64::MAX), self.pin) else {
                return Err(Fault::Conflict);
            };
            std::thread::yield_now();
            self.snapshot.set(self.shared.clock.now());
            return Ok(version);
        }
        let mut extensions = 0;
        loop {
            match cell.read(self.snapshot.get(), self.pin) {
                Found::Newest(version) => return Ok(version),
                Found::Older(Some(version)) if self.sees_past => return Ok(version),
                Found::Older(_) if extensions < EXTENSIONS_MAX => {
                    self.in_time()?;
                    self.extend(id)?;
                    extensions += 1;
                }
                // It is changed oftener than all else can be looked through.
                Found::Older(_) => {
                    self.met(id);
                    self.is_doomed.set(true);
                    return Err(Fault::Conflict);
                }
                Found::Away => drop(self.cell(id, Some(cell), type_name)?),
                // The next attempt looks in the table again.
                Found::Gone => {
                    self.is_doomed.set(true);
                    return Err(Fault::Conflict);
                }
            }
        }
    }

    /// The cell of `id`, with the stored version in it; `known` if that has been found already.
    fn cell(
        &self,
        id: ObjectId,
        known: Option<&'e Cell>,
        type_name: &'static str,
    ) -> Result<&'e Cell, Fault> {
        let cell = known.unwrap_or_else(|| self.shared.table.place(id, self.pin));
        if !cell.is_unloaded() && !cell.is_away() {
            return Ok(cell);
        }
        let loaded = self.shared.bring(id, cell, self.company == Company::Alone, self.pin);
        let loaded = loaded.map_err(|cause| Fault::load(type_name, id, &cause))?;
        self.bytes_loaded_before.set(self.bytes_loaded.get());
        self.bytes_loaded.set(self.bytes_loaded.get() + loaded);
        self.has_room()?;
        Ok(cell)
    }

    /// That the attempt has not needed more memory than it may.
    pub(crate) fn has_room(&self) -> Result<(), Fault> {
        let (bytes, limit) = (self.bytes_loaded.get(), self.shared.budget.loaded_max());
        // The last one is let pass: an object that is larger than the limit must be of use to somebody.
        if self.bytes_loaded_before.get() > limit {
            return Err(Fault::LoadsTooMuch { job: self.input.kind, bytes, limit });
        }
        Ok(())
    }

    /// Queues at a hot object that is to be changed blindly, before the commit locks it: only the commits meet there, not
    /// the attempts.
    pub(crate) fn queue_blind(&self, entry: &Entry<'e>) {
        if self.company == Company::Others
            && matches!(*entry.slot.borrow(), Slot::Blind(_))
            && self.shared.heat.is_hot(entry.id)
        {
            self.queue(entry.id);
        }
    }

    /// Queues at a hot object, before it is read; at one only, so that queues cannot deadlock.
    #[cold]
    fn queue(&self, id: ObjectId) {
        if !self.sees_past && self.queued.borrow().is_none() {
            *self.queued.borrow_mut() = self.shared.heat.queue(id);
        }
    }

    /// Moves the snapshot up to now, if all that has been read is still so; otherwise the attempt is doomed. `id` is
    /// what was met that is newer.
    #[cold]
    fn extend(&self, id: ObjectId) -> Result<(), Fault> {
        if self.sees_past {
            self.met(id);
            self.is_doomed.set(true);
            return Err(Fault::Conflict);
        }
        self.move_to_now()
    }

    /// Moves the snapshot up to now, if all that has been read is still so; otherwise the attempt is doomed.
    pub(crate) fn move_to_now(&self) -> Result<(), Fault> {
        // The new snapshot is taken first: a commit that it includes has locked or changed its cells by
        // now, so the check below cannot miss it.
        let now = self.shared.clock.now();
        let is_changed = |entry: &Entry<'_>| !entry.still_holds(self.shared, false, now, self.pin);
        let changed = self.find_entry(is_changed);
        if let Some(changed) = changed.filter(|_| !self.shared.breaks().unchecked_extension) {
            self.met(changed.id);
            self.is_doomed.set(true);
            return Err(Fault::Conflict);
        }
        self.snapshot.set(now);
        self.pin.has_seen(now);
        Ok(())
    }

    #[inline]
    fn enter(&self, entry: Entry<'e>) -> Result<&Entry<'e>, Fault> {
        if self.entries.len() >= self.shared.limits.objects_max {
            self.lacks_objects.set(true);
        }
        self.may_have_objects()?;
        Ok(self.entries.push(entry))
    }

    /// That the attempt has not wanted to touch more objects than it may. If it has, it fails whatever it made of being told: what
    /// is done in several steps, in a collection say, may have got no further than the first.
    #[inline]
    pub(crate) fn may_have_objects(&self) -> Result<(), Fault> {
        if self.lacks_objects.get() {
            let limit = self.shared.limits.objects_max;
            return Err(Fault::TooManyObjects { job: self.input.kind, limit });
        }
        Ok(())
    }

    #[inline]
    fn may_go_on(&self) -> Result<(), Fault> {
        if self.is_doomed.get() {
            return Err(Fault::Conflict);
        }
        self.in_time()
    }

    /// That the attempt has not been running for too long.
    #[inline]
    pub(crate) fn in_time(&self) -> Result<(), Fault> {
        if self.running.is_stopped() {
            let (job, limit) = (self.input.kind, self.shared.limits.time_max);
            return Err(Fault::TooLong { job, limit });
        }
        Ok(())
    }

    #[inline]
    fn may_change<T: Managed>(&self, id: ObjectId) -> Result<(), Fault> {
        if self.is_read_only {
            return Err(Fault::ReadOnly { type_name: T::TYPE_NAME, id, job: self.input.kind });
        }
        Ok(())
    }

    fn borrow_mut<'s, T: Managed>(
        &self,
        entry: &'s Entry<'e>,
    ) -> Result<RefMut<'s, Slot<'e>>, Fault> {
        entry.slot.try_borrow_mut().map_err(|_| match entry.slot.try_borrow() {
            Ok(_) => {
                Fault::BeingRead { type_name: T::TYPE_NAME, id: entry.id, job: self.input.kind }
            }
            Err(_) => self.being_changed::<T>(entry.id),
        })
    }

    /// That there is no such object.
    #[cold]
    pub fn not_found<T: Managed>(&self, id: ObjectId) -> Fault {
        Fault::NotFound { type_name: T::TYPE_NAME, id, job: self.input.kind }
    }

    fn being_changed<T: Managed>(&self, id: ObjectId) -> Fault {
        Fault::BeingChanged { type_name: T::TYPE_NAME, id, job: self.input.kind }
    }

    /// The first entry that `is_wanted`.
    #[inline]
    pub(crate) fn find_entry(&self, is_wanted: impl Fn(&Entry<'e>) -> bool) -> Option<&Entry<'e>> {
        self.entries.find(is_wanted)
    }

    /// Calls `visit` with every entry.
    #[inline]
    pub(crate) fn each_entry<'s>(&'s self, mut visit: impl FnMut(&'s Entry<'e>)) {
        self.entries.each(&mut visit);
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry<'e>> {
        self.entries.iter()
    }

    /// Has the memory budget told of what was touched, if memory is short.
    pub(crate) fn tell_budget(&self) {
        if self.shared.budget.is_engaged() {
            let known = self.entries().filter(|entry| entry.cell.get().is_some());
            self.pin.touch(known.map(|entry| entry.id));
        }
    }

    pub(crate) fn pin(&self) -> &'e Pin<'e> {
        self.pin
    }

    pub(crate) fn kind(&self) -> &'static str {
        self.input.kind
    }

    pub(crate) fn company(&self) -> Company {
        self.company
    }

    pub(crate) fn sees_past(&self) -> bool {
        self.sees_past
    }

    pub(crate) fn snapshot(&self) -> CommitNumber {
        self.snapshot.get()
    }

    pub(crate) fn is_doomed(&self) -> bool {
        self.is_doomed.get()
    }

    /// Learns that a conflict was met at `id`.
    pub(crate) fn met(&self, id: ObjectId) {
        self.shared.heat.warm(id);
    }

    pub(crate) fn effects_bytes(&self) -> usize {
        self.effects.borrow().bytes()
    }

    /// What was looked at, and of which commit it was; where nothing was, commit zero, for the engine does not know for ever
    /// since when that is so.
    pub(crate) fn reads(&self) -> impl Iterator<Item = (ObjectId, CommitNumber)> {
        let number = |entry: &Entry<'_>, seen| match entry.was_there.get() {
            true => seen,
            false => CommitNumber::ZERO,
        };
        self.entries().filter_map(move |entry| Some((entry.id, number(entry, entry.seen.get()?))))
    }

    /// Makes sure that what is to be done blindly has an object to be done to. That nobody has been given the id is
    /// something that was seen.
    pub(crate) fn find_blind(&self, entry: &Entry<'e>) -> Result<(), Fault> {
        let Ok(slot) = entry.slot.try_borrow() else { return Ok(()) };
        let (Slot::Blind(blind), None) = (&*slot, entry.cell.get()) else { return Ok(()) };
        let (id, type_name) = (entry.id, blind.type_name());
        if self.shared.is_unallocated(id) {
            entry.seen.set(Some(CommitNumber::ZERO));
            return Err(Fault::NotFound { type_name, id, job: self.input.kind });
        }
        entry.cell.set(Some(self.cell(id, None, type_name)?));
        Ok(())
    }

    pub(crate) fn input(&self) -> &'e Input {
        self.input
    }

    pub(crate) fn take_effects(&self) -> Effects {
        self.effects.take()
    }

    /// Lets the next in the queue go on: what this attempt changed stands, or is given up.
    pub(crate) fn leave_queue(&self) {
        self.queued.take();
    }

    /// Forgets the changes, keeps the reads: what is left of an attempt that failed by its own will.
    pub(crate) fn discard_changes(&self) {
        self.entries().for_each(|entry| entry.is_changed.set(false));
        self.effects.take();
    }
}

#[cold]
fn wrong_type<T: Managed>(id: ObjectId, value: &dyn Object) -> Fault {
    Fault::WrongType { id, wanted: T::TYPE_NAME, found: value.descriptor().name }
}
