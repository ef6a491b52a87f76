//! What the engine asks of a store, whichever it is.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::ids::{CommitNumber, ObjectId};
use crate::managed::Object;
use crate::record::RecordError;

/// An object's newest value after a run of commits; `None` when it was removed.
pub type Change = Option<Arc<dyn Object>>;

/// A stored value and the commit that gave it.
pub type Stored = (CommitNumber, Arc<dyn Object>);

/// The outcome of a contiguous run of commits.
#[derive(Debug, Default)]
pub struct Batch {
    /// Every object that the run changed, once each, with its newest value and the commit that gave it.
    pub changes: Vec<(ObjectId, CommitNumber, Change)>,
    /// The last commit of the run. The next batch starts behind it.
    pub last: CommitNumber,
    /// No id with this index or a higher one has been given away in any space that counts its ids.
    pub next_index: u64,
}

/// Keeps the world where a crash does not reach it.
///
/// Assumed of an implementation: after [`apply`](Self::apply) has returned `Ok`, the whole batch survives a
/// power cut; when it returned an error or never returned, the store holds either the whole batch or
/// nothing of it, and nobody knows which. So a batch that was refused is applied again, unchanged, before any other.
pub trait Store: Send + Sync {
    /// The newest stored value of `id` and its commit; `None` when there is none.
    ///
    /// # Errors
    /// A record that cannot be read or is damaged. Damaged bytes are never taken for data.
    fn load(&self, id: ObjectId) -> Result<Option<Stored>, StoreError>;

    /// As [`load`](Self::load), of an object of which the newest stored value is known to be of the commit `number`. A store that
    /// keeps what is new apart need not look there.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    fn reload(&self, id: ObjectId, number: CommitNumber) -> Result<Option<Stored>, StoreError> {
        let _ = number;
        self.load(id)
    }

    /// Writes `batch` and returns when it is safe.
    ///
    /// # Errors
    /// Nothing of the batch is safe; the cause says why. Applying the same batch again later may succeed.
    fn apply(&self, batch: &Batch) -> Result<(), StoreError>;

    /// Calls `visit` with every stored object from `first` to `last` (both included), in id order, as one
    /// consistent moment. A damaged record is handed to `visit` as an error, and the walk goes on.
    ///
    /// # Errors
    /// The store itself could not be read.
    fn scan(
        &self,
        first: ObjectId,
        last: ObjectId,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError>;

    /// As [`scan`](Self::scan), but only for objects whose type has this stored name, and for those that are damaged, of which
    /// nobody knows; and until `visit` says that it has seen enough. A store that can tell types apart need not look into the others.
    ///
    /// # Errors
    /// As [`scan`](Self::scan).
    fn scan_of(
        &self,
        type_name: &str,
        first: ObjectId,
        last: ObjectId,
        visit: &mut VisitUntil<'_>,
    ) -> Result<(), StoreError> {
        let mut flow = ControlFlow::Continue(());
        self.scan(first, last, &mut |id, found| match &found {
            _ if flow.is_break() => {}
            Ok((_, value)) if value.descriptor().name != type_name => {}
            _ => flow = visit(id, found),
        })
    }

    /// The last commit that is safe; [`CommitNumber::ZERO`] for an empty store.
    ///
    /// # Errors
    /// The store could not be read.
    fn last_commit(&self) -> Result<CommitNumber, StoreError>;

    /// [`Batch::next_index`] of the last batch; 1 for an empty store.
    ///
    /// # Errors
    /// The store could not be read.
    fn next_index(&self) -> Result<u64, StoreError>;

    /// The world as it is now, with every batch that was safe when this was called and none that comes later, to be read as
    /// a whole while the world goes on. It refuses to be written to.
    ///
    /// # Errors
    /// The store could not be read, or is of a kind that cannot do this.
    fn snapshot(&self) -> Result<Box<dyn Store>, StoreError> {
        Err(StoreError::Io {
            what: "be read as it was at one moment",
            cause: "it is of a kind that keeps no moments".to_owned(),
        })
    }

    /// How the store is doing. Cheap.
    fn status(&self) -> StoreStatus {
        StoreStatus::default()
    }
}

