//! A disk as a log tells of it: what is surely on it, and what may be or may not.
//!
//! The model is that of a disk with a cache behind a file system that promises no more than it must. Between two
//! syncs of a file its sectors reach the disk in any order or not at all; names in a folder reach it in the
//! order in which they were made, up to any point; nothing that is synced is lost.

mod file;
mod image;
mod tree;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

pub use image::{Cut, Image};

use crate::log::Entry;
use file::Contents;
use tree::{Node, Tree};

/// The disk after a part of a log.
#[derive(Debug, Default)]
pub struct Disk {
    tree: Tree,
    files: BTreeMap<u32, File>,
    ignored: Vec<Ignored>,
    writes: u64,
}

#[derive(Debug)]
struct File {
    path: String,
    contents: Contents,
}

/// A sync that the disk says it did, and did not: what a test leaves out to see that it is missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// `fsync` and `fdatasync` of files whose path ends so.
    Syncs(String),
    /// That writes through a descriptor that syncs did so, for files whose path ends so.
    SyncedWrites(String),
    /// Syncs of folders.
    FolderSyncs,
}

/// Why a log cannot be replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The recorder met something that it has no entry for.
    #[error(
        "the log holds {0}, which the recorder cannot follow; teach it, or keep it out of the store"
    )]
    Unseen(String),
    /// The log does not fit what went before.
    #[error(
        "the log speaks of {0}, which is not there; start from the folder that it was recorded on"
    )]
    Unknown(String),
    /// A change between two folders, of which the model does not know which half may be lost.
    #[error("{0} was moved to another folder, which the disk's model does not know")]
    Moved(String),
}

impl Disk {
    /// A disk with nothing on it.
    pub fn empty() -> Self {
        Self::default()
    }

    /// A disk that holds what the folder `base` holds, all of it synced.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn of(base: &Path) -> io::Result<Self> {
        let mut disk = Self::empty();
        disk.take_in(base, "")?;
        disk.tree.sync_all();
        Ok(disk)
    }

    /// This disk, but one that does not do the syncs of `ignored`.
    #[must_use]
    pub fn ignoring(mut self, ignored: &[Ignored]) -> Self {
        self.ignored = ignored.to_vec();
        self
    }

    /// Does what the log's next entry says.
    ///
    /// # Errors
    /// The model does not know how.
    pub fn replay(&mut self, entry: &Entry) -> Result<(), ReplayError> {
        self.writes += 1;
        match entry {
            Entry::Created { file, path } => self.create(*file, path)?,
            Entry::Found { file, path } => self.find(*file, path)?,
            Entry::Wrote { file, offset, bytes } => {
                let write = self.writes;
                self.contents(*file)?.write(*offset, bytes, write);
            }
            Entry::WroteSynced { file, offset, bytes } => {
                let write = self.writes;
                let is_ignored = self.ignores(*file, Ignored::SyncedWrites);
                let contents = self.contents(*file)?;
                contents.write(*offset, bytes, write);
                if !is_ignored {
                    contents.sync_range(*offset, bytes.len());
                }
            }
            Entry::Resized { file, length } => {
                let write = self.writes;
                self.contents(*file)?.resize(*length, write);
            }
            Entry::Synced { file } => {
                if !self.ignores(*file, Ignored::Syncs) {
                    self.contents(*file)?.sync();
                }
            }
            Entry::SyncFailed { file } => self.contents(*file)?.fail_sync(),
            Entry::FolderMade { path } => self.tree.make_folder(path)?,
            Entry::FolderSynced { path } => {
                if !self.ignored.contains(&Ignored::FolderSyncs) {
                    self.tree.sync(path)?;
                }
            }
            Entry::Renamed { from, to } => self.rename(from, to)?,
            Entry::Removed { path } => self.tree.remove(path)?,
            Entry::Marked { .. } => {}
            Entry::Unseen { what } => return Err(ReplayError::Unseen(what.clone())),
        }
        Ok(())
    }

    /// How many sectors, lengths and names may be on the disk or not.
    pub fn undecided(&self) -> usize {
        let in_files: usize = self.files.values().map(|file| file.contents.undecided()).sum();
        in_files + self.tree.undecided()
    }

    /// How many sectors and lengths of the files whose path ends so may be on the disk or not.
    pub fn undecided_in(&self, path_end: &str) -> usize {
        let files = self.files.values().filter(|file| file.path.ends_with(path_end));
        files.map(|file| file.contents.undecided()).sum()
    }

    fn take_in(&mut self, folder: &Path, path: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let below = format!("{path}{}", name.to_string_lossy());
            if entry.file_type()?.is_dir() {
                self.tree.make_folder(&below).map_err(io::Error::other)?;
                self.take_in(&entry.path(), &format!("{below}/"))?;
            } else {
                // Numbers of the log begin at 0; these stay out of their way.
                let file = u32::MAX - self.files.len() as u32;
                self.tree.make_file(&below, file).map_err(io::Error::other)?;
                let contents = Contents::synced(fs::read(entry.path())?);
                self.files.insert(file, File { path: below, contents });
            }
        }
        Ok(())
    }

    fn create(&mut self, file: u32, path: &str) -> Result<(), ReplayError> {
        let contents = Contents::synced(Vec::new());
        self.files.insert(file, File { path: path.to_owned(), contents });
        self.tree.make_file(path, file)
    }

    /// The file was there before the recording: from now on it has the log's number.
    fn find(&mut self, file: u32, path: &str) -> Result<(), ReplayError> {
        let unknown = || ReplayError::Unknown(path.to_owned());
        let Some(Node::File(before)) = self.tree.find(path) else { return Err(unknown()) };
        let found = self.files.remove(&before).ok_or_else(unknown)?;
        self.files.insert(file, found);
        self.tree.renumber(path, file)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), ReplayError> {
        self.tree.rename(from, to)?;
        let within = format!("{from}/");
        for file in self.files.values_mut() {
            if file.path == from || file.path.starts_with(&within) {
                file.path = format!("{to}{}", &file.path[from.len()..]);
            }
        }
        Ok(())
    }

    fn contents(&mut self, file: u32) -> Result<&mut Contents, ReplayError> {
        let unknown = || ReplayError::Unknown(format!("file {file}"));
        self.files.get_mut(&file).map(|file| &mut file.contents).ok_or_else(unknown)
    }

    /// Whether a sync of `file` is one of those that are not done; `kind` says which kind it is.
    fn ignores(&self, file: u32, kind: impl Fn(String) -> Ignored) -> bool {
        let Some(file) = self.files.get(&file) else { return false };
        self.ignored.iter().any(|ignored| match ignored {
            Ignored::Syncs(end) | Ignored::SyncedWrites(end) => {
                file.path.ends_with(end.as_str()) && *ignored == kind(end.clone())
            }
            Ignored::FolderSyncs => false,
        })
    }
}
