//! Why a job could not go on: the error that game code passes along with `?`.

use std::fmt;

use daystar_model::{ObjectId, StoreError};

/// What game code returns when it cannot or will not go on. The job is rolled back, and the client whose request it was is
/// told the error's text.
///
/// Made by `ensure!` and `bail!`, or by `?` from any standard error. Like other catch-all error types it does
/// not implement [`std::error::Error`] itself, so that `?` can convert from everything that does.
pub struct Error(Box<Kind>);

enum Kind {
    Refused(String),
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A refusal by the game's own rules; `reason` is what the client is shown.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self(Box::new(Kind::Refused(reason.into())))
    }

    /// Whether the game refused by its own rules, as against something that went wrong.
    pub fn is_refusal(&self) -> bool {
        matches!(*self.0, Kind::Refused(_)) || matches!(self.fault(), Some(Fault::Refused { .. }))
    }

    /// What the engine objected to, if it was the engine.
    pub fn fault(&self) -> Option<&Fault> {
        self.downcast_ref()
    }

    /// The error, what caused it, what caused that, and so on, in one line: for an operator. A client is shown the error alone.
    ///
    /// ```
    /// # use daystar_engine::Error;
    /// # #[derive(Debug)]
    /// # struct NotSaved(std::io::Error);
    /// # impl std::fmt::Display for NotSaved {
    /// #     fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str("not saved") }
    /// # }
    /// # impl std::error::Error for NotSaved {
    /// #     fn source(&self) -> Option<&(dyn std::error::Error + 'static)> { Some(&self.0) }
    /// # }
    /// let error = Error::from(NotSaved(std::io::Error::other("no room")));
    /// assert_eq!(error.to_string(), "not saved");
    /// assert_eq!(error.with_causes(), "not saved: no room");
    /// ```
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let Kind::Other(cause) = &*self.0 else { return text };
        let mut next = cause.source();
        while let Some(cause) = next {
            // Some show their cause themselves.
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                text.push_str(": ");
                text.push_str(&cause_text);
            }
            next = cause.source();
        }
        text
    }

    /// The error that `?` made this of, if it was of type `E`.
    pub fn downcast_ref<E: std::error::Error + 'static>(&self) -> Option<&E> {
        match &*self.0 {
            Kind::Refused(_) => None,
            Kind::Other(cause) => cause.downcast_ref(),
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Error {
    fn from(cause: E) -> Self {
        Self(Box::new(Kind::Other(Box::new(cause))))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Refused(reason) => f.write_str(reason),
            Kind::Other(cause) => fmt::Display::fmt(cause, f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the engine objects to. Each says which object, of which type, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Another commit came in between. Never seen by a client: the job is run again, also when game code
    /// swallows this.
    #[error("another task changed what this one had read; it is run again")]
    Conflict,
    /// There is no object under the reference.
    #[error(
        "{type_name} {id}, which task `{job}` wants, does not exist: it was removed, or never was"
    )]
    NotFound {
        /// The type that the reference claims.
        type_name: &'static str,
        /// The reference.
        id: ObjectId,
        /// The job.
        job: &'static str,
    },
    /// The object under the reference is of another type.
    #[error("{id} is of type {found}, not {wanted}")]
    WrongType {
        /// The reference.
        id: ObjectId,
        /// The type that the reference claims.
        wanted: &'static str,
        /// The object's type.
        found: &'static str,
    },
    /// An object was to be made under an id that has one.
    #[error("{type_name} {id} exists already: change it, or remove it first")]
    Exists {
        /// The type of the object that is there.
        type_name: &'static str,
        /// The id.
        id: ObjectId,
    },
    /// `get` or `remove` while a `get_mut` of the same object is alive.
    #[error(
        "task `{job}` is changing {type_name} {id} already: let the guard from `get_mut` end before using the object again"
    )]
    BeingChanged {
        /// The object's type.
        type_name: &'static str,
        /// The object.
        id: ObjectId,
        /// The job.
        job: &'static str,
    },
    /// `get_mut` or `remove` while a `get` of the same object is alive.
    #[error(
        "task `{job}` is reading {type_name} {id}: let the guard from `get` end before changing the object"
    )]
    BeingRead {
        /// The object's type.
        type_name: &'static str,
        /// The object.
        id: ObjectId,
        /// The job.
        job: &'static str,
    },
    /// A guard of an object was kept for good, by `std::mem::forget` or in a circle of references.
    #[error(
        "task `{job}` has kept a guard of {id} for good: let the guards from `get` and `get_mut` end"
    )]
    GuardKept {
        /// The object.
        id: ObjectId,
        /// The job.
        job: &'static str,
    },
    /// A value that no store could write.
    #[error("what task `{job}` makes of {id} cannot be kept: {cause}")]
    Unwritable {
        /// The object.
        id: ObjectId,
        /// The job.
        job: &'static str,
        /// What is wrong with the value.
        cause: String,
    },
    /// A change in a read-only job.
    #[error("{type_name} {id} cannot be changed here: task `{job}` is read-only")]
    ReadOnly {
        /// The object's type.
        type_name: &'static str,
        /// The object.
        id: ObjectId,
        /// The job.
        job: &'static str,
    },
    /// A change made without looking was refused, and then the object was looked at.
    #[error("{reason}")]
    Refused {
        /// Why.
        reason: String,
    },
    /// A job touched more objects than it may.
    #[error(
        "task `{job}` touched more than {limit} objects: do it in several tasks, or raise `Limits::objects_max`"
    )]
    TooManyObjects {
        /// The job.
        job: &'static str,
        /// How many it may touch.
        limit: usize,
    },
    /// A job wrote more bytes than it may.
    #[error(
        "task `{job}` wrote {bytes} bytes of objects and messages, more than {limit}: do it in several tasks, or raise \
         `Limits::bytes_max`"
    )]
    TooManyBytes {
        /// The job.
        job: &'static str,
        /// How many it wrote.
        bytes: usize,
        /// How many it may write.
        limit: usize,
    },
    /// A job had more bytes of objects loaded than memory has room for.
    #[error(
        "task `{job}` needed {bytes} bytes of objects that were not in memory, more than {limit}: do it in several tasks, \
         or give the server more memory"
    )]
    LoadsTooMuch {
        /// The job.
        job: &'static str,
        /// How many it needed until then.
        bytes: usize,
        /// How many it may need.
        limit: usize,
    },
    /// A job ran for longer than it may.
    #[error(
        "task `{job}` was still running after {limit:?} and was stopped: do it in several tasks, or raise `Limits::time_max`"
    )]
    TooLong {
        /// The job.
        job: &'static str,
        /// How long it may run.
        limit: std::time::Duration,
    },
    /// A job asked for a task while as many wait as may.
    #[error(
        "task `{job}` asked for one more task while {waiting} wait, and no more than {limit} may: find out by `inspect tasks` which \
         kind grows, or raise `Limits::tasks_waiting_max`"
    )]
    TooManyTasks {
        /// The job.
        job: &'static str,
        /// How many wait.
        waiting: u64,
        /// How many may.
        limit: u64,
    },
    /// No changes are taken at the moment. Nobody is at fault: the same job may succeed later.
    #[error(
        "nothing of this has happened, because the server cannot keep what changes at the moment: {cause}; try again later"
    )]
    NotAccepted {
        /// Why not.
        cause: String,
    },
    /// An object could not be loaded.
    #[error("{type_name} {id} could not be loaded: {cause}")]
    Load {
        /// The type that the reference claims.
        type_name: &'static str,
        /// The reference.
        id: ObjectId,
        /// What the store said.
        cause: String,
        /// Whether it was the store that could not be read, which may pass; not the object that is damaged, which will not.
        is_passing: bool,
    },
}

impl Fault {
    /// That the store could not give the object `id`.
    pub(crate) fn load(type_name: &'static str, id: ObjectId, cause: &StoreError) -> Self {
        let is_passing = matches!(cause, StoreError::Io { .. });
        Self::Load { type_name, id, cause: cause.to_string(), is_passing }
    }
}
