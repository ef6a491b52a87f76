//! Sessions: one client's stay, from its join to its leave.

use std::fmt;

use daystar_engine::Durability;
use daystar_macros::{Memory, managed};
use daystar_model::{ObjectId, Ref};

use crate::game::by_id::by_id;
use crate::login::Identity;

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

by_id!(Session);

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
    /// The connection broke or fell silent, and the client did not come back in time.
    Lost,
    /// The server let the client go, for this reason.
    Dropped(String),
    /// The server went down while the client was there.
    ServerRestarted,
}

/// The request that a task answers.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) session: Session,
    pub(crate) call: Option<u32>,
    /// When the client wants to hear what became of its request; `None`: when the server says.
    pub(crate) level: Option<Durability>,
    /// Whether the game says that it only reads.
    pub(crate) only_reads: bool,
}

impl Asked {
    /// When the client may be told what the game answers at the level `said`. It may want to be surer than the game makes it, but
    /// never gets early what the game holds back until it is on disk.
    pub(crate) fn level_of(&self, said: Option<Durability>) -> Option<Durability> {
        match said {
            Some(Durability::Durable) => said,
            _ => self.level.or(said),
        }
    }
}

/// What the framework keeps of a session: there for as long as `left` has not run.
#[managed(name = "daystar.Session", version = 2, from = SessionRecordV1)]
pub(crate) struct SessionRecord {
    pub(crate) name: String,
    roles: Vec<String>,
    claims: Vec<Claim>,
    /// The object that the session plays, and that object's type.
    pub(crate) attached: Option<Attached>,
}

/// Something that is said of somebody.
#[managed(name = "daystar.Claim")]
struct Claim {
    name: String,
    value: String,
}

/// As it was before clients were more than a name.
#[managed(name = "daystar.Session", version = 1, old)]
struct SessionRecordV1 {
    name: String,
    attached: Option<Attached>,
}

impl From<SessionRecordV1> for SessionRecord {
    fn from(before: SessionRecordV1) -> Self {
        let SessionRecordV1 { name, attached } = before;
        Self { name, roles: Vec::new(), claims: Vec::new(), attached }
    }
}

impl SessionRecord {
    /// The session of `identity`, at its beginning.
    pub(crate) fn new(identity: &Identity) -> Self {
        let claim =
            |(name, value): &(String, String)| Claim { name: name.clone(), value: value.clone() };
        Self {
            name: identity.name.clone(),
            roles: identity.roles.clone(),
            claims: identity.claims.iter().map(claim).collect(),
            attached: None,
        }
    }

    /// Who the client is.
    pub(crate) fn identity(&self) -> Identity {
        let claim = |claim: &Claim| (claim.name.clone(), claim.value.clone());
        Identity {
            name: self.name.clone(),
            roles: self.roles.clone(),
            claims: self.claims.iter().map(claim).collect(),
        }
    }
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

/// What a task did wrong with a session or a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The client has left.
    #[error("{session} is over: its client has left")]
    Over {
        /// Which session.
        session: Session,
    },
    /// The session plays no object.
    #[error("{session} plays no {wanted}: call `ctx.attach` in `joined`")]
    PlaysNothing {
        /// Which session.
        session: Session,
        /// The type that was asked for.
        wanted: &'static str,
    },
    /// The session plays an object of another type.
    #[error("{session} plays a {found}, not a {wanted}")]
    PlaysOther {
        /// Which session.
        session: Session,
        /// The type that was asked for.
        wanted: &'static str,
        /// The type that it plays.
        found: String,
    },
    /// A message whose type is not the game's `Event`.
    #[error("a `{found}` was sent, but this game's clients understand only `{wanted}`")]
    OtherEvent {
        /// `Game::Event`.
        wanted: &'static str,
        /// What was sent.
        found: &'static str,
    },
    /// An event that is longer than a client takes.
    #[error(
        "an event of {bytes} bytes is too long: a client takes at most {bytes_max}; send it in parts"
    )]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// `reply` in a task that no request has started.
    #[error("there is no request to reply to here: use `ctx.send`")]
    NothingAsked,
    /// `reply` a second time.
    #[error("the request has been replied to already: use `ctx.send` for what follows")]
    RepliedTwice,
    /// A request that only reads wanted to change which sessions there are, or what they hear.
    #[error("a request that only reads cannot {what}: have `Game::only_reads` say `false` of it")]
    OnlyReads {
        /// What it wanted to do.
        what: &'static str,
    },
}
