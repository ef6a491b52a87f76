//! [`LoginAttempt`] and [`LoginError`]: what a client shows, and why that was not enough.

use std::net::SocketAddr;
use std::time::Duration;

use daystar_protocol::handshake::Credentials;

/// A client that wants to join.
#[derive(Debug)]
#[non_exhaustive]
pub struct LoginAttempt {
    /// What it has shown. Never `Resume`, which is no login.
    pub credentials: Credentials,
    /// Where it is.
    pub address: SocketAddr,
}

impl LoginAttempt {
    /// An attempt, as the network makes them: for an authenticator's own tests.
    pub fn new(credentials: Credentials, address: SocketAddr) -> Self {
        Self { credentials, address }
    }
}

/// Why a client may not join. The client is told the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// What it has shown is wrong.
    #[error("{0}")]
    Wrong(String),
    /// It has shown something of another kind than the server asks for.
    #[error("this server asks for {wanted} to join")]
    OtherKind {
        /// What it asks for.
        wanted: &'static str,
    },
    /// There were too many that failed before.
    #[error("too many logins have failed: try again in {} s", wait.as_secs() + 1)]
    TooSoon {
        /// How long nothing is tried.
        wait: Duration,
    },
    /// Too many log in at the same moment.
    #[error("too many log in at the moment: try again in a while")]
    Busy,
    /// It may not, for a reason that is not in what it has shown.
    #[error("{0}")]
    Refused(String),
    /// The server cannot tell. The cause goes to the log; the client is told only this much.
    #[error("the server cannot check logins at the moment: try again in a while")]
    Failed {
        /// What is wrong.
        cause: String,
    },
}

impl LoginError {
    /// What the client has shown is wrong, for this reason.
    pub fn wrong(reason: impl Into<String>) -> Self {
        Self::Wrong(reason.into())
    }

    /// One word for it, for those who count.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Wrong(_) => "wrong",
            Self::OtherKind { .. } => "other_kind",
            Self::TooSoon { .. } => "too_soon",
            Self::Busy => "busy",
            Self::Refused(_) => "refused",
            Self::Failed { .. } => "failed",
        }
    }
}
