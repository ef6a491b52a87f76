//! The model: a plain map, and what each operation must come to on it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use daystar_engine::Effect;
use daystar_model::{ObjectId, Timestamp};

use crate::program::{Ending, How, Kind, SPACES, Slots, Transaction};
use crate::subject::{Complaint, End, Seen, Subject, last_words, message, perform};

pub(crate) type World = BTreeMap<ObjectId, (Kind, i64)>;

/// What the model cannot know by itself: it is told what the engine gave the transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) ids: VecDeque<ObjectId>,
    pub(crate) draws: VecDeque<i64>,
    pub(crate) times: Vec<Timestamp>,
}

impl Given {
    pub(crate) fn in_what_was(seen: &[Seen]) -> Self {
        let mut given = Self::default();
        for seen in seen {
            match seen {
                Seen::Inserted(id) => given.ids.push_back(*id),
                Seen::Drawn(drawn) => given.draws.push_back(*drawn),
                Seen::Time(time) => given.times.push(*time),
                Seen::Value(_) | Seen::Nothing | Seen::Done | Seen::Refused(_) => {}
            }
        }
        given
    }
}

/// What a transaction comes to at one place in the order.
pub(crate) struct Played {
    pub(crate) seen: Vec<Seen>,
    pub(crate) end: End,
    /// The world after it.
    pub(crate) world: World,
    /// What it may have changed.
    pub(crate) written: BTreeSet<ObjectId>,
    pub(crate) effects: Vec<Effect>,
}

/// Plays transaction `index` on `world`.
pub(crate) fn play(
    world: &World,
    (index, transaction): (u32, &Transaction),
    objects_max: usize,
    slots: Slots,
    given: Given,
) -> Played {
    let model = Model {
        index,
        is_read_only: transaction.is_read_only,
        objects_max,
        world: RefCell::new(world.clone()),
        slots: Cell::new(slots),
        given: RefCell::new(given),
        touched: RefCell::default(),
        written: RefCell::default(),
        guards: RefCell::default(),
        effects: RefCell::default(),
        lacked_objects: Cell::default(),
    };
    let (seen, complaint) = perform(&model, transaction);
    let end = match (complaint, &transaction.ending) {
        (Some(complaint), _) => End::Faulted(complaint),
        // Whatever it made of being told.
        (None, Ending::Commit) if model.lacked_objects.get() => {
            End::Faulted(Complaint::TooManyObjects)
        }
        (None, Ending::Commit) => End::Committed,
        (None, Ending::Refuse) => End::Refused,
        (None, Ending::Panic { .. }) => End::Panicked,
    };
    if end != End::Committed {
        let effects = vec![last_words(index, &end)];
        return Played { seen, end, world: world.clone(), written: BTreeSet::new(), effects };
    }
    Played {
        seen,
        end,
        world: model.world.into_inner(),
        written: model.written.into_inner(),
        effects: model.effects.into_inner(),
    }
}

struct Model {
    index: u32,
    is_read_only: bool,
    objects_max: usize,
    world: RefCell<World>,
    slots: Cell<Slots>,
    given: RefCell<Given>,
    touched: RefCell<BTreeSet<ObjectId>>,
    written: RefCell<BTreeSet<ObjectId>>,
    /// The guards alive: of which object, and what the engine says of it.
    guards: RefCell<Vec<(ObjectId, Complaint)>>,
    effects: RefCell<Vec<Effect>>,
    /// It has wanted to touch more objects than it may.
    lacked_objects: Cell<bool>,
}

/// An id that the engine never gives. The model uses it where it was given none, or a wrong one, and so disagrees.
const NO_ID: ObjectId = ObjectId::from_raw(u64::MAX);

impl Model {
    fn touch(&self, id: ObjectId) -> Result<(), Complaint> {
        let mut touched = self.touched.borrow_mut();
        if touched.len() >= self.objects_max && !touched.contains(&id) {
            self.lacked_objects.set(true);
            return Err(Complaint::TooManyObjects);
        }
        touched.insert(id);
        Ok(())
    }

