//! Sessions: one client's stay, from its join to its leave.

use std::fmt;

use daystar_macros::{Memory, managed};
use daystar_model::layout::{Layout, Parts};
use daystar_model::show::{Show, Value};
use daystar_model::{ObjectId, Ref};

/// One client's stay. May be kept in objects and sent in messages; what is sent to a session that is over
/// goes nowhere.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    Memory,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
)]
#[rkyv(derive(PartialEq, Eq, PartialOrd, Ord, Hash))]
pub struct Session {
    raw: u64,
}

impl Session {
    pub(crate) fn from_id(id: ObjectId) -> Self {
        Self { raw: id.to_raw() }
    }

    /// The session's object.
    pub(crate) fn id(self) -> ObjectId {
        ObjectId::from_raw(self.raw)
    }
}

impl Layout for Session {
    fn describe(_: &mut Parts) -> String {
        "Session".to_owned()
    }
}

impl Show for Session {
    const IS_TEXT: bool = true;

    fn show(&self) -> Value {
        Value::String(self.to_string())
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.id(), f)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Left {
    /// The client said goodbye.
    Closed,
    /// The connection broke or fell silent.
    Lost,
    /// The server let the client go, for this reason.
    Dropped(String),
    /// The server went down while the client was there.
    ServerRestarted,
}

/// What the framework keeps of a session: there for as long as `left` has not run.
#[managed(name = "daystar.Session")]
pub(crate) struct SessionRecord {
    pub(crate) name: String,
    /// The object that the session plays, and that object's type.
    pub(crate) attached: Option<Attached>,
}

#[managed(name = "daystar.Attached")]
pub(crate) struct Attached {
    pub(crate) type_name: String,
    pub(crate) object: u64,
}

impl Attached {
    pub(crate) fn to<T: daystar_model::Managed>(object: Ref<T>) -> Self {
        Self { type_name: T::TYPE_NAME.to_owned(), object: object.id().to_raw() }
    }
}
