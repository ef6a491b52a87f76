//! [`Failure`]: why a command could not do what it was asked.

use std::io;
use std::path::PathBuf;

use daystar_model::{ObjectId, StoreError};

use crate::server::error::ServeError;

/// Why a command could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The server could not start, or not stop well.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The world could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody takes what the command says.
    #[error("standard output could not be written: {0}; what is it redirected to?")]
    Output(#[from] io::Error),
    /// There is no object of this id.
    #[error(
        "there is no object {0} in this world; `inspect` without `--id` shows all that there are"
    )]
    NoObject(ObjectId),
    /// There is no object of this name.
    #[error(
        "nothing in this world is called `{0}`; `inspect --type daystar.Names` shows all names"
    )]
    NoName(String),
    /// There is no object of this type, and never was.
    #[error("this world has no objects of type `{wanted}`; it has {known}")]
    NoType {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
    /// An order was not carried out.
    #[error("{0}")]
    Refused(String),
    /// No password to be had.
    #[error(
        "the password could not be read: {0}; type it, or give it as the first line of standard input"
    )]
    Password(#[source] io::Error),
    /// There is no task of this id.
    #[error("there is no task {0} in this world; `inspect tasks` shows all that there are")]
    NoTask(ObjectId),
    /// The world is damaged, which is not to be made final.
    #[error(
        "the world was not compacted, and is as it was: {0}; `verify` lists all objects that are damaged"
    )]
    Damaged(#[source] StoreError),
    /// What was written is not what was to be written.
    #[error(
        "the world in {} is not that of the backup: {found}; remove it, look for disk errors in the system log, and \
         restore to another disk", path.display()
    )]
    NotRestored {
        /// The folder.
        path: PathBuf,
        /// What there is instead.
        found: String,
    },
}

impl Failure {
    /// Whether only the reader of standard output has gone.
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
