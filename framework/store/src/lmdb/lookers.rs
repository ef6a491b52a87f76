//! Who has a world's files mapped without having the world locked, so that nobody puts other files in their place.
//!
//! LMDB keeps its table of readers, and the number of the last transaction, in a file beside the data, which all
//! processes share that have the environment open. Were the data exchanged while one of them looks at it, the next to
//! open the world would go by the numbers of a file that is no longer there, and write over what is.
//!
//! The lock is on the world's folder itself: nothing has to be written to look at a world.
//!
//! On a file system that is read-only here LMDB cannot write itself into its table of readers, and whoever has the world open
//! would use again what is being read. There the world's own lock is held too, so that nobody has it open.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

use daystar_model::store::StoreError;
use rustix::fs::{StatVfsMountFlags, statvfs};
use tracing::warn;

use super::{failure, folder};

/// The world's files stay what they are for as long as this lives; or, taken alone, nobody looks at them.
#[derive(Debug)]
pub(super) struct Lookers {
    folder: File,
    /// What whoever opens the world locks, on a read-only file system.
    world: Option<File>,
}

impl Lookers {
    /// Joins those who look at the world in the folder `path`.
    pub(super) fn join(path: &Path) -> Result<Self, StoreError> {
        let status = statvfs(path).map_err(|error| failure::io(LOOK, path, &error.into()))?;
        Self::join_where(path, status.f_flag.contains(StatVfsMountFlags::RDONLY))
    }

    fn join_where(path: &Path, is_read_only: bool) -> Result<Self, StoreError> {
        let mut lookers = Self { folder: open(path)?, world: None };
        share(&lookers.folder, path, "it is being compacted; try again when that is done")?;
        if !is_read_only {
            return Ok(lookers);
        }
        let world = match File::open(path.join(folder::LOCK)) {
            // A copy without it: who opens the world makes it, and cannot here.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(lookers),
            opened => opened.map_err(|error| failure::io(LOOK, path, &error))?,
        };
        share(
            &world,
            path,
            "a server has it open, and cannot be told that it is being read, since the file system is read-only here; \
             look at it where it can be written to, or when the server has stopped",
        )?;
        lookers.world = Some(world);
        Ok(lookers)
    }

    /// Makes sure that nobody looks at the world in the folder `path`, nor begins to.
    pub(super) fn none(path: &Path) -> Result<Self, StoreError> {
        let folder = open(path)?;
        match folder.try_lock() {
            Ok(()) => Ok(Self { folder, world: None }),
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
        for file in std::iter::once(&self.folder).chain(&self.world) {
            if let Err(error) = file.unlock() {
                warn!(%error, "the lock on a world's folder could not be let go");
            }
        }
    }
}

/// Locks `file`, as all may at the same time who look at the world in `path`; `why` says who has it, if one of the others does.
fn share(file: &File, path: &Path, why: &str) -> Result<(), StoreError> {
    match file.try_lock_shared() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(busy(path, why)),
        Err(TryLockError::Error(error)) => Err(failure::io(LOOK, path, &error)),
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(|error| failure::io(LOOK, path, &error))
}

fn busy(path: &Path, why: &str) -> StoreError {
    StoreError::Io { what: LOOK, cause: format!("{}: {why}", path.display()) }
}

const LOOK: &str = "take hold of the world";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LmdbStore, Options};

    #[test]
    fn where_nobody_can_be_told_a_world_is_looked_at_only_while_nobody_has_it_open() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = || LmdbStore::open(folder.path(), Options::default());
        let store = open().expect("a world");
        let refused = Lookers::join_where(folder.path(), true).expect_err("in use").to_string();
        assert!(refused.contains("read-only here"), "{refused}");
        let beside = Lookers::join_where(folder.path(), false).expect("in use, and told");
        drop((store, beside));
        let alone = Lookers::join_where(folder.path(), true).expect("not in use");
        let refused = open().map(drop).expect_err("looked at");
        assert!(refused.to_string().contains("looks at it"), "{refused}");
        drop(alone);
        open().expect("not looked at any more");
    }
}
