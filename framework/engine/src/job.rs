//! A unit of work, and how it ended.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use daystar_model::CommitNumber;

use crate::attempt::Attempt;
use crate::effects::Effects;
use crate::error::{Error, Fault};

/// Something to be run as one transaction. It may be run several times before it commits, so an attempt must not
/// touch anything but the [`Attempt`] it is given.
pub trait Job: Send {
    /// What kind of job this is, for messages and metrics.
    fn kind(&self) -> &'static str;

    /// Whether it only reads: then it sees the moment at which it started, whatever happens meanwhile, and no change makes
    /// it run again. Its place in the order is right behind that moment. What it has to say leaves when it is done, and is
    /// of that moment: others may have said something newer before.
    fn is_read_only(&self) -> bool {
        false
    }

    /// Does the work once. An error rolls everything back.
    ///
    /// # Errors
    /// Whatever the work cannot or will not do.
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error>;

    /// What is to be done when the job was rolled back for good: usually, somebody is told.
    fn failed(&self, cause: &Cause) -> Effects {
        let _ = cause;
        Effects::default()
    }

    /// The job once more, for the record: so that a recorded run can be run again. Without it, a job is not
    /// recorded.
    fn again(&self) -> Option<Box<dyn Job>> {
        None
    }
}

/// Why a job was rolled back for good.
#[derive(Debug)]
pub enum Cause {
    /// It returned an error.
    Error(Error),
    /// It panicked, with this message.
    Panic(String),
}

impl Cause {
    /// Whether the job itself is not at fault: what it changes was not accepted at the moment, and it may succeed later.
    pub fn is_not_accepted(&self) -> bool {
        let Self::Error(error) = self else { return false };
        matches!(error.fault(), Some(Fault::NotAccepted { .. }))
    }

    /// Whether the job itself is not at fault, but a store that could not be read or written at the moment: it may succeed
    /// later.
    pub fn is_passing(&self) -> bool {
        let Self::Error(error) = self else { return false };
        self.is_not_accepted()
            || matches!(error.fault(), Some(Fault::Load { is_passing: true, .. }))
    }
}

/// How a job ended. All of these are expected.
#[derive(Debug)]
#[must_use]
pub enum Outcome {
    /// Everything that it did has happened, as of this commit.
    Committed(CommitNumber),
    /// Nothing that it did has happened.
    Failed(Cause),
}

/// What `job` wants done now that it has failed for good; nothing, if it panics at that too.
pub(crate) fn last_words(job: &dyn Job, cause: &Cause) -> Effects {
    catch_unwind(AssertUnwindSafe(|| job.failed(cause))).unwrap_or_default()
}

/// What a panic said, for whoever contains one.
pub fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_owned()
}
