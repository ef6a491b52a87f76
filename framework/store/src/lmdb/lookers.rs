//! Who has a world's files mapped without having the world locked, so that nobody puts other files in their place.
//!
//! LMDB keeps its table of readers, and the number of the last transaction, in a file beside the data, which all
//! processes share that have the environment open. Were the data exchanged while one of them looks at it, the next to
//! open the world would go by the numbers of a file that is no longer there, and write over what is.
//!
//! The lock is on the world's folder itself: nothing has to be written to look at a world.

use std::fs::{File, TryLockError};
use std::path::Path;

use daystar_model::store::StoreError;
use tracing::warn;

use super::failure;

/// The world's files stay what they are for as long as this lives; or, taken alone, nobody looks at them.
#[derive(Debug)]
pub(super) struct Lookers(File);

impl Lookers {
    /// Joins those who look at the world in the folder `path`.
    pub(super) fn join(path: &Path) -> Result<Self, StoreError> {
        let folder = open(path)?;
        match folder.try_lock_shared() {
            Ok(()) => Ok(Self(folder)),
            Err(TryLockError::WouldBlock) => {
                Err(busy(path, "it is being compacted; try again when that is done"))
            }
            Err(TryLockError::Error(error)) => Err(failure::io(LOOK, path, &error)),
        }
    }

    /// Makes sure that nobody looks at the world in the folder `path`, nor begins to.
    pub(super) fn none(path: &Path) -> Result<Self, StoreError> {
        let folder = open(path)?;
        match folder.try_lock() {
            Ok(()) => Ok(Self(folder)),
            Err(TryLockError::WouldBlock) => Err(busy(
                path,
                "another process looks at it (`backup`, `verify`, `inspect`); try again when that has ended",
            )),
            Err(TryLockError::Error(error)) => Err(failure::io(LOOK, path, &error)),
        }
    }
}

impl Drop for Lookers {
    fn drop(&mut self) {
        // As with the world's own lock: a process that is just being started shares the file.
        if let Err(error) = self.0.unlock() {
            warn!(%error, "the lock on a world's folder could not be let go");
        }
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(|error| failure::io(LOOK, path, &error))
}

fn busy(path: &Path, why: &str) -> StoreError {
    StoreError::Io { what: LOOK, cause: format!("{}: {why}", path.display()) }
}

const LOOK: &str = "take hold of the world";
