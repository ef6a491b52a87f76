//! What a transaction is performed on: the engine or the model. One performer for both, so that they cannot be
//! asked different questions.

use bytes::Bytes;
use daystar_engine::{Effect, Fault};
use daystar_model::{ObjectId, Space, Timestamp};

use crate::program::{How, Kind, Step, Transaction};

/// What one operation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Value(i64),
    Nothing,
    Done,
    Inserted(ObjectId),
    Drawn(i64),
    Time(Timestamp),
    Refused(Complaint),
}

/// The kind of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Complaint {
    Conflict,
    NotFound,
    /// What is there is not of the wanted type, or there is something where nothing was wanted.
    Unfit,
    BeingRead,
    BeingChanged,
    ReadOnly,
    TooManyObjects,
    /// Nothing that a program can bring about.
    Unexpected,
}

impl Complaint {
    pub(crate) fn of(fault: &Fault) -> Self {
        match fault {
            Fault::Conflict => Self::Conflict,
            Fault::NotFound { .. } => Self::NotFound,
            Fault::WrongType { .. } | Fault::Exists { .. } => Self::Unfit,
            Fault::BeingRead { .. } => Self::BeingRead,
            Fault::BeingChanged { .. } => Self::BeingChanged,
            Fault::ReadOnly { .. } => Self::ReadOnly,
            Fault::TooManyObjects { .. } => Self::TooManyObjects,
            _ => Self::Unexpected,
        }
    }
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Committed,
    Refused,
    Panicked,
    Faulted(Complaint),
    /// Nothing that a program can bring about.
    Unexpected(String),
}

/// A world in the hands of one transaction.
pub(crate) trait Subject {
    fn id(&self, slot: usize) -> ObjectId;
    /// A new object, its id put into the slot.
    fn insert(&self, slot: usize, kind: Kind, value: i64) -> Result<ObjectId, Complaint>;
    fn insert_at(&self, id: ObjectId, kind: Kind, value: i64) -> Result<(), Complaint>;
    fn get(&self, id: ObjectId, kind: Kind) -> Result<i64, Complaint>;
    fn find(&self, id: ObjectId, kind: Kind) -> Result<Option<i64>, Complaint>;
    fn change(&self, id: ObjectId, kind: Kind, how: How) -> Result<i64, Complaint>;
    fn remove(&self, id: ObjectId, kind: Kind) -> Result<(), Complaint>;
    /// Does `then` with the guard alive, and says what the guard shows after it.
    fn while_reading(
        &self,
        id: ObjectId,
        kind: Kind,
        then: &mut dyn FnMut(),
    ) -> Result<i64, Complaint>;
    /// As [`while_reading`](Self::while_reading), the change having been made before.
    fn while_changing(
        &self,
        id: ObjectId,
        kind: Kind,
        how: How,
        then: &mut dyn FnMut(),
    ) -> Result<i64, Complaint>;
    fn send(&self, number: u32);
    fn draw(&self) -> i64;
    fn now(&self) -> Timestamp;
}

/// Takes the transaction's steps; returns what was seen, and what it could not go on after.
pub(crate) fn perform(
    subject: &dyn Subject,
    transaction: &Transaction,
) -> (Vec<Seen>, Option<Complaint>) {
    let mut seen = Vec::new();
    for step in &transaction.steps {
        let before = seen.len();
        take(subject, step, &mut seen);
        let complaint = seen[before..].iter().find_map(|seen| match seen {
            Seen::Refused(complaint) => Some(*complaint),
            _ => None,
        });
        if complaint.is_some() && !transaction.goes_on {
            return (seen, complaint);
        }
    }
    (seen, None)
}

fn take(subject: &dyn Subject, step: &Step, seen: &mut Vec<Seen>) {
    let result = match step {
        &Step::Insert { slot, kind, value } => {
            subject.insert(slot, kind, value).map(Seen::Inserted)
        }
        &Step::InsertAt { slot, kind, value } => {
            subject.insert_at(subject.id(slot), kind, value).map(|()| Seen::Done)
        }
        &Step::Get { slot, kind } => subject.get(subject.id(slot), kind).map(Seen::Value),
        &Step::Find { slot, kind } => {
            let found = subject.find(subject.id(slot), kind);
            found.map(|found| found.map_or(Seen::Nothing, Seen::Value))
        }
        &Step::Change { slot, kind, how } => {
            subject.change(subject.id(slot), kind, how).map(Seen::Value)
        }
        &Step::Remove { slot, kind } => subject.remove(subject.id(slot), kind).map(|()| Seen::Done),
        Step::WhileReading { slot, kind, step } => subject
            .while_reading(subject.id(*slot), *kind, &mut || take(subject, step, seen))
            .map(Seen::Value),
        Step::WhileChanging { slot, kind, how, step } => subject
            .while_changing(subject.id(*slot), *kind, *how, &mut || take(subject, step, seen))
            .map(Seen::Value),
        &Step::Send { number } => {
            subject.send(number);
            Ok(Seen::Done)
        }
        &Step::Draw { slot, kind } => {
            let drawn = subject.draw();
            seen.push(Seen::Drawn(drawn));
            subject.change(subject.id(slot), kind, How::Add(drawn)).map(Seen::Value)
        }
        Step::Now => Ok(Seen::Time(subject.now())),
    };
    seen.push(result.unwrap_or_else(Seen::Refused));
}

/// The message `number` of transaction `index`.
pub(crate) fn message(index: u32, number: u32) -> Effect {
    let frame = [index.to_le_bytes(), number.to_le_bytes()].concat();
    Effect::Send { session: Space::Session.first(), frame: Bytes::from(frame) }
}

/// What transaction `index` has to say when it has failed.
pub(crate) fn last_words(index: u32, end: &End) -> Effect {
    let reason = format!("{end:?}");
    Effect::Refuse { session: Space::Session.first(), call: Some(index), reason }
}

/// Which transaction asked for `effect`, if it is one of ours.
pub(crate) fn author(effect: &Effect) -> Option<u32> {
    match effect {
        Effect::Send { frame, .. } => Some(u32::from_le_bytes(frame.get(..4)?.try_into().ok()?)),
        Effect::Refuse { call, .. } => *call,
        _ => None,
    }
}
