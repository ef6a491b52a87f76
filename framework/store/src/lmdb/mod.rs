//! A world on disk, in LMDB.
//!
//! ```text
//! DIR/DAYSTAR            marks the folder as a world, and says in which format; written last
//! DIR/DAYSTAR.lock       locked by the process that has the world open
//! DIR/DAYSTAR.new        only while a world is being made; becomes DAYSTAR
//! DIR/objects/           an LMDB environment: the objects, and how far they have come
//! ```

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "the store maps worlds far larger than a 32-bit address space; build for a 64-bit target"
);

mod datafile;
mod failure;
mod folder;
mod format;
mod objects;

use std::path::Path;
use std::sync::Arc;

use daystar_model::ids::{CommitNumber, ObjectId};
use daystar_model::managed::Object;
use daystar_model::store::{Batch, Store, StoreError, Visit};
use tracing::info;

use crate::batch::Encoded;
use crate::stored::decode;
use folder::{Claim, Folder};
use objects::Objects;

/// What may be set about a store on disk.
#[derive(Clone, Debug)]
pub struct Options {
    /// The largest size that the world's file may grow to, in bytes, rounded up to whole pages. It costs
    /// address space, not memory or disk. A world that has grown larger still opens.
    pub map_bytes_max: usize,
    /// How many loads and scans may be under way at the same moment.
    pub readers_max: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { map_bytes_max: 256 << 30, readers_max: 4096 }
    }
}

/// Keeps the world in a folder.
///
/// Every batch is one synced transaction: after `apply` has returned, a crash or a power cut does not take
/// it back, and one that did not return is there whole or not at all.
///
/// Only one process at a time has a folder open. The folder must be on a local file system.
#[derive(Debug)]
pub struct LmdbStore {
    // Dropped in this order: the lock is let go when nothing is mapped any more.
    objects: Objects,
    folder: Folder,
}

impl LmdbStore {
    /// Opens the world in `path`, or makes an empty one if there is nothing there yet. Missing folders are
    /// made.
    ///
    /// # Errors
    /// [`StoreError::Foreign`] when something else is there, or the world's file is damaged so that it cannot be opened;
    /// [`StoreError::Format`] for a world that this program cannot read; [`StoreError::InUse`] when it
    /// is open already; [`StoreError::Io`] when the system refuses. Nothing is changed in a folder that is not ours.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        // On every way out, LMDB's file is unmapped before the lock is let go: locals go in reverse order.
        let store = match Folder::claim(path.as_ref())? {
            Claim::World(folder) => {
                Self { objects: Objects::open(folder.path(), &options)?, folder }
            }
            Claim::New(unfinished) => {
                let objects = Objects::create(unfinished.path(), &options)?;
                unfinished.finish()?;
                Self { objects, folder: unfinished.into_folder() }
            }
        };
        let head = store.objects.head()?;
        info!(path = %store.path().display(), last_commit = head.last.0, "world opened");
        Ok(store)
    }

    /// The folder, as it was given to [`open`](Self::open).
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Store for LmdbStore {
    fn load(&self, id: ObjectId) -> Result<Option<(CommitNumber, Arc<dyn Object>)>, StoreError> {
        self.objects.copy_of(id)?.map(|bytes| decode(id, &bytes)).transpose()
    }

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        self.objects.write(&Encoded::new(batch)?)
    }

    fn scan(
        &self,
        first: ObjectId,
        last: ObjectId,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        self.objects.each(first, last, &mut |id, bytes| visit(id, decode(id, bytes)))
    }

    fn last_commit(&self) -> Result<CommitNumber, StoreError> {
        Ok(self.objects.head()?.last)
    }

    fn next_index(&self) -> Result<u64, StoreError> {
        Ok(self.objects.head()?.next_index)
    }
}
