//! A transaction as a job of the engine, and what its attempts saw.

use std::panic::{set_hook, take_hook};
use std::sync::Once;

use daystar_engine::{Attempt, Cause, Effects, Error, Job, Outcome};
use parking_lot::Mutex;

use crate::program::{Ending, How, Kind, Slots, Transaction};
use crate::real::Real;
use crate::subject::{Complaint, End, Seen, Subject, last_words, perform};

/// A transaction being run.
pub(crate) struct Performance<'a> {
    pub(crate) index: u32,
    pub(crate) transaction: &'a Transaction,
    /// The slots before its first attempt. Later attempts start from the same: ids that were given to one attempt must
    /// not leak into the next.
    pub(crate) slots: Slots,
    pub(crate) shared_slots: &'a Mutex<Slots>,
    /// Every attempt so far; the last one counts.
    pub(crate) attempts: Mutex<Vec<Attempted>>,
}

/// What one attempt saw.
#[derive(Debug)]
pub(crate) struct Attempted {
    pub(crate) seen: Vec<Seen>,
    pub(crate) wrote: bool,
}

impl Job for Performance<'_> {
    fn kind(&self) -> &'static str {
        "transaction"
    }

    fn is_read_only(&self) -> bool {
        self.transaction.is_read_only
    }

    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        if self.attempts.lock().len() == ATTEMPTS_MAX {
            return Err(Error::refused("it has been run again and again, and never commits"));
        }
        let real = Real::new(self.index, attempt, self.slots, self.shared_slots);
        let (seen, complaint) = perform(&real, self.transaction);
        self.attempts.lock().push(Attempted { seen, wrote: real.wrote.get() });
        if let (Some(_), Some(fault)) = (complaint, real.fault.take()) {
            return Err(fault.into());
        }
        match self.transaction.ending {
            Ending::Commit => Ok(()),
            Ending::Refuse => Err(Error::refused(REFUSAL)),
            Ending::Panic { slot } => {
                let (id, how) = (real.id(slot), How::Add(1));
                let _ = real.while_changing(id, Kind::Account, how, &mut || panic!("{PANIC}"));
                panic!("{PANIC}")
            }
        }
    }

    fn failed(&self, cause: &Cause) -> Effects {
        let mut effects = Effects::default();
        effects.push(last_words(self.index, &end_of(cause)));
        effects
    }
}

/// How a transaction with this outcome ended.
pub(crate) fn end(outcome: &Outcome) -> End {
    match outcome {
        Outcome::Committed(_) => End::Committed,
        Outcome::Failed(cause) => end_of(cause),
    }
}

fn end_of(cause: &Cause) -> End {
    match cause {
        Cause::Error(error) if error.is_refusal() && error.to_string() == REFUSAL => End::Refused,
        Cause::Error(error) => match error.fault() {
            Some(fault) => End::Faulted(Complaint::of(fault)),
            None => End::Unexpected(error.to_string()),
        },
        Cause::Panic(message) if message == PANIC => End::Panicked,
        Cause::Panic(message) => End::Unexpected(message.clone()),
    }
}

/// Lets the panics of programs pass without a message on the terminal, and no others.
pub(crate) fn hush() {
    static HUSHED: Once = Once::new();
    HUSHED.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if panic.payload_as_str() != Some(PANIC) {
                loud(panic);
            }
        }));
    });
}

/// Far more than the engine may need, whatever its ladder looks like; so that a test ends that would not.
const ATTEMPTS_MAX: usize = 1_000;

const REFUSAL: &str = "the program wants it so";
const PANIC: &str = "the program panics";
