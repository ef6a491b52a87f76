//! The objects that one attempt knows, in the order in which it met them: a list that grows while references into
//! it live.

use std::cell::{Cell as Plain, OnceCell, RefCell};
use std::collections::HashMap;

use daystar_model::{CommitNumber, Object, ObjectId};
use elsa::FrozenVec;
use foldhash::fast::FixedState;

use crate::blind::Blind;
use crate::cell::{Cell, Version};
use crate::engine::Shared;
use crate::reclaim::{Own, Pin};

#[cfg(all(test, not(any(feature = "shuttle", feature = "loom"))))]
mod tests;

/// One object as an attempt knows it.
pub(crate) struct Entry<'e> {
    pub(crate) id: ObjectId,
    /// Unset for an object of the attempt's own making, and for an id that nobody has been given.
    pub(crate) cell: Plain<Option<&'e Cell>>,
    /// The version that was read; `None` for an object of the attempt's own making, and for one that is only changed
    /// blindly.
    pub(crate) seen: Plain<Option<CommitNumber>>,
    /// Whether that version had a value.
    pub(crate) was_there: Plain<bool>,
    pub(crate) slot: RefCell<Slot<'e>>,
    pub(crate) is_changed: Plain<bool>,
}

impl<'e> Entry<'e> {
    /// What was read.
    #[inline]
    pub(crate) fn of_read(id: ObjectId, cell: Option<&'e Cell>, version: Version<'e>) -> Self {
        Self {
            id,
            cell: Plain::new(cell),
            seen: Plain::new(Some(version.number)),
            was_there: Plain::new(version.value.is_some()),
            slot: RefCell::new(version.value.map_or(Slot::Absent, Slot::Committed)),
            is_changed: Plain::new(false),
        }
    }

    /// What is seen under an id that nobody has been given.
    pub(crate) fn of_unallocated(id: ObjectId) -> Self {
        Self::of_read(id, None, Version { number: CommitNumber::ZERO, value: None })
    }

    /// What is made, or changed without a look.
    #[inline]
    pub(crate) fn of_change(id: ObjectId, cell: Option<&'e Cell>, slot: Slot<'e>) -> Self {
        Self {
            id,
            cell: Plain::new(cell),
            seen: Plain::new(None),
            was_there: Plain::new(false),
            slot: RefCell::new(slot),
            is_changed: Plain::new(true),
        }
    }

    /// Remembers that `version` was read.
    pub(crate) fn has_seen(&self, version: Version<'_>) {
        self.seen.set(Some(version.number));
        self.was_there.set(version.value.is_some());
    }

    /// Whether what was read is still the newest there is, and so was at the moment `at`, which is not to come; `is_locked`
    /// says that the caller has locked it.
    pub(crate) fn still_holds(
        &self,
        shared: &Shared,
        is_locked: bool,
        at: CommitNumber,
        pin: &Pin<'_>,
    ) -> bool {
        let Some(seen) = self.seen.get() else { return true };
        match self.cell.get().or_else(|| shared.table.peek(self.id, pin)) {
            Some(cell) if self.was_there.get() => {
                let is_broken = shared.breaks().away_is_unchanged && cell.is_away();
                is_broken || cell.is_still(seen, is_locked)
            }
            // Nothing is nothing, of whichever commit.
            Some(cell) => cell.is_nothing(at, is_locked),
            // Nobody had been given the id when it was looked up. If somebody has since, and has committed the object before
            // the moment in question, its cell is there: cells are made before numbers are taken. Or it was given up, and
            // what was removed may have been there at that moment, unless it went before.
            None => shared.table.gone_until() <= at,
        }
    }
}

/// An object's value in an attempt.
pub(crate) enum Slot<'e> {
    Absent,
    /// In the world, for as long as the attempt is pinned.
    Committed(&'e dyn Object),
    /// A private copy.
    Own(Own),
    /// Not looked at: what is to be done to it when the attempt commits.
    Blind(Box<dyn Blind>),
}

impl Slot<'_> {
    /// The type of the object, as far as the attempt knows it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Slot::Absent => "object",
            Slot::Committed(value) => value.descriptor().name,
            Slot::Own(own) => own.value().descriptor().name,
            Slot::Blind(blind) => blind.type_name(),
        }
    }

    pub(crate) fn value(&self) -> Option<&dyn Object> {
        match self {
            Slot::Absent | Slot::Blind(_) => None,
            Slot::Committed(value) => Some(*value),
            Slot::Own(own) => Some(own.value()),
        }
    }
}

/// Most tasks touch fewer objects than this: they need neither an allocation nor a hash.
const NEAR: usize = 8;

pub(crate) struct Entries<'e> {
    len: Plain<usize>,
    /// The ids of the near ones, side by side: they are looked through at every access.
    ids: [Plain<ObjectId>; NEAR],
    near: [OnceCell<Entry<'e>>; NEAR],
    far: FrozenVec<Box<Entry<'e>>>,
    /// Where the far ones are.
    index: RefCell<HashMap<ObjectId, usize, FixedState>>,
}

impl<'e> Entries<'e> {
    pub(crate) fn new() -> Self {
        Self {
            len: Plain::new(0),
            ids: [const { Plain::new(ObjectId::from_raw(0)) }; NEAR],
            near: [const { OnceCell::new() }; NEAR],
            far: FrozenVec::new(),
            index: RefCell::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    #[inline]
    pub(crate) fn get(&self, id: ObjectId) -> Option<&Entry<'e>> {
        let len = self.len.get();
        match self.ids.iter().take(len).position(|near| near.get() == id) {
            Some(place) => self.near[place].get(),
            None if len <= NEAR => None,
            None => self.get_far(id),
        }
    }

    fn get_far(&self, id: ObjectId) -> Option<&Entry<'e>> {
        let place = self.index.borrow().get(&id).copied();
        self.far.get(place?)
    }

    /// Adds an entry, which there must not be yet.
    #[inline]
    pub(crate) fn push(&self, entry: Entry<'e>) -> &Entry<'e> {
        let len = self.len.get();
        self.len.set(len + 1);
        if let (Some(id), Some(place)) = (self.ids.get(len), self.near.get(len)) {
            id.set(entry.id);
            return place.get_or_init(|| entry);
        }
        self.push_far(entry)
    }

    #[cold]
    fn push_far(&self, entry: Entry<'e>) -> &Entry<'e> {
        self.index.borrow_mut().insert(entry.id, self.far.len());
        self.far.push_get(Box::new(entry))
    }

    /// Each, in the order in which they were met.
    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<'e>> {
        self.near.iter().map_while(OnceCell::get).chain(self.far.iter())
    }

    /// Calls `visit` with each, without the cost of a chain of iterators for the few that there mostly are.
    #[inline]
    pub(crate) fn each<'s>(&'s self, visit: &mut impl FnMut(&'s Entry<'e>)) {
        self.near.iter().take(self.len.get()).filter_map(OnceCell::get).for_each(&mut *visit);
        if self.len.get() > NEAR {
            self.far.iter().for_each(visit);
        }
    }

    /// The first that `is_wanted`, without the cost of a chain of iterators for the few that there mostly are.
    #[inline]
    pub(crate) fn find(&self, is_wanted: impl Fn(&Entry<'e>) -> bool) -> Option<&Entry<'e>> {
        for place in self.near.iter().take(self.len.get()) {
            if let Some(entry) = place.get()
                && is_wanted(entry)
            {
                return Some(entry);
            }
        }
        if self.len.get() <= NEAR {
            return None;
        }
        self.far.iter().find(|entry| is_wanted(entry))
    }
}
