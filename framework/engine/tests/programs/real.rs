//! The engine as a subject: each operation through the public calls of an attempt.

use std::cell::{Cell, RefCell};

use daystar_engine::{Attempt, Fault};
use daystar_model::{Managed, ObjectId, RecordError, Timestamp, TypeDescriptor};
use parking_lot::Mutex;
use rand::RngExt;

use crate::common::Account;
use crate::program::{How, Kind, SPACES, Slots};
use crate::subject::{Complaint, Subject, message};

/// The other managed type, for mistakes; never written to disk here.
#[derive(Clone)]
pub(crate) struct Tally(i64);

impl Managed for Tally {
    const TYPE_NAME: &'static str = "Tally";
    const VERSION: u32 = 1;
    fn encode(&self) -> Result<Vec<u8>, RecordError> {
        Ok(self.0.to_le_bytes().to_vec())
    }
    fn decode(_: u32, payload: &[u8]) -> Result<Self, RecordError> {
        let bytes =
            payload.try_into().map_err(|_| RecordError::Truncated { length: payload.len() })?;
        Ok(Self(i64::from_le_bytes(bytes)))
    }
    fn descriptor() -> &'static TypeDescriptor {
        static DESCRIPTOR: TypeDescriptor = TypeDescriptor::of::<Tally>();
        &DESCRIPTOR
    }
}

/// A managed type that is a number.
pub(crate) trait Number: Managed {
    fn new(value: i64) -> Self;
    fn value(&self) -> i64;
    fn change(&mut self, how: How) {
        *self = Self::new(how.applied_to(self.value()));
    }
}

impl Number for Account {
    fn new(value: i64) -> Self {
        Self { gold: value }
    }
    fn value(&self) -> i64 {
        self.gold
    }
}

impl Number for Tally {
    fn new(value: i64) -> Self {
        Self(value)
    }
    fn value(&self) -> i64 {
        self.0
    }
}

/// An attempt at a transaction.
pub(crate) struct Real<'a, 'e> {
    index: u32,
    attempt: &'a Attempt<'e>,
    slots: Cell<Slots>,
    /// The slots as all threads see them.
    shared_slots: &'a Mutex<Slots>,
    /// What the engine objected to last.
    pub(crate) fault: RefCell<Option<Fault>>,
    /// Whether anything was changed.
    pub(crate) wrote: Cell<bool>,
}

/// The same work, with `$type` standing for the managed type that `$kind` names.
macro_rules! with_type {
    ($kind:expr, $type:ident => $work:expr) => {
        match $kind {
            Kind::Account => {
                type $type = Account;
                $work
            }
            Kind::Tally => {
                type $type = Tally;
                $work
            }
        }
    };
}

impl<'a, 'e> Real<'a, 'e> {
    pub(crate) fn new(
        index: u32,
        attempt: &'a Attempt<'e>,
        slots: Slots,
        shared_slots: &'a Mutex<Slots>,
    ) -> Self {
        Self {
            index,
            attempt,
            slots: Cell::new(slots),
            shared_slots,
            fault: RefCell::default(),
            wrote: Cell::new(false),
        }
    }

    fn seen<T>(&self, result: Result<T, Fault>) -> Result<T, Complaint> {
        result.map_err(|fault| {
            let complaint = Complaint::of(&fault);
            *self.fault.borrow_mut() = Some(fault);
            complaint
        })
    }

    fn written<T>(&self, result: Result<T, Fault>) -> Result<T, Complaint> {
        self.wrote.set(self.wrote.get() || result.is_ok());
        self.seen(result)
    }

    fn change_and<T: Number>(
        &self,
        id: ObjectId,
        how: How,
        then: &mut dyn FnMut(),
    ) -> Result<i64, Complaint> {
        let mut guard = self.written(self.attempt.get_mut::<T>(id))?;
        guard.change(how);
        then();
        Ok(guard.value())
    }
}

impl Subject for Real<'_, '_> {
    fn id(&self, slot: usize) -> ObjectId {
        // Before every operation: others run in between, on however few cores.
        std::thread::yield_now();
        self.slots.get()[slot]
    }

    fn insert(&self, slot: usize, kind: Kind, value: i64) -> Result<ObjectId, Complaint> {
        let space = SPACES[slot];
        let id = with_type!(kind, T => self.written(self.attempt.insert(space, T::new(value))))?;
        let mut slots = self.slots.get();
        slots[slot] = id;
        self.slots.set(slots);
        self.shared_slots.lock()[slot] = id;
        Ok(id)
    }

    fn insert_at(&self, id: ObjectId, kind: Kind, value: i64) -> Result<(), Complaint> {
        with_type!(kind, T => self.written(self.attempt.insert_at(id, T::new(value))))
    }

    fn get(&self, id: ObjectId, kind: Kind) -> Result<i64, Complaint> {
        with_type!(kind, T => self.seen(self.attempt.get::<T>(id)).map(|guard| guard.value()))
    }

    fn find(&self, id: ObjectId, kind: Kind) -> Result<Option<i64>, Complaint> {
        with_type!(kind, T => {
            let found = self.seen(self.attempt.find::<T>(id))?;
            Ok(found.map(|guard| guard.value()))
        })
    }

    fn change(&self, id: ObjectId, kind: Kind, how: How) -> Result<i64, Complaint> {
        self.while_changing(id, kind, how, &mut || {})
    }

    fn remove(&self, id: ObjectId, kind: Kind) -> Result<(), Complaint> {
        with_type!(kind, T => self.written(self.attempt.remove::<T>(id)))
    }

    fn while_reading(
        &self,
        id: ObjectId,
        kind: Kind,
        then: &mut dyn FnMut(),
    ) -> Result<i64, Complaint> {
        with_type!(kind, T => {
            let guard = self.seen(self.attempt.get::<T>(id))?;
            then();
            Ok(guard.value())
        })
    }

    fn while_changing(
        &self,
        id: ObjectId,
        kind: Kind,
        how: How,
        then: &mut dyn FnMut(),
    ) -> Result<i64, Complaint> {
        with_type!(kind, T => self.change_and::<T>(id, how, then))
    }

    fn send(&self, number: u32) {
        self.attempt.effect(message(self.index, number));
    }

    fn draw(&self) -> i64 {
        self.attempt.rng().random_range(1..1_000_000)
    }

    fn now(&self) -> Timestamp {
        self.attempt.now()
    }
}
