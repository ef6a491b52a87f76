//! A world on disk, in LMDB.
//!
//! ```text
//! DIR/DAYSTAR            marks the folder as a world, and says in which format; written last
//! DIR/DAYSTAR.lock       locked by the process that has the world open
//! DIR/DAYSTAR.new        only while a world is being made; becomes DAYSTAR
//! DIR/journal/           an LMDB environment: what has changed since the last checkpoint, epoch by epoch
//! DIR/objects/           an LMDB environment: the objects as of the last checkpoint
//! DIR/compacting/        only while the world is being compacted: a world that will give it its files
//! ```
//! An epoch is one synced transaction that appends one record; a checkpoint brings the objects up to the
//! journal in large transactions, in id order. `docs/design/0004-journal-and-checkpoints.md` says why there are two.

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "the store maps worlds far larger than a 32-bit address space; build for a 64-bit target"
);

mod affirm;
mod backup;
mod branches;
mod checkpoint;
mod compact;
mod damage;
mod datafile;
mod environment;
mod epoch;
mod failpoint;
mod failure;
mod folder;
mod format;
mod identity;
mod journal;
mod lookers;
mod looks;
mod lookup;
mod metapage;
mod moment;
mod objects;
mod options;
mod pacing;
mod recent;
mod resident;
mod types;

use std::path::Path;
use std::sync::Arc;

use daystar_model::ids::{CommitNumber, ObjectId};
use daystar_model::store::{Batch, Store, StoreError, StoreStatus, Stored, Visit, VisitUntil};
use parking_lot::Mutex;
use tracing::info;

pub use self::backup::{Copied, Progress, Step, check_free};
use self::checkpoint::Checkpoints;
pub use self::compact::{Compacted, compact};
pub use self::damage::{JournalDamage, JournalFlaw, Remaining, Remains};
use self::environment::Access;
use self::epoch::Written;
use self::folder::{Claim, Folder};
use self::identity::Identity;
use self::journal::{Journal, Replayed};
use self::moment::Merged;
pub use self::moment::Moment;
use self::objects::Objects;
#[cfg(feature = "breaks")]
pub use self::options::Pace;
pub use self::options::{Options, Setting};
use self::recent::Recent;
use self::types::Types;
use crate::batch::after;
use crate::head::Head;
use crate::stored::{decode, decode_unchecked};

/// Keeps the world in a folder.
///
/// Every batch is one synced transaction of the journal: after `apply` has returned, a crash or a power cut does not take
/// it back, and one that did not return is there whole or not at all. A thread of the store's own brings
/// the objects up to the journal meanwhile.
///
/// A batch that was refused may be applied again, and must be before another: what is wrong with the disk is found
/// out anew each time.
///
/// Only one process at a time has a folder open. The folder must be on a local file system.
#[derive(Debug)]
pub struct LmdbStore {
    // Dropped in this order: the thread ends, then nothing is mapped any more, then the lock is let go.
    checkpoints: Checkpoints,
    writer: Mutex<Writer>,
    world: Arc<World>,
    folder: Folder,
}

/// What the thread that makes checkpoints shares with those that read and write.
#[derive(Debug)]
struct World {
    journal: Journal,
    objects: Objects,
    recent: Recent,
    options: Options,
}

/// What only one may do at a time.
#[derive(Debug)]
struct Writer {
    types: Types,
    /// The last append failed, and may have been made all the same.
    is_uncertain: bool,
}

impl LmdbStore {
    /// Opens the world in `path`, or makes an empty one if there is nothing there yet. Missing folders are
    /// made.
    ///
    /// # Errors
    /// [`StoreError::HalfCopied`] where a copy was not finished; [`StoreError::Foreign`] when something else is there, or one
    /// of the world's files is damaged so that it cannot be opened; [`StoreError::Format`] for a world that this program cannot read, and [`StoreError::Unreadable`] for one
    /// with objects that it cannot; [`StoreError::InUse`] when it is open already; [`StoreError::Damaged`] when the journal
    /// is damaged, or commits are missing in it; [`StoreError::Io`] when the system refuses. Nothing is changed in a folder that is
    /// not ours.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, StoreError> {
        // On every way out, LMDB's files are unmapped before the lock is let go: locals go in reverse order.
        let (journal, objects, folder) = match Folder::claim(path.as_ref())? {
            Claim::World(folder) => {
                compact::remove_leftover(folder.path());
                let journal = Journal::open(folder.path(), &options, Access::Write)?;
                let objects = Objects::open(folder.path(), &options, Access::Write)?;
                identity::check(folder.path(), &journal, &objects)?;
                (journal, objects, folder)
            }
            Claim::New(unfinished) => {
                let identity = Identity::new()?;
                let journal = Journal::create(unfinished.path(), identity, &options)?;
                let objects = Objects::create(unfinished.path(), identity, &options)?;
                unfinished.finish()?;
                (journal, objects, unfinished.into_folder())
            }
        };
        let (recent, done) = recover(&journal, &objects)?;
        let mut types = Types::of(journal.types()?);
        let world = World { journal, objects, recent, options };
        types.check(folder.path(), &world)?;
        let world = Arc::new(world);
        let head = world.recent.head();
        info!(
            path = %folder.path().display(),
            last_commit = head.last.0,
            replayed_bytes = world.recent.bytes(),
            "world opened"
        );
        let checkpoints = Checkpoints::start(Arc::clone(&world), done.last).map_err(|error| {
            failure::io("start the thread that makes checkpoints", folder.path(), &error)
        })?;
        let writer = Mutex::new(Writer { types, is_uncertain: false });
        Ok(Self { checkpoints, writer, world, folder })
    }

    /// The folder, as it was given to [`open`](Self::open).
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Brings the objects up to the journal now, and cuts the journal. It happens by itself; this is for whoever wants to
    /// wait for it.
    ///
    /// # Errors
    /// The disk refuses. Nothing is lost: the journal has it.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        self.checkpoints.make()
    }

    /// The world as it is now, to be read as a whole while it goes on: what [`Moment::open`] is for other processes. Not to
    /// be kept for long: if the disk fails meanwhile, the world can only be used again when the moment has been dropped.
    ///
    /// # Errors
    /// The world could not be read.
    pub fn moment(&self) -> Result<Moment, StoreError> {
        let World { journal, objects, recent, options } = &*self.world;
        Moment::of(journal, objects, &|| recent.head().last, options.clone(), None)?
            .whole(JournalDamage::passes)
    }

    /// What `id` is among the objects.
    fn load_done(&self, id: ObjectId) -> Result<Option<Stored>, StoreError> {
        self.world.objects.load(id, |bytes| self.decode(id, bytes))?.transpose()
    }

    fn decode(&self, id: ObjectId, bytes: &[u8]) -> Result<Stored, StoreError> {
        let is_unchecked = self.world.options.breaks().checksum_ignored;
        if is_unchecked { decode_unchecked(id, bytes) } else { decode(id, bytes) }
    }
}

