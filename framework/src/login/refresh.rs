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
}

fn stamps(paths: &[PathBuf]) -> Vec<Stamp> {
    let stamp = |path: &PathBuf| -> io::Result<Stamp> {
        let metadata = fs::metadata(path)?;
        Ok(Stamp { changed: Some(metadata.modified()?), bytes: metadata.len() })
    };
    // One that is away for a moment, because it is being replaced, changes when it is back.
    paths.iter().map(|path| stamp(path).unwrap_or(Stamp { changed: None, bytes: 0 })).collect()
}
