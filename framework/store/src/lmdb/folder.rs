//! The world's folder: whose it is, who has it open, and how it comes to be.
//!
//! The marker file `DAYSTAR` is what makes a folder a world, and it is the last thing that is written when one is
//! made. Until then there is `DAYSTAR.new` instead, so that a crash in between leaves something that the
//! next start recognises, and finishes, without ever taking a foreign folder for it. Where the world was to be a
//! copy of another, the next start refuses instead: it would begin an empty world where a full one is expected.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use daystar_model::store::StoreError;
use tracing::warn;

use super::failure;
use super::format::{TITLE, fingerprint};
use super::{journal, objects};

/// A world's folder, locked for this store for as long as this value lives.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

/// What claiming a folder found.
pub(super) enum Claim {
    /// A world that this program can read.
    World(Folder),
    /// Nothing: a world is to be made.
    New(Unfinished),
}

/// A folder in which a world is being made.
pub(super) struct Unfinished(Folder);

impl Folder {
    /// Makes sure that the folder `path` exists, is ours or empty, and is nobody else's at the moment.
    pub(super) fn claim(path: &Path) -> Result<Claim, StoreError> {
        make(path).map_err(|error| failure::io("make the data folder", path, &error))?;
        let half_copied = || StoreError::HalfCopied { path: path.to_owned() };
        // Looked at twice: before anything is written, so that a foreign folder stays as it is, and again
        // when it is locked, because another process may have made a world in the meantime.
        if let Found::HalfCopy = look(path)? {
            return Err(half_copied());
        }
        let folder = Self { path: path.to_owned(), lock: lock(path)? };
        match look(path)? {
            Found::World => {
                folder.affirm().map_err(|error| failure::io("open the world", path, &error))?;
                Ok(Claim::World(folder))
            }
            Found::Nothing => folder.begin("").map(Claim::New),
            Found::HalfCopy => Err(half_copied()),
        }
    }

    /// Makes sure that the folder `path` exists and is empty, but for a copy that was not finished, to copy a world
    /// into it.
    pub(super) fn claim_for_copy(path: &Path) -> Result<Unfinished, StoreError> {
        Self::is_free(path)?;
        make(path).map_err(|error| failure::io("make the folder", path, &error))?;
        let folder = Self { path: path.to_owned(), lock: lock(path)? };
        Self::is_free(path)?;
        folder.begin(COPY)
    }

    /// That a world may be copied into the folder `path`, which is left alone and need not exist.
    pub(super) fn is_free(path: &Path) -> Result<(), StoreError> {
        if matches!(path.try_exists(), Ok(false)) {
            return Ok(());
        }
        match look(path)? {
            Found::World => Err(StoreError::Occupied { path: path.to_owned() }),
            Found::Nothing | Found::HalfCopy => Ok(()),
        }
    }