/// What the journal holds beyond the objects, and how far the objects have come.
fn recover(journal: &Journal, objects: &Objects) -> Result<(Recent, Head), StoreError> {
    let (opened, txn) = objects.environment().begin(objects::LOAD)?;
    let reached = objects.reached(&opened, &txn)?;
    let done = reached.head;
    let recent = Recent::new(done);
    let (opened, txn) = journal.environment().begin(journal::READ)?;
    let mut head = done;
    let replayed = journal.replay(&opened, &txn, reached, EVERYTHING, &mut |epoch, bytes| {
        head = epoch.head.not_before(head);
        recent.add(head, bytes, epoch.places());
    })?;
    match replayed {
        Replayed::Whole(_) => Ok((recent, done)),
        Replayed::Gap(gap) => Err(journal.gap(gap)),
        Replayed::Damaged(_, damage) => Err(damage.stays()),
    }
}

/// Behind every commit.
const EVERYTHING: CommitNumber = CommitNumber(u64::MAX);

impl Store for LmdbStore {
    fn load(&self, id: ObjectId) -> Result<Option<Stored>, StoreError> {
        let World { journal, recent, .. } = &*self.world;
        let begin = |place| (place, journal.environment().begin(objects::LOAD));
        match recent.find(id, begin) {
            Some((place, begun)) => {
                let bytes = journal.copy_of(objects::LOAD, &begun?, id, place)?;
                bytes.map(|bytes| self.decode(id, &bytes)).transpose()
            }
            None => self.load_done(id),
        }
    }

    fn reload(&self, id: ObjectId, number: CommitNumber) -> Result<Option<Stored>, StoreError> {
        let World { recent, options, .. } = &*self.world;
        let is_done = recent.is_done(number) || options.breaks().reloads_early;
        if is_done { self.load_done(id) } else { self.load(id) }
    }

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let World { journal, recent, options, .. } = &*self.world;
        let mut writer = self.writer.lock();
        self.checkpoints.wait_for_room()?;
        let before = recent.head();
        let head = after(batch, before)?;
        let batch_types = writer.types.new_in(batch)?;
        let Written { bytes, places } = epoch::write(batch, before.last)?;
        let mut is_again = false;
        if writer.is_uncertain
            && let Some(last) = journal.last()?
            && last > before.last
        {
            is_again = last == head.last;
            if !is_again {
                return Err(StoreError::Io {
                    what: "apply a batch",
                    cause: format!(
                        "the batch up to {last} was refused and is in the journal all the same; apply that one again first"
                    ),
                });
            }
        }
        if options.breaks().epoch_not_prefix {
            journal.append_half(batch, before.last)?;
            is_again = true;
        }
        writer.is_uncertain = true;
        journal.append(head.last, &bytes, &batch_types, is_again)?;
        writer.is_uncertain = false;
        writer.types.add(batch_types);
        recent.add(head, bytes.len(), places.into_iter());
        self.checkpoints.appended();
        Ok(())
    }

    fn scan(
        &self,
        first: ObjectId,
        last: ObjectId,
        visit: &mut Visit<'_>,
    ) -> Result<(), StoreError> {
        let World { journal, objects, recent, .. } = &*self.world;
        let until = || recent.head().last;
        let merged = Merged::new(journal, objects, &until, first, last)?;
        merged.whole(JournalDamage::passes)?.each(first, last, &mut |id, bytes| {
            visit(id, decode(id, bytes));
            Ok(())
        })
    }

    fn scan_of(
        &self,
        type_name: &str,
        first: ObjectId,
        last: ObjectId,
        visit: &mut VisitUntil<'_>,
    ) -> Result<(), StoreError> {
        self.moment()?.scan_of(type_name, first, last, visit)
    }

    fn last_commit(&self) -> Result<CommitNumber, StoreError> {
        Ok(self.world.recent.head().last)
    }

    fn snapshot(&self) -> Result<Box<dyn Store>, StoreError> {
        Ok(Box::new(self.moment()?))
    }

    fn next_index(&self) -> Result<u64, StoreError> {
        Ok(self.world.recent.head().next_index)
    }

    fn status(&self) -> StoreStatus {
        StoreStatus {
            journal_bytes: self.world.recent.bytes(),
            checkpoint_failure: self.checkpoints.failure(),
        }
    }
}
