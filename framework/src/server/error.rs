//! [`ServeError`]: why a server could not start, go on, or stop well.

use std::io;
use std::net::SocketAddr;

use daystar_model::{CommitNumber, RecordError, StoreError};

use crate::login::TokenKeyError;

/// Why a server could not start, go on, or stop well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The store cannot be opened, read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two managed types of the program have one name.
    #[error(
        "two types are stored under the name `{name}`: give one another, with `#[managed(name = \"...\")]`"
    )]
    TypeNameTwice {
        /// The name.
        name: &'static str,
    },
    /// The game could not build its world.
    #[error("the world could not be created: {cause}")]
    Created {
        /// What `created` said.
        cause: String,
    },
    /// Tokens cannot be checked.
    #[error(transparent)]
    TokenKey(#[from] TokenKeyError),
    /// Tasks wait in the world that this program cannot run.
    #[error(
        "{count} tasks `{name}` of version {version} wait in this world, and this program cannot run them: {cause}; start one \
         that can, or throw them away with `discard --type {name} --waiting`"
    )]
    UnknownTask {
        /// The name under which they are stored.
        name: String,
        /// The version of their type.
        version: u32,
        /// How many there are.
        count: u64,
        /// Why they cannot be run.
        #[source]
        cause: RecordError,
    },
    /// The network cannot listen.
    #[error("{cause}")]
    Listen {
        /// What is wrong and what to do.
        cause: String,
    },
    /// The server was stopped, or had to give up, before a commit was on disk.
    #[error("{number} is not on disk, and this server will not write it: its log says why")]
    NotDurable {
        /// Which commit.
        number: CommitNumber,
    },
    /// The metrics cannot be shown.
    #[error(
        "the metrics cannot be shown on {address}: {cause}; choose a free port of this machine, or leave `--metrics` away"
    )]
    Metrics {
        /// Where they were to be shown.
        address: SocketAddr,
        /// What is wrong.
        cause: String,
    },
    /// The system refused a thread or a signal.
    #[error(
        "the system refused a thread, a timer or a signal: {0}; is a limit of the user's processes reached?"
    )]
    System(#[from] io::Error),
}
