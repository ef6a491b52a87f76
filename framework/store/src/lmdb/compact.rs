//! A world's files written anew, without the holes that removed and moved objects have left.
//!
//! The new files are made beside the old ones, whole and synced, and then put in their place by two renamings. Before the
//! first, the world is as it was. Between the two, the new objects have all that the old journal has. After the second,
//! the new journal is empty. So it is a whole world wherever it ends, if only the objects come first.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use daystar_model::store::StoreError;
use tracing::warn;

use super::backup::{Damage, Progress};
use super::damage::JournalDamage;
use super::environment::Kind;
use super::failpoint::{Point, pass};
use super::folder::{Claim, Folder, remove, sync_folder};
use super::lookers::Lookers;
use super::moment::Moment;
use super::{Options, datafile, failure, journal, objects};

/// What a compaction has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compacted {
    /// How many objects there are.
    pub objects: u64,
    /// How many bytes the world's two files had.
    pub bytes_before: u64,
    /// How many they have now.
    pub bytes_after: u64,
}

/// Rewrites the world in `path`, which no process may have open, without the holes that removed and moved objects have
/// left. A crash at any point leaves the whole world.
///
/// # Errors
/// As [`LmdbStore::open`](super::LmdbStore::open), and [`StoreError::Io`] when another process looks at the world;
/// [`StoreError::Record`] for the first damaged record, because the old file may still have more of it than the new one would.
/// There must be room for a copy. The world is as it was then.
pub fn compact(
    path: impl AsRef<Path>,
    options: Options,
    progress: &mut Progress<'_>,
) -> Result<Compacted, StoreError> {
    let path = path.as_ref();
    Folder::look_at(path)?;
    let Claim::World(_folder) = Folder::claim(path)? else {
        let found = "it was removed just now";
        return Err(StoreError::NoWorld { path: path.to_owned(), found });
    };
    let _alone = Lookers::none(path)?;
    let failed = |error| failure::io(COMPACT, path, &error);
    let beside = Beside::empty(path).map_err(failed)?;
    let bytes_before = bytes(path).map_err(failed)?;
    let journal_first = options.breaks().journal_first;
    let moment = Moment::of_folder(path, options, None)?.whole(JournalDamage::stays)?;
    // Of the same identity, because for a moment the new objects go on with the old journal.
    let copied = moment.copy(moment.identity(), &beside.0, Damage::Refuse, progress)?;
    drop(moment);
    pass(Point::AfterCopy);
    let mut order = [objects::KIND, journal::KIND];
    if journal_first {
        order.reverse();
    }
    for kind in order {
        replace(path, &beside.0, kind).map_err(failed)?;
        pass(Point::AfterReplacing);
    }
    let bytes_after = bytes(path).map_err(failed)?;
    Ok(Compacted { objects: copied.objects, bytes_before, bytes_after })
}

/// Removes what a compaction of the world in `path` that did not get to its end has left. The world must be locked.
pub(super) fn remove_leftover(path: &Path) {
    let beside = path.join(BESIDE);
    if let Err(error) = remove(&beside) {
        let path = beside.display();
        warn!(%path, %error, "what a compaction has left cannot be removed; it does no harm, remove it by hand");
    }
}

/// The folder in which the new files are made; removed in the end, whatever happens.
struct Beside(PathBuf);

impl Beside {
    fn empty(world: &Path) -> io::Result<Self> {
        let folder = world.join(BESIDE);
        remove(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        if let Some(world) = self.0.parent() {
            remove_leftover(world);
        }
    }
}

/// Puts a file of the world `beside` in the place of that of `world`.
fn replace(world: &Path, beside: &Path, kind: Kind) -> io::Result<()> {
    fs::rename(file(beside, kind), file(world, kind))?;
    // The next renaming must not reach the disk before this one.
    sync_folder(&world.join(kind.folder))
}

fn bytes(world: &Path) -> io::Result<u64> {
    let [objects, journal] = [objects::KIND, journal::KIND].map(|kind| file(world, kind));
    Ok(fs::metadata(objects)?.len() + fs::metadata(journal)?.len())
}

fn file(world: &Path, kind: Kind) -> PathBuf {
    world.join(kind.folder).join(datafile::NAME)
}

const COMPACT: &str = "compact the world";
/// Within the world's folder: a renaming must not cross file systems.
const BESIDE: &str = "compacting";
