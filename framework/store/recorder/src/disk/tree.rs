//! Folders and names: what programs see, what is surely on the disk, and the changes in between.

use std::collections::BTreeMap;

use super::ReplayError;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    File(u32),
    Folder(usize),
}

type Names = BTreeMap<String, Node>;

/// All folders, by number. The first is the recorded one itself, which is always there.
#[derive(Debug)]
pub(super) struct Tree(Vec<Folder>);

#[derive(Debug, Default)]
struct Folder {
    now: Names,
    synced: Names,
    /// What has been done since the last sync, oldest first.
    since: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Set(String, Node),
    Remove(String),
    Rename(String, String),
}

impl Default for Tree {
    fn default() -> Self {
        Self(vec![Folder::default()])
    }
}

impl Tree {
    pub(super) fn make_folder(&mut self, path: &str) -> Result<(), ReplayError> {
        let folder = self.0.len();
        self.0.push(Folder::default());
        self.change(path, |name| Change::Set(name, Node::Folder(folder)))
    }

    pub(super) fn make_file(&mut self, path: &str, file: u32) -> Result<(), ReplayError> {
        self.change(path, |name| Change::Set(name, Node::File(file)))
    }

    pub(super) fn remove(&mut self, path: &str) -> Result<(), ReplayError> {
        self.change(path, Change::Remove)
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), ReplayError> {
        let (from_folder, _) = self.parent(from)?;
        let (to_folder, to_name) = self.parent(to)?;
        if from_folder != to_folder {
            return Err(ReplayError::Moved(from.to_owned()));
        }
        self.change(from, |name| Change::Rename(name, to_name))
    }

    /// All that was done in the folder `path` is on the disk.
    pub(super) fn sync(&mut self, path: &str) -> Result<(), ReplayError> {
        let folder = self.folder(path)?;
        self.0[folder].sync();
        Ok(())
    }

    pub(super) fn sync_all(&mut self) {
        self.0.iter_mut().for_each(Folder::sync);
    }

    pub(super) fn find(&self, path: &str) -> Option<Node> {
        let (folder, name) = self.parent(path).ok()?;
        self.0[folder].now.get(&name).copied()
    }

    /// The synced file at `path` has another number now.
    pub(super) fn renumber(&mut self, path: &str, file: u32) -> Result<(), ReplayError> {
        let (folder, name) = self.parent(path)?;
        self.0[folder].now.insert(name.clone(), Node::File(file));
        self.0[folder].synced.insert(name, Node::File(file));
        Ok(())
    }

    pub(super) fn undecided(&self) -> usize {
        self.0.iter().map(|folder| folder.since.len()).sum()
    }

    /// How many changes of `folder` may be on the disk or not.
    pub(super) fn changes(&self, folder: usize) -> usize {
        self.0[folder].since.len()
    }

    /// What is in `folder` when `kept` of its changes have reached the disk.
    pub(super) fn names(&self, folder: usize, kept: usize) -> Names {
        let mut names = self.0[folder].synced.clone();
        self.0[folder].since[..kept].iter().for_each(|change| change.apply(&mut names));
        names
    }

    fn change(
        &mut self,
        path: &str,
        change: impl FnOnce(String) -> Change,
    ) -> Result<(), ReplayError> {
        let (folder, name) = self.parent(path)?;
        let change = change(name);
        let folder = &mut self.0[folder];
        change.apply(&mut folder.now);
        folder.since.push(change);
        Ok(())
    }

    /// The folder that `path` is in, and its name there.
    fn parent(&self, path: &str) -> Result<(usize, String), ReplayError> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok((self.folder(parent)?, name.to_owned()))
    }

    fn folder(&self, path: &str) -> Result<usize, ReplayError> {
        path.split('/').filter(|name| !name.is_empty()).try_fold(ROOT, |folder, name| {
            match self.0[folder].now.get(name) {
                Some(Node::Folder(below)) => Ok(*below),
                _ => Err(ReplayError::Unknown(path.to_owned())),
            }
        })
    }
}

impl Folder {
    fn sync(&mut self) {
        self.synced = self.now.clone();
        self.since.clear();
    }
}

impl Change {
    fn apply(&self, names: &mut Names) {
        match self {
            Self::Set(name, node) => {
                names.insert(name.clone(), *node);
            }
            Self::Remove(name) => {
                names.remove(name);
            }
            Self::Rename(from, to) => {
                if let Some(node) = names.remove(from) {
                    names.insert(to.clone(), node);
                }
            }
        }
    }
}

/// The recorded folder.
pub(super) const ROOT: usize = 0;