    /// That the folder `path` is not within a world's own, where it would be taken for a part of it.
    pub(super) fn is_outside(path: &Path) -> Result<(), StoreError> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        // What there is of the path may be reached through links.
        let there = path.ancestors().find_map(|folder| folder.canonicalize().ok());
        let above = there.iter().flat_map(|there| there.ancestors().map(Path::to_owned));
        let above: Vec<PathBuf> =
            path.ancestors().skip(1).map(Path::to_owned).chain(above).collect();
        let is_itself = |folder: &Path| Some(folder) == there.as_deref() || folder == path;
        match above.iter().find(|folder| folder.join(MARKER).is_file() && !is_itself(folder)) {
            None => Ok(()),
            Some(world) => Err(StoreError::Foreign {
                path: path.clone(),
                found: format!("a part of the world in {}", world.display()),
            }),
        }
    }

    /// That there is a world in the folder `path`, which is left alone.
    pub(super) fn look_at(path: &Path) -> Result<(), StoreError> {
        let none = |found| StoreError::NoWorld { path: path.to_owned(), found };
        match path.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(none("there is no such folder"));
            }
            Ok(status) if !status.is_dir() => return Err(none("it is not a folder")),
            _ => {}
        }
        match look(path)? {
            Found::World => Ok(()),
            Found::Nothing => Err(none("it is empty")),
            Found::HalfCopy => Err(StoreError::HalfCopied { path: path.to_owned() }),
        }
    }

    /// Marks the empty folder as one in which a world is being made; `how` is what the marker says more.
    fn begin(self, how: &str) -> Result<Unfinished, StoreError> {
        let unfinished = Unfinished(self);
        let begun = unfinished.begin(how);
        let path = unfinished.path();
        begun.map_err(|error| failure::io("make a new world", path, &error))?;
        Ok(unfinished)
    }

    /// Makes sure that the names of all that belongs to the world are on the disk, before anything is built on them:
    /// whoever made them last may have failed at that.
    fn affirm(&self) -> io::Result<()> {
        for folder in FOLDERS.map(|folder| self.path.join(folder)).iter().filter(|it| it.is_dir()) {
            sync_folder(folder)?;
        }
        sync_folder(&self.path)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Closing the file would not do: a process that another thread is just starting shares it until its
        // own program runs, and the lock with it.
        if let Err(error) = self.lock.unlock() {
            warn!(path = %self.path.display(), %error, "the world's lock could not be let go");
        }
    }
}

impl Unfinished {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    /// The world is complete and synced: from now on the folder is one.
    pub(super) fn finish(&self) -> Result<(), StoreError> {
        let path = &self.0.path;
        let finish = || {
            for folder in FOLDERS {
                sync_folder(&path.join(folder))?;
            }
            sync_folder(path)?;
            fs::rename(path.join(BEGUN), path.join(MARKER))?;
            sync_folder(path)
        };
        finish().map_err(|error| failure::io("make a new world", path, &error))
    }

    /// The folder, when it is [finished](Self::finish).
    pub(super) fn into_folder(self) -> Folder {
        self.0
    }

    /// Makes the folder empty again, but for the lock: the world will not be finished.
    pub(super) fn abandon(self) {
        let path = self.path();
        // The marker first, if it has got its name already: a folder that has one must have the rest.
        let removed = remove_file(&path.join(MARKER))
            .and_then(|()| FOLDERS.iter().try_for_each(|folder| remove(&path.join(folder))))
            .and_then(|()| remove_file(&path.join(BEGUN)));
        if let Err(error) = removed {
            warn!(path = %path.display(), %error, "what was written cannot be removed; it does no harm there");
        }
    }

    fn begin(&self, how: &str) -> io::Result<()> {
        let path = &self.0.path;
        let mut marker = File::create(path.join(BEGUN))?;
        marker.write_all(format!("{TITLE}\n{}\n{how}", fingerprint()).as_bytes())?;
        marker.sync_all()?;
        sync_folder(path)?;
        // What a start that did not finish may have left. No world has ever been in it.
        for folder in FOLDERS.map(|folder| path.join(folder)) {
            remove(&folder)?;
            fs::create_dir(&folder)?;
        }
        Ok(())
    }
}

