//! The conflict ladder: how a job that meets others is certain to commit.
//!
//! First it is run again, a little later each time. After [`OPTIMISTIC_ATTEMPTS`] it is run alone, behind
//! the gate that every commit passes: nobody can change anything while it runs, so its next attempt commits.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::attempt::{Attempt, Input};
use crate::commit::{CommitOutcome, commit, publish};
use crate::engine::Shared;
use crate::handover::CommitSink;
use crate::job::{Cause, Job, Outcome};
use crate::sync::Backoff;

/// How often a job is tried beside the others before it is run alone.
const OPTIMISTIC_ATTEMPTS: u32 = 16;

/// Runs `job` until it has committed or failed for good.
pub(crate) fn climb(
    shared: &Shared,
    sink: &dyn CommitSink,
    job: &dyn Job,
    input: &Input,
) -> Outcome {
    let mut backoff = Backoff::default();
    for _ in 0..OPTIMISTIC_ATTEMPTS {
        if let Some(outcome) = try_once(shared, sink, job, input, Company::Others) {
            return outcome;
        }
        shared.counters.conflicts.add_one();
        backoff.wait();
    }
    shared.counters.alone.add_one();
    let _alone = shared.gate.close();
    loop {
        // Read-only attempts can still come to nothing here, when a version that they want is kept no
        // longer; with the gate closed, none is thrown away.
        if let Some(outcome) = try_once(shared, sink, job, input, Company::Alone) {
            return outcome;
        }
    }
}

/// Who else may commit meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Company {
    Others,
    Alone,
}

/// One attempt; `None` if it met a conflict.
fn try_once(
    shared: &Shared,
    sink: &dyn CommitSink,
    job: &dyn Job,
    input: &Input,
    company: Company,
) -> Option<Outcome> {
    let registered = job.is_read_only().then(|| shared.snapshots.register(&shared.clock));
    let snapshot = registered.as_ref().map(|registered| registered.snapshot);
    let attempt = Attempt::new(shared, input, snapshot, company == Company::Others);
    let result = catch_unwind(AssertUnwindSafe(|| job.attempt(&attempt)));
    if attempt.is_doomed() {
        // Whatever came out of it, error, panic or success: it is not the job's own.
        return None;
    }
    let cause = match result {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(Cause::Error(error)),
        Err(panic) => Some(Cause::Panic(panic_message(&*panic))),
    };
    let effects = match &cause {
        None => attempt.take_effects(),
        Some(cause) => {
            attempt.discard_changes();
            job.failed(cause)
        }
    };
    // A failure too must be true of the world at one place in the order, so it is checked like a success.
    let gate = (company == Company::Others).then(|| shared.gate.pass());
    let outcome = if registered.is_some() {
        publish(shared, sink, &attempt, effects)
    } else {
        commit(shared, sink, &attempt, effects)
    };
    drop(gate);
    match (outcome, cause) {
        (CommitOutcome::Conflicted, _) => None,
        (CommitOutcome::Done(number), None) => {
            shared.counters.commits.add_one();
            Some(Outcome::Committed(number))
        }
        (CommitOutcome::Done(_), Some(cause)) => {
            shared.counters.failures.add_one();
            Some(Outcome::Failed(cause))
        }
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}
