//! Why a job could not go on: the error that game code passes along with `?`.

use std::fmt;

use daystar_model::ObjectId;

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
        matches!(*self.0, Kind::Refused(_))
    }

    /// What the engine objected to, if it was the engine.
    pub fn fault(&self) -> Option<&Fault> {
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

/// What the engine objects to. Each says which object, of which type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Another commit came in between. Never seen by a client: the job is run again, also when game code
    /// swallows this.
    #[error("another task changed what this one had read; it is run again")]
    Conflict,
    /// There is no object under the reference.
    #[error("{type_name} {id} does not exist: it was removed, or never was")]
    NotFound {
        /// The type that the reference claims.
        type_name: &'static str,
        /// The reference.
        id: ObjectId,
    },
    /// The object under the reference is of another type.
    #[error("{id} is a {found}, not a {wanted}")]
    WrongType {
        /// The reference.
        id: ObjectId,
        /// The type that the reference claims.
        wanted: &'static str,
        /// The object's type.
        found: &'static str,
    },
    /// `get` or `remove` while a `get_mut` of the same object is alive.
    #[error(
        "{type_name} {id} is being changed: let the guard from `get_mut` end before using the object again"
    )]
    BeingChanged {
        /// The object's type.
        type_name: &'static str,
        /// The object.
        id: ObjectId,
    },
    /// `get_mut` or `remove` while a `get` of the same object is alive.
    #[error(
        "{type_name} {id} is being read: let the guard from `get` end before changing the object"
    )]
    BeingRead {
        /// The object's type.
        type_name: &'static str,
        /// The object.
        id: ObjectId,
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
    /// A job touched more objects than it may.
    #[error(
        "task `{job}` touched more than {limit} objects: do it in several tasks, or raise the limit"
    )]
    TooManyObjects {
        /// The job.
        job: &'static str,
        /// How many it may touch.
        limit: usize,
    },
    /// An object could not be loaded.
    #[error("an object could not be loaded: {cause}")]
    Load {
        /// What the store said.
        cause: String,
    },
}
