//! What LMDB and the system report, in words that say what to do.

use std::io;
use std::path::Path;

use daystar_model::store::StoreError;
use heed::MdbError;

use super::options::Setting;

/// That `what` failed in the file or folder `path`.
pub(super) fn io(what: &'static str, path: &Path, error: &io::Error) -> StoreError {
    let path = path.display();
    let cause = match error.kind() {
        io::ErrorKind::StorageFull => format!(
            "no room is left on the disk of {path}; make some, nothing is lost and trying again is safe"
        ),
        io::ErrorKind::QuotaExceeded => {
            format!("the disk quota at {path} is used up; raise it or make room, nothing is lost")
        }
        io::ErrorKind::FileTooLarge => format!(
            "{path} may not grow any further; raise the process's file size limit (ulimit -f) or use \
             a file system with larger files"
        ),
        io::ErrorKind::ReadOnlyFilesystem => {
            format!(
                "{path} is on a read-only file system; mount it writable, or choose another folder"
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!(
                "permission denied at {path}; let the server's user write there, or choose another folder"
            )
        }
        io::ErrorKind::OutOfMemory => format!(
            "the system gave no address space to map {path}; set a smaller {}, or raise the process's limit (ulimit -v)",
            Setting::FILE_SIZE
        ),
        // LMDB also reports a write of which the system took only a part as this, whatever the reason.
        _ if error.raw_os_error() == Some(EIO) => format!(
            "the disk did not take all of a write to {path}: it is full, a limit was reached (quota, \
             ulimit -f), or it fails; look at its room and at the system log, nothing is lost"
        ),
        _ => format!(
            "{path}: {error}; look for disk errors in the system log, and at the room on the disk"
        ),
    };
    StoreError::Io { what, cause }
}

/// That the file in `path` could not be read for `what`.
pub(super) fn read(what: &'static str, path: &Path, error: &io::Error) -> StoreError {
    let place = path.display();
    let cause = match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            let cause =
                format!("the file in {place} is damaged ({error}); restore it from a backup");
            return StoreError::Damaged { what, cause };
        }
        _ => format!(
            "the file in {place} cannot be read ({error}); look for disk errors in the system log, and restore the \
             data folder from a backup if they stay"
        ),
    };
    StoreError::Io { what, cause }
}

/// That LMDB could not do `what` in the environment `path`.
pub(super) fn lmdb(what: &'static str, path: &Path, error: heed::Error) -> StoreError {
    let error = match error {
        heed::Error::Io(error) => return io(what, path, &error),
        error => error,
    };
    let place = path.display();
    let cause = match &error {
        heed::Error::Mdb(MdbError::MapFull) => format!(
            "the world in {place} has reached the largest size it may have; end what has been looking at it for long \
             (`backup`, `verify`, `inspect`), which keeps the room of what was replaced since, or start the server again with a \
             larger {}; nothing is lost",
            Setting::FILE_SIZE
        ),
        heed::Error::Mdb(MdbError::TxnFull) => {
            format!("too much was written to {place} at once; write smaller batches")
        }
        heed::Error::Mdb(MdbError::ReadersFull) => {
            let readers = Setting::READERS;
            format!(
                "too many reads of {place} at once; end other programs that look at it (`backup`, `verify`, `inspect`), or end all \
                 that have it open and start the server again with a larger {readers}"
            )
        }
        heed::Error::EnvAlreadyOpened => format!(
            "{place} is open in this process already, and cannot be opened twice; use the open store, and \
             `LmdbStore::moment` to read it as a whole"
        ),
        heed::Error::Mdb(MdbError::Panic) => format!(
            "an earlier write to {place} failed half-way and the file may not be used any more by this \
             process; start the server again"
        ),
        heed::Error::Mdb(
            MdbError::Corrupted | MdbError::PageNotFound | MdbError::Invalid | MdbError::Problem,
        ) => {
            let cause =
                format!("the file in {place} is damaged ({error}); restore it from a backup");
            return StoreError::Damaged { what, cause };
        }
        error => format!("{place}: {error}"),
    };
    StoreError::Io { what, cause }
}

/// The same number on every Unix.
const EIO: i32 = 5;