/// How a store is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStatus {
    /// Bytes in the journal that no checkpoint has overtaken: what a start after a crash would have to read.
    pub journal_bytes: u64,
    /// Why the last checkpoint could not be made, if it could not: nothing is lost, but the journal grows.
    pub checkpoint_failure: Option<String>,
}

/// What [`Store::scan`] calls for each object.
pub type Visit<'a> = dyn FnMut(ObjectId, Result<Stored, StoreError>) + 'a;

/// What [`Store::scan_of`] calls for each object, until it has seen enough.
pub type VisitUntil<'a> = dyn FnMut(ObjectId, Result<Stored, StoreError>) -> ControlFlow<()> + 'a;

/// Why a store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// One object's record is damaged or of an unknown kind.
    #[error("object {id}: {cause}")]
    Record {
        /// Which object.
        id: ObjectId,
        /// What is wrong with it.
        #[source]
        cause: RecordError,
    },
    /// The folder is not a Daystar data folder.
    #[error(
        "{} holds something that is not a Daystar world ({found}); choose an empty or a new folder", path.display()
    )]
    Foreign {
        /// The folder.
        path: std::path::PathBuf,
        /// What was found there.
        found: String,
    },
    /// There is no world in the folder.
    #[error("{} holds no Daystar world ({found}); name the folder that `serve --data` was given", path.display())]
    NoWorld {
        /// The folder.
        path: std::path::PathBuf,
        /// What was found there.
        found: &'static str,
    },
    /// There is a world in the folder already, and another was to be written there.
    #[error("{} holds a Daystar world already, which is not overwritten; choose an empty or a new folder", path.display())]
    Occupied {
        /// The folder.
        path: std::path::PathBuf,
    },
    /// A copy of a world was being written into the folder, and did not get to its end.
    #[error(
        "{} holds a copy of a world that was not finished; make the copy again (`restore`, `backup`), or remove the folder", path.display()
    )]
    HalfCopied {
        /// The folder.
        path: std::path::PathBuf,
    },
    /// The world has objects that this program cannot read.
    #[error(
        "{count} objects in {} cannot be read by this program, and `verify` lists them all; the first is object {id}: {cause}", path.display()
    )]
    Unreadable {
        /// The folder.
        path: std::path::PathBuf,
        /// How many there are.
        count: u64,
        /// One of them.
        id: ObjectId,
        /// Why it cannot be read.
        #[source]
        cause: RecordError,
    },
    /// Another process has the folder open.
    #[error("{} is in use by another process; stop that server first, or choose another folder", path.display())]
    InUse {
        /// The folder.
        path: std::path::PathBuf,
    },
    /// The world was written in another format.
    #[error("{} was written in format {found}, and this program reads {wanted}; use the program that wrote it", path.display())]
    Format {
        /// The folder.
        path: std::path::PathBuf,
        /// What the folder says.
        found: String,
        /// What this program reads.
        wanted: String,
    },
    /// The store has another version of an object than the one that it has said is safe.
    #[error(
        "object {id} was stored by {wanted}, and the store now has {found}: stop the server and run `verify`, or restore \
         a backup"
    )]
    Changed {
        /// Which object.
        id: ObjectId,
        /// The commit whose version was safe.
        wanted: CommitNumber,
        /// What the store has instead.
        found: String,
    },
    /// A file is damaged, and stays so.
    #[error("the store could not {what}: {cause}")]
    Damaged {
        /// What it was doing.
        what: &'static str,
        /// What is damaged, and how.
        cause: String,
    },
    /// Reading or writing failed, which may pass.
    #[error("the store could not {what}: {cause}")]
    Io {
        /// What it was doing.
        what: &'static str,
        /// What the system said.
        cause: String,
    },
}
