//! The conflict ladder: how a job that meets others is certain to commit.
//!
//! First it is run again, after a little while, or after whoever was in its way. Then with everything reserved that its
//! last attempt touched: nobody can change that while it runs, so its next attempt can only meet others at what
//! it touches for the first time. Last it is run alone, behind the gate that every commit passes: nobody can
//! change anything while it runs, so that attempt commits. A job seen to be long skips the rest of the first rung,
//! since more of its time would be lost with each attempt.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use daystar_model::ObjectId;

use crate::attempt::{Attempt, Company, Input, Sight};
use crate::cell::Reserver;
use crate::commit::{CommitOutcome, Writes, check_bytes, check_nesting, commit};
use crate::engine::Shared;
use crate::error::Fault;
use crate::handover::CommitSink;
use crate::job::{Cause, Job, Outcome, last_words, panic_message};
use crate::reserve::Reservation;
use crate::seat::{Seated, bump};
use crate::sync::{Backoff, Ordering};

/// How often a job is tried with its last footprint reserved.
const RESERVED_ATTEMPTS: u32 = 3;

/// From how many objects on, or what time, a job that has met a conflict counts as long.
const LONG_FOOTPRINT: usize = 256;
const LONG_TIME: Duration = Duration::from_millis(5);

/// Runs `job` until it has committed or failed for good.
pub(crate) fn climb(
    shared: &Shared,
    sink: &dyn CommitSink,
    job: &dyn Job,
    input: &Input,
    seated: &Seated<'_>,
) -> Outcome {
    let climber = Climber { shared, sink, job, input, seated };
    let first = match shared.limits.attempts_max {
        0 | 1 => climber.alone(),
        _ => climber.first(),
    };
    let mut met = match first {
        Ok(outcome) => return outcome,
        Err(met) => met,
    };
    let tally = &seated.seat.tally;
    let mut backoff = Backoff::default();
    let mut is_long = shared.long.is_long(job.kind());
    let mut attempts = 1;
    loop {
        attempts += 1;
        bump(&tally.conflicts);
        tally.attempts_most.fetch_max(u64::from(attempts), Ordering::Relaxed);
        is_long |= met.footprint.len() >= LONG_FOOTPRINT;
        let began = shared.time.now();
        let left = shared.limits.attempts_max.saturating_sub(attempts);
        let tried = if left == 0 {
            climber.alone()
        } else if job.is_read_only() {
            // No change was in its way, only a cell that was given up under it: another moment will do.
            climber.look()
        } else if left <= RESERVED_ATTEMPTS || is_long {
            climber.reserved(&met.footprint)
        } else {
            match met.reserver {
                Some(reserver) => drop(shared.seats.seat(reserver.to_seat()).turnstile.lock()),
                None => backoff.wait(),
            }
            climber.attempt(Sight::Change, Company::Others)
        };
        match tried {
            Ok(outcome) => {
                shared.long.learn(job.kind(), is_long);
                return outcome;
            }
            Err(again) => met = again,
        }
        is_long |= shared.time.now().since(began) >= LONG_TIME;
    }
}

/// What an attempt that came to nothing leaves for the next.
struct Met {
    /// What it touched, in id order.
    footprint: Vec<ObjectId>,
    /// Who had reserved what it wanted to write.
    reserver: Option<Reserver>,
}

/// A job on its way up.
struct Climber<'a, 's> {
    shared: &'a Shared,
    sink: &'a dyn CommitSink,
    job: &'a dyn Job,
    input: &'a Input,
    seated: &'a Seated<'s>,
}

impl Climber<'_, '_> {
    fn first(&self) -> Result<Outcome, Met> {
        match self.job.is_read_only() {
            true => self.look(),
            false => self.attempt(Sight::Change, Company::Others),
        }
    }

    /// An attempt that only reads: it sees one moment, whatever happens meanwhile.
    fn look(&self) -> Result<Outcome, Met> {
        let registered = self.shared.snapshots.register(&self.shared.clock);
        let outcome = self.attempt(Sight::Past(registered.snapshot), Company::Others);
        drop(registered);
        self.shared.tidy(self.seated);
        outcome
    }

    /// An attempt that nobody can change anything under that the last one touched.
    fn reserved(&self, footprint: &[ObjectId]) -> Result<Outcome, Met> {
        bump(&self.seated.seat.tally.reserved);
        let own = Reserver::seat(self.seated.number);
        let _reservation = Reservation::make(self.shared, self.seated, own, footprint);
        self.attempt(Sight::Change, Company::Reserved(own))
    }

