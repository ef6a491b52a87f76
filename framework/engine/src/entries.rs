//! The objects that one attempt knows, in the order in which it met them: a list that grows while references into
//! it live.

use std::cell::{Cell as Plain, OnceCell, RefCell};
use std::collections::HashMap;

use daystar_model::{CommitNumber, Object, ObjectId};
use elsa::FrozenVec;
use foldhash::fast::FixedState;

use crate::cell::Cell;
use crate::sync::Arc;

/// One object as an attempt knows it.
pub(crate) struct Entry<'e> {
    pub(crate) id: ObjectId,
    /// Unset for an object of the attempt's own making, and for an id that nobody has been given.
    pub(crate) cell: OnceCell<&'e Cell>,
    /// The version that was read; `None` for an object of the attempt's own making.
    pub(crate) seen: Option<CommitNumber>,
    pub(crate) slot: RefCell<Slot>,
    pub(crate) is_changed: Plain<bool>,
}

/// An object's value in an attempt.
pub(crate) enum Slot {
    Absent,
    Committed(Arc<dyn Object>),
    /// Shared with nobody until the commit; an `Arc` already, so that the commit need not move it.
    Own(Arc<dyn Object>),
}

impl Slot {
    pub(crate) fn value(&self) -> Option<&dyn Object> {
        match self {
            Slot::Absent => None,
            Slot::Committed(value) | Slot::Own(value) => Some(&**value),
        }
    }
}

/// Most tasks touch fewer objects than this: they need neither an allocation nor a hash.
const NEAR: usize = 8;

#[derive(Default)]
pub(crate) struct Entries<'e> {
    near: [OnceCell<Entry<'e>>; NEAR],
    far: FrozenVec<Box<Entry<'e>>>,
    /// Where the far ones are.
    index: RefCell<HashMap<ObjectId, usize, FixedState>>,
    len: Plain<usize>,
}

impl<'e> Entries<'e> {
    pub(crate) fn len(&self) -> usize {
        self.len.get()
    }

    pub(crate) fn get(&self, id: ObjectId) -> Option<&Entry<'e>> {
        let near = self.near.iter().map_while(OnceCell::get).find(|entry| entry.id == id);
        if near.is_some() || self.far.is_empty() {
            return near;
        }
        let place = self.index.borrow().get(&id).copied();
        self.far.get(place?)
    }

    /// Adds an entry, which there must not be yet.
    pub(crate) fn push(&self, entry: Entry<'e>) -> &Entry<'e> {
        let len = self.len.replace(self.len.get() + 1);
        match self.near.get(len) {
            Some(place) => place.get_or_init(|| entry),
            None => {
                self.index.borrow_mut().insert(entry.id, self.far.len());
                self.far.push_get(Box::new(entry))
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry<'e>> {
        self.near.iter().map_while(OnceCell::get).chain(self.far.iter())
    }
}