    fn may_change(&self, id: ObjectId) -> Result<(), Complaint> {
        self.touch(id)?;
        if self.is_read_only {
            return Err(Complaint::ReadOnly);
        }
        match self.guards.borrow().iter().find(|(guarded, _)| *guarded == id) {
            Some((_, complaint)) => Err(*complaint),
            None => Ok(()),
        }
    }

    fn look(&self, id: ObjectId, kind: Kind) -> Result<Option<i64>, Complaint> {
        match self.world.borrow().get(&id) {
            None => Ok(None),
            Some((found, value)) if *found == kind => Ok(Some(*value)),
            Some(_) => Err(Complaint::Unfit),
        }
    }

    fn put(&self, id: ObjectId, object: Option<(Kind, i64)>) {
        self.written.borrow_mut().insert(id);
        match object {
            Some(object) => drop(self.world.borrow_mut().insert(id, object)),
            None => drop(self.world.borrow_mut().remove(&id)),
        }
    }

    fn guarded(&self, id: ObjectId, complaint: Complaint, then: &mut dyn FnMut()) {
        self.guards.borrow_mut().push((id, complaint));
        then();
        self.guards.borrow_mut().pop();
    }
}

impl Subject for Model {
    fn id(&self, slot: usize) -> ObjectId {
        self.slots.get()[slot]
    }

    fn insert(&self, slot: usize, kind: Kind, value: i64) -> Result<ObjectId, Complaint> {
        if self.is_read_only {
            return Err(Complaint::ReadOnly);
        }
        let given = self.given.borrow().ids.front().copied();
        let is_fresh =
            |id: &ObjectId| id.space() == SPACES[slot] && !self.world.borrow().contains_key(id);
        let id = given.filter(is_fresh).unwrap_or(NO_ID);
        self.touch(id)?;
        self.given.borrow_mut().ids.pop_front();
        self.put(id, Some((kind, value)));
        let mut slots = self.slots.get();
        slots[slot] = id;
        self.slots.set(slots);
        Ok(id)
    }

    fn insert_at(&self, id: ObjectId, kind: Kind, value: i64) -> Result<(), Complaint> {
        self.may_change(id)?;
        if self.world.borrow().contains_key(&id) {
            return Err(Complaint::Unfit);
        }
        self.put(id, Some((kind, value)));
        Ok(())
    }

    fn get(&self, id: ObjectId, kind: Kind) -> Result<i64, Complaint> {
        self.find(id, kind)?.ok_or(Complaint::NotFound)
    }

    fn find(&self, id: ObjectId, kind: Kind) -> Result<Option<i64>, Complaint> {
        self.touch(id)?;
        if self.guards.borrow().contains(&(id, Complaint::BeingChanged)) {
            return Err(Complaint::BeingChanged);
        }
        self.look(id, kind)
    }

    fn change(&self, id: ObjectId, kind: Kind, how: How) -> Result<i64, Complaint> {
        self.may_change(id)?;
        let value = how.applied_to(self.look(id, kind)?.ok_or(Complaint::NotFound)?);
        self.put(id, Some((kind, value)));
        Ok(value)
    }

    fn remove(&self, id: ObjectId, kind: Kind) -> Result<(), Complaint> {
        self.may_change(id)?;
        self.look(id, kind)?.ok_or(Complaint::NotFound)?;
        self.put(id, None);
        Ok(())
    }

    fn while_reading(
        &self,
        id: ObjectId,
        kind: Kind,
        then: &mut dyn FnMut(),
    ) -> Result<i64, Complaint> {
        let value = self.get(id, kind)?;
        self.guarded(id, Complaint::BeingRead, then);
        Ok(value)
    }

    fn while_changing(
        &self,
        id: ObjectId,
        kind: Kind,
        how: How,
        then: &mut dyn FnMut(),
    ) -> Result<i64, Complaint> {
        let value = self.change(id, kind, how)?;
        self.guarded(id, Complaint::BeingChanged, then);
        Ok(value)
    }

    fn send(&self, number: u32) {
        self.effects.borrow_mut().push(message(self.index, number));
    }

    fn draw(&self) -> i64 {
        self.given.borrow_mut().draws.pop_front().unwrap_or_default()
    }

    fn now(&self) -> Timestamp {
        // The first answer holds for the whole transaction.
        self.given.borrow().times.first().copied().unwrap_or_default()
    }
}
