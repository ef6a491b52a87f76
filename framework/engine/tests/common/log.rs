//! A sink that remembers what it was handed.

use std::sync::{Mutex, PoisonError};

use daystar_engine::{CommitSink, Committed, Difference, Effect, Effects, Recorded};
use daystar_model::{CommitNumber, ObjectId};

/// Everything that was handed on, in the order in which it was.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<Handed>>);

/// One commit as it was handed on.
#[derive(Clone, Debug)]
pub(crate) struct Handed {
    pub(crate) number: CommitNumber,
    /// Which objects have a new value, and which are gone.
    pub(crate) changes: Vec<(ObjectId, bool)>,
    pub(crate) effects: Effects,
}

impl CommitSink for Log {
    fn committed(&self, commit: Committed) {
        let changes = commit.changes.iter().map(|(id, value)| (*id, value.is_some())).collect();
        let handed = Handed { number: commit.number, changes, effects: commit.effects };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(handed);
    }
}

impl Log {
    /// All that was handed on so far.
    pub(crate) fn all(&self) -> Vec<Handed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All effects that were handed on so far.
    pub(crate) fn effects(&self) -> Vec<Effect> {
        self.all().into_iter().flat_map(|handed| handed.effects).collect()
    }

    /// That every number was handed on once and in order, and with it what its record says and nothing else.
    pub(crate) fn compare(&self, records: &[Recorded]) -> Result<(), Difference> {
        let differs = |number, what| Err(Difference { number, kind: "the sink", what });
        let mut records = records.iter().filter(|record| !is_silent(record)).peekable();
        for (place, handed) in self.all().iter().enumerate() {
            let number = CommitNumber(place as u64 + 1);
            if handed.number != number {
                return differs(number, format!("it was handed {}", handed.number));
            }
            let record = records.next_if(|record| record.number == number);
            let wanted = record.map(|record| record.effects.clone()).unwrap_or_default();
            if handed.effects != wanted {
                let effects = &handed.effects;
                return differs(number, format!("it was handed {effects:?}, not {wanted:?}"));
            }
            let changed = record.map_or(0, |record| record.changes.len());
            if handed.changes.len() != changed {
                return differs(number, format!("it was handed {handed:?}, not {changed} changes"));
            }
        }
        match records.next() {
            Some(record) => differs(record.number, "it was never handed on".to_owned()),
            None => Ok(()),
        }
    }
}

/// Whether nothing came of it.
fn is_silent(record: &Recorded) -> bool {
    record.changes.is_empty() && record.effects.is_empty()
}
