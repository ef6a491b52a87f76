//! Files that are read again when they change.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use parking_lot::Mutex;

/// Some files, and how they were when they were last read.
pub(crate) struct Watched {
    paths: Vec<PathBuf>,
    seen: Mutex<Vec<Stamp>>,
}

/// Cheap to ask for, and different when a file is written anew or another is put in its place.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    changed: Option<SystemTime>,
    bytes: u64,
}

impl Watched {
    /// To be made before the files are read for the first time, so that no change between is missed.
    pub(crate) fn new(paths: Vec<PathBuf>) -> Self {
        let seen = Mutex::new(stamps(&paths));
        Self { paths, seen }
    }

    /// What `read` makes of the files, if one has changed since they were last read. What could not be used counts as changed
    /// until it can: that a file may be read now does not show in it.
    pub(crate) fn read_if_changed<T, E>(
        &self,
        read: impl FnOnce() -> Result<T, E>,
    ) -> Option<Result<T, E>> {
        // Before they are read, so that no change between is missed.
        let now = stamps(&self.paths);
        if *self.seen.lock() == now {
            return None;
        }
        let read = read();
        *self.seen.lock() = if read.is_ok() { now } else { Vec::new() };
        Some(read)
    }
}

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| -> io::Result<Stamp> {
        let metadata = fs::metadata(path)?;
        Ok(Stamp { changed: Some(metadata.modified()?), bytes: metadata.len() })
    };
    // One that is away for a moment, because it is being replaced, changes when it is back.
    paths.iter().map(|path| stamp(path).unwrap_or(Stamp { changed: None, bytes: 0 })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_used_is_looked_at_again() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let watched = Watched::new(vec![file.path().to_owned()]);
        let read = |outcome: Result<(), ()>| watched.read_if_changed(|| outcome);
        assert_eq!(read(Ok(())), None);
        fs::write(file.path(), "renewed").unwrap();
        assert_eq!(read(Ok(())), Some(Ok(())));
        assert_eq!(read(Ok(())), None);
        fs::write(file.path(), "renewed again").unwrap();
        assert_eq!(read(Err(())), Some(Err(())));
        assert_eq!(read(Ok(())), Some(Ok(())), "it may be readable by now");
        assert_eq!(read(Ok(())), None);
    }
}