/// Removes a folder with all that is in it, if there is one.
pub(super) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes a file, if there is one.
fn remove_file(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What is in a folder that may be ours.
enum Found {
    World,
    Nothing,
    /// A copy of a world that was not finished.
    HalfCopy,
}

/// What is in the folder `path`; an error if it is something else's.
fn look(path: &Path) -> Result<Found, StoreError> {
    let unreadable = |error| failure::io("read the data folder", path, &error);
    let foreign = |found| StoreError::Foreign { path: path.to_owned(), found };
    if !fs::metadata(path).map_err(unreadable)?.is_dir() {
        return Err(foreign("a file, not a folder".to_owned()));
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        names.push(entry.map_err(unreadable)?.file_name());
    }
    let has = |name: &str| names.iter().any(|found| found == OsStr::new(name));
    if has(MARKER) {
        return read_marker(path).map(|()| Found::World);
    }
    let begun = has(BEGUN);
    let strange = names.iter().find(|name| {
        let known = [LOCK, "lost+found"].iter().any(|ours| *name == OsStr::new(ours));
        let left_over =
            *name == OsStr::new(BEGUN) || FOLDERS.iter().any(|folder| *name == OsStr::new(folder));
        !(known || (begun && left_over))
    });
    match strange {
        Some(name) => Err(foreign(format!("`{}`, and no file `{MARKER}`", name.display()))),
        None if begun => {
            // One that cannot be read is from before anything was copied.
            let text = fs::read_to_string(path.join(BEGUN)).unwrap_or_default();
            Ok(if text.ends_with(COPY) { Found::HalfCopy } else { Found::Nothing })
        }
        None => Ok(Found::Nothing),
    }
}

fn read_marker(path: &Path) -> Result<(), StoreError> {
    let file = path.join(MARKER);
    let foreign = || StoreError::Foreign {
        path: path.to_owned(),
        found: format!("its `{MARKER}` is not a Daystar marker"),
    };
    let unreadable = |error| failure::io("read the world's marker", &file, &error);
    if !fs::metadata(&file).map_err(unreadable)?.is_file() {
        return Err(foreign());
    }
    let mut bytes = Vec::new();
    File::open(&file)
        .and_then(|file| file.take(MARKER_BYTES_MAX).read_to_end(&mut bytes))
        .map_err(unreadable)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines = text.lines();
    if lines.next() != Some(TITLE) {
        return Err(foreign());
    }
    let found = lines.next().unwrap_or("unknown");
    if found == fingerprint() {
        return Ok(());
    }
    Err(StoreError::Format {
        path: path.to_owned(),
        found: found.to_owned(),
        wanted: fingerprint().to_owned(),
    })
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = path.join(LOCK);
    let failed = |error| failure::io("lock the world", &file, &error);
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&file)
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        // Whoever only looks at it, on a read-only file system, shares the lock.
        Err(TryLockError::WouldBlock) if lock.try_lock_shared().is_ok() => {
            drop(lock.unlock());
            // Unless whoever had it alone has let go in between.
            if lock.try_lock().is_ok() {
                return Ok(lock);
            }
            Err(StoreError::Io {
                what: "lock the world",
                cause: format!(
                    "{}: another process looks at it where its file system is read-only (`backup`, `verify`, `inspect`); try again \
                     when that has ended",
                    path.display()
                ),
            })
        }
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// Makes the folder and those above it, so that they outlive a power cut.
fn make(path: &Path) -> io::Result<()> {
    // A relative path's last parent is "", which is the current folder and exists.
    let missing: Vec<&Path> = path
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists())
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let parent = |folder: &Path| match folder.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let made = fs::create_dir_all(path)
        .and_then(|()| missing.iter().try_for_each(|folder| sync_folder(&parent(folder))));
    if made.is_err() {
        // The next try must not take for safe what is only there. What cannot be removed has something in it.
        missing.iter().for_each(|folder| drop(fs::remove_dir(folder)));
    }
    made
}

/// A new file's name is safe only when the folder it is in has been synced, too.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// One for each environment.
const FOLDERS: [&str; 2] = [journal::KIND.folder, objects::KIND.folder];
/// Its presence says: here is a complete world.
const MARKER: &str = "DAYSTAR";
/// Its presence says: here a world was going to be made.
const BEGUN: &str = "DAYSTAR.new";
/// What it says more, where the world was going to be a copy.
const COPY: &str = "a copy\n";
/// Locked by whoever has the world open.
pub(super) const LOCK: &str = "DAYSTAR.lock";
/// A marker is a few lines; what is longer is not one.
const MARKER_BYTES_MAX: u64 = 4096;
