//! The record of a run, and running it again: the oracle.
//!
//! A recorder is told of every job that has committed or failed for good: what went in, and what came out. Running the
//! same jobs again, one at a time in the order of their commits, must come to the same: same reads, same
//! changes, same messages, bit for bit. That is the promise that the outcome is the one of a single thread.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use daystar_model::{CommitNumber, Object, ObjectId, Timestamp};

use crate::attempt::Attempt;
use crate::effects::Effects;
use crate::engine::Shared;
use crate::handover::Changes;
use crate::job::Job;
use crate::sync::{Arc, Mutex};

/// One job as it went: what went in, and what came out.
pub struct Recorded {
    /// Under which number it left something, which is its place in the commit order unless [`looked_at`](Self::looked_at) says
    /// otherwise; for a job that left nothing, the moment that it saw.
    pub number: CommitNumber,
    /// The moment that it saw, if it only looked, whatever happened meanwhile: its place is right behind that.
    pub looked_at: Option<CommitNumber>,
    /// The job.
    pub job: Box<dyn Job>,
    /// Where its random numbers started.
    pub seed: u64,
    /// Its time, if it asked for it.
    pub now: Option<Timestamp>,
    /// Its time by the clock on the wall, if it asked for that.
    pub wall: Option<Timestamp>,
    /// The indices that its new objects were given.
    pub indices: Vec<u64>,
    /// No id with this index or a higher one had been given away.
    pub next_index: u64,
    /// What it looked at, and of which commit each was.
    pub reads: Vec<(ObjectId, CommitNumber)>,
    /// What it changed.
    pub changes: Changes,
    /// What it asked for.
    pub effects: Effects,
}

/// Is told of every job. Called by many threads at once, and before [`Engine::run`](crate::Engine::run) returns.
pub trait Recorder: Send + Sync {
    /// Takes the record of a job.
    fn record(&self, recorded: Recorded);
}

/// Keeps all records in memory.
#[derive(Default)]
pub struct History(Mutex<Vec<Recorded>>);

impl Recorder for History {
    fn record(&self, recorded: Recorded) {
        self.0.lock().push(recorded);
    }
}

impl History {
    /// Everything recorded so far, by number; a job that left nothing comes after the commit that it saw.
    pub fn take(&self) -> Vec<Recorded> {
        let mut all = std::mem::take(&mut *self.0.lock());
        all.sort_by_key(|recorded| (recorded.number, recorded.is_silent()));
        all
    }
}

impl Recorded {
    /// Whether it has no place of its own in the order, since nothing came out of it.
    pub(crate) fn is_silent(&self) -> bool {
        self.changes.is_empty() && self.effects.is_empty()
    }

    /// Whether it changes nothing for those behind it, and needs no number between theirs.
    fn only_looks(&self) -> bool {
        self.is_silent() || self.looked_at.is_some()
    }

    /// The last commit that comes before it.
    pub(crate) fn behind(&self) -> CommitNumber {
        match self.looked_at {
            Some(moment) => moment,
            None if self.is_silent() => self.number,
            None => CommitNumber(self.number.0 - 1),
        }
    }

    /// Its place: of two jobs, the one with the lesser comes first.
    pub(crate) fn place(&self) -> (CommitNumber, bool) {
        (self.behind(), !self.only_looks())
    }

    /// That `again` came to the same, bit for bit.
    pub(crate) fn compare(&self, again: &Recorded) -> Result<(), Difference> {
        let differs = |what| Difference { number: self.number, kind: self.job.kind(), what };
        if self.reads != again.reads {
            return Err(differs(format!("it read {:?}, then {:?}", self.reads, again.reads)));
        }
        if self.effects != again.effects {
            return Err(differs(format!(
                "it asked for {:?}, then {:?}",
                self.effects, again.effects
            )));
        }
        let (first, second) = (encoded(&self.changes), encoded(&again.changes));
        if first != second {
            return Err(differs(format!("it wrote {first:?}, then {second:?}")));
        }
        Ok(())
    }
}

type Encoded = Result<Vec<u8>, String>;

/// The changes as they are stored; of what cannot be stored, why.
fn encoded(changes: &Changes) -> Vec<(ObjectId, Option<Encoded>)> {
    let stored = |value: &Arc<dyn Object>| value.encode().map_err(|cause| cause.to_string());
    changes.iter().map(|(id, value)| (*id, value.as_ref().map(stored))).collect()
}

/// What was not the same when a recorded run was run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// At which place in the order.
    pub number: CommitNumber,
    /// What kind of job it was.
    pub kind: &'static str,
    /// What it came to first, and what then.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, kind, what } = self;
        write!(f, "`{kind}` at {number} does not come to the same when run again: {what}")
    }
}

impl std::error::Error for Difference {}

/// Tells the recorder, if there is one, what came of `attempt`.
pub(crate) fn record(
    shared: &Shared,
    job: &dyn Job,
    attempt: &Attempt<'_>,
    number: CommitNumber,
    changes: &Changes,
    effects: &Effects,
) {
    let Some(recorder) = &shared.recorder else { return };
    let is_stopped = attempt.in_time().is_err()
        || attempt.has_room().is_err()
        || attempt.may_add_tasks().is_err();
    if is_stopped && changes.is_empty() {
        // By a clock, by what was not in memory, or by how many tasks wait: no second run can be expected to be stopped at the same place.
        return;
    }
    let Ok(Some(job)) = catch_unwind(AssertUnwindSafe(|| job.again())) else { return };
    let input = attempt.input();
    recorder.record(Recorded {
        number,
        looked_at: attempt.sees_past().then(|| attempt.snapshot()),
        job,
        seed: input.seed,
        now: input.now.get().copied(),
        wall: input.wall.get().copied(),
        indices: input.indices.borrow().clone(),
        next_index: shared.ids_given(),
        reads: attempt.reads().collect(),
        changes: changes.clone(),
        effects: effects.clone(),
    });
}
