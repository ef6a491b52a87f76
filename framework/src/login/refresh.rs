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

    /// Whether a file has changed since this was last asked.
    pub(crate) fn has_changed(&self) -> bool {
        let now = stamps(&self.paths);
        std::mem::replace(&mut *self.seen.lock(), now.clone()) != now
    }

    /// What has changed could not be used: it counts as changed until it can.
    pub(crate) fn look_again(&self) {
        self.seen.lock().clear();
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
        assert!(!watched.has_changed());
        fs::write(file.path(), "renewed").unwrap();
        assert!(watched.has_changed());
        assert!(!watched.has_changed());
        watched.look_again();
        assert!(watched.has_changed(), "it may be readable by now");
        assert!(!watched.has_changed());
    }
}
