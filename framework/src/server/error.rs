//! [`ServeError`]: why a server could not start, go on, or stop well.

use std::io;

use daystar_model::StoreError;

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
    /// The network cannot listen.
    #[error("{cause}")]
    Listen {
        /// What is wrong and what to do.
        cause: String,
    },
    /// The system refused a thread or a signal.
    #[error(
        "the system refused a thread, a timer or a signal: {0}; is a limit of the user's processes reached?"
    )]
    System(#[from] io::Error),
}