    /// An attempt that nobody can change anything under.
    fn alone(&self) -> Result<Outcome, Met> {
        bump(&self.seated.seat.tally.alone);
        let _alone = self.shared.gate.close(&self.shared.seats);
        let sight = if self.job.is_read_only() { Sight::Look } else { Sight::Change };
        self.attempt(sight, Company::Alone)
    }

    fn attempt(&self, sight: Sight, company: Company) -> Result<Outcome, Met> {
        let Self { shared, sink, job, input, seated } = *self;
        let yard = &seated.yard;
        let pin = shared.epoch.pin(&shared.seats, seated.seat, yard);
        let running = seated.seat.watched.begin(input.kind);
        let attempt = Attempt::new(shared, &pin, input, running, sight, company);
        let result = catch_unwind(AssertUnwindSafe(|| job.attempt(&attempt)));
        if attempt.is_doomed() {
            // Whatever came out of it, error, panic or success: it is not the job's own.
            return Err(met(&attempt, None));
        }
        let mut writes = Writes::default();
        let cause = match result {
            Ok(Ok(())) => {
                collect(shared, &attempt, &mut writes).err().map(|fault| Cause::Error(fault.into()))
            }
            Ok(Err(error)) => Some(Cause::Error(error)),
            Err(panic) => Some(Cause::Panic(panic_message(&*panic))),
        };
        let effects = match &cause {
            None => attempt.take_effects(),
            Some(cause) => {
                writes = Writes::default();
                attempt.discard_changes();
                last_words(job, cause)
            }
        };
        // A failure too must be true of the world at one place in the order, so it is committed like a success.
        let mut outcome = commit(shared, sink, job, &attempt, seated.seat, writes, effects);
        let mut cause = cause;
        if let CommitOutcome::Failed(late) = outcome {
            attempt.discard_changes();
            let effects = last_words(job, &late);
            let nothing = Writes { is_unrepeatable: late.is_passing(), ..Writes::default() };
            cause = Some(late);
            outcome = commit(shared, sink, job, &attempt, seated.seat, nothing, effects);
        }
        let number = match outcome {
            CommitOutcome::Done(number) => number,
            CommitOutcome::Reserved(reserver) => return Err(met(&attempt, Some(reserver))),
            CommitOutcome::Conflicted | CommitOutcome::Failed(_) => {
                return Err(met(&attempt, None));
            }
        };
        attempt.tell_budget();
        let tally = &seated.seat.tally;
        Ok(match cause {
            None => {
                bump(&tally.commits);
                Outcome::Committed(number)
            }
            Some(cause) => {
                bump(&tally.failures);
                Outcome::Failed(cause)
            }
        })
    }
}

/// Collects what an attempt that is over has changed, if it has not used more than it may, whatever it made of being
/// told.
fn collect<'a, 'e>(
    shared: &Shared,
    attempt: &'a Attempt<'e>,
    writes: &mut Writes<'a, 'e>,
) -> Result<(), Fault> {
    attempt.in_time()?;
    attempt.has_room()?;
    attempt.may_add_tasks()?;
    attempt.may_have_objects()?;
    writes.bytes = attempt.effects_bytes();
    let (mut job_ends, kind) = (Ok(()), attempt.kind());
    attempt.each_entry(|entry| {
        if !entry.is_changed.get() || job_ends.is_err() {
            return;
        }
        job_ends = attempt.find_blind(entry);
        match entry.slot.try_borrow_mut() {
            Ok(slot) => {
                if let (Ok(()), Some(value)) = (&job_ends, slot.value()) {
                    // Before it is counted, which goes all the way down.
                    job_ends = check_nesting(attempt, entry, value);
                    writes.bytes += job_ends.as_ref().map_or(0, |()| value.bytes());
                }
            }
            Err(_) => job_ends = Err(Fault::GuardKept { id: entry.id, job: kind }),
        }
        writes.entries.push(entry);
    });
    job_ends?;
    check_bytes(shared, attempt, writes.bytes)
}

#[cold]
fn met(attempt: &Attempt<'_>, reserver: Option<Reserver>) -> Met {
    let known = attempt.entries().filter(|entry| entry.cell.get().is_some());
    let mut footprint: Vec<ObjectId> = known.map(|entry| entry.id).collect();
    footprint.sort_unstable();
    Met { footprint, reserver }
}
