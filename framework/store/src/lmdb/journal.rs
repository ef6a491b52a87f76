//! The environment that holds the journal: in `main`, from the last commit of an epoch to the epoch; in `meta`, a key
//! for each type and version of which there are records, with its layout, and `begins`, the last commit that is not in
//! here any more.
//!
//! Epochs follow one another without a gap. Those that a checkpoint has overtaken are cut off, from the front. Where they begin
//! is written down, because a journal of which nothing is left would otherwise follow upon objects of any age.
//!
//! An epoch is one transaction of LMDB's, so it is there whole or not at all: there is no torn end to be put up with. One that
//! is not what was written is damaged, wherever it is, and nothing behind it can be used.

use std::path::Path;

use daystar_model::ids::{CommitNumber, ObjectId};
use daystar_model::store::{Batch, StoreError};
use heed::types::DecodeIgnore;
use heed::{MdbError, PutFlags, RwTxn, WithoutTls};

use super::Options;
use super::damage::{JournalDamage, JournalFlaw};
use super::environment::{Access, Environment, Kind, Opened, Reading};
use super::epoch::{self, Epoch, Place};
use super::failpoint::{Point, pass};
use super::identity::Identity;
use super::objects::Reached;
use super::types::Listed;
use crate::head::Head;

pub(super) const KIND: Kind = Kind { folder: "journal", main: "epochs", is_scattered: false };

/// The journal on disk, open.
#[derive(Debug)]
pub(super) struct Journal(Environment);

impl Journal {
    /// An empty environment in the empty folder `world/journal`.
    pub(super) fn create(
        world: &Path,
        identity: Identity,
        options: &Options,
    ) -> Result<Self, StoreError> {
        Ok(Self(Environment::create(world, KIND, identity, options)?))
    }

    /// The environment that [`create`](Self::create) made, by whichever process.
    pub(super) fn open(
        world: &Path,
        options: &Options,
        access: Access,
    ) -> Result<Self, StoreError> {
        Ok(Self(Environment::open(world, KIND, options, access)?))
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.0
    }

    /// Appends the epoch that ends with `last`, with the types that are new in it, and returns when it is synced.
    ///
    /// After an error it may be there all the same, when it was only the answer that did not come. `is_again` says that this
    /// may be so: then it is written over what is there, which may be in the system's cache and not on the disk.
    pub(super) fn append(
        &self,
        last: CommitNumber,
        bytes: &[u8],
        types: &[Listed],
        is_again: bool,
    ) -> Result<(), StoreError> {
        let flags = if is_again { PutFlags::empty() } else { PutFlags::APPEND };
        pass(Point::BeforeEpoch);
        self.0.write(APPEND, |opened, txn| {
            if self.0.is_nearly_full(opened, txn)? {
                return Err(MdbError::MapFull.into());
            }
            list(opened, txn, types)?;
            opened.main.put_with_flags(txn, flags, &last.0, bytes)?;
            // LMDB's own pages are written in one go with the epoch's, and mapped with them when they are wanted next.
            self.0.has_touched(opened, bytes.len() as u64);
            pass(Point::InsideEpoch);
            Ok(())
        })?;
        pass(Point::AfterEpoch);
        Ok(())
    }

    /// Writes a part of the epoch of `batch` in a transaction of its own: a deliberate break.
    pub(super) fn append_half(
        &self,
        batch: &Batch,
        previous: CommitNumber,
    ) -> Result<(), StoreError> {
        let half = Batch {
            changes: batch.changes[batch.changes.len() / 2..].to_vec(),
            last: batch.last,
            next_index: batch.next_index,
        };
        self.append(batch.last, &epoch::write(&half, previous)?.bytes, &[], false)
    }

    /// In a new world: that the journal begins behind `last`, with objects of `types`.
    pub(super) fn begin(&self, last: CommitNumber, types: &[Listed]) -> Result<(), StoreError> {
        self.0.write(APPEND, |opened, txn| {
            list(opened, txn, types)?;
            opened.meta.put(txn, BEGINS, &last.0.to_le_bytes())
        })
    }

    /// The last epoch in the journal; `None` if there is none.
    pub(super) fn last(&self) -> Result<Option<CommitNumber>, StoreError> {
        let (opened, txn) = self.0.begin(READ)?;
        let last = opened.main.remap_data_type::<DecodeIgnore>().last(&txn);
        let last = last.map_err(|error| self.0.failed(READ, error))?;
        Ok(last.map(|(last, ())| CommitNumber(last)))
    }

    /// Cuts some of the epochs up to `until` off, at most `epochs_max`, in one transaction; whether there may be more.
    pub(super) fn cut(&self, until: CommitNumber, epochs_max: usize) -> Result<bool, StoreError> {
        pass(Point::BeforeCut);
        let is_more = self.0.write(CUT, |opened, txn| {
            let Opened { main, meta, .. } = opened;
            let (mut first, mut last, mut bytes, mut count) = (None, None, 0, 0);
            for entry in main.range(txn, &(..=until.0))? {
                let (number, epoch) = entry?;
                first.get_or_insert(number);
                last = Some(number);
                count += 1;
                bytes += epoch.len();
                if bytes >= CUT_BYTES || count >= epochs_max {
                    break;
                }
            }
            let (Some(first), Some(last)) = (first, last) else {
                // LMDB uses the pages that a transaction has freed from the one after the next on. This is the next, so
                // that a journal which had no room left has some again.
                meta.put(txn, BEGINS, &until.0.to_le_bytes())?;
                return Ok(false);
            };
            main.delete_range(txn, &(first..=last))?;
            meta.put(txn, BEGINS, &last.to_le_bytes())?;
            self.0.has_touched(opened, bytes as u64);
            pass(Point::InsideCut);
            Ok(true)
        })?;
        pass(Point::AfterCut);
        Ok(is_more)
    }

    /// Calls `visit` with every epoch behind the `objects` that ends at `until` or before, in order, as `txn` sees them, up to
    /// the first damage.
    pub(super) fn replay(
        &self,
        opened: &Opened,
        txn: &heed::RoTxn<'_, WithoutTls>,
        objects: Reached,
        until: CommitNumber,
        visit: &mut dyn FnMut(Epoch<'_>, usize),
    ) -> Result<Replayed, StoreError> {
        let failed = |error| self.0.failed(READ, error);
        let mut head = objects.head;
        let (begins, ends) = self.extent(opened, txn)?;
        if begins > head.last {
            return Ok(Replayed::Gap(Gap { after: head.last, before: begins }));
        }
        if ends < head.last {
            return Err(self.older(ends, head.last));
        }
        let (mut flaws, mut epochs, mut before) = (Vec::new(), 0, head.last);
        for entry in opened.main.range(txn, &(head.last.next().0..)).map_err(failed)? {
            let (last, bytes) = entry.map_err(failed)?;
            let last = CommitNumber(last);
            if last > until {
                break;
            }
            match Epoch::parse(last, bytes) {
                Some(epoch) if epoch.previous == before && flaws.is_empty() => {
                    head = Head { last, next_index: epoch.head.next_index.max(head.next_index) };
                    visit(epoch, bytes.len());
                }
                Some(epoch) if epoch.previous == before => {}
                Some(epoch) => {
                    flaws.push(JournalFlaw::Missing { after: before, last: epoch.previous });
                }
                None => {
                    let remains = epoch::remains(last, bytes);
                    flaws.push(JournalFlaw::Epoch { after: before, last, remains });
                }
            }
            epochs += u64::from(!flaws.is_empty());
            before = last;
            self.0.has_touched(opened, bytes.len() as u64);
        }
        if flaws.is_empty() {
            return Ok(Replayed::Whole(head));
        }
        let damage = JournalDamage {
            path: self.0.dir().to_owned(),
            last_whole: head.last,
            ends: before,
            epochs,
            flaws,
            is_overwritten: objects.newest > head.last,
        };
        Ok(Replayed::Damaged(head, damage))
    }

    /// The last commit that was cut off, and the last one that the journal has had.
    fn extent(
        &self,
        opened: &Opened,
        txn: &heed::RoTxn<'_, WithoutTls>,
    ) -> Result<(CommitNumber, CommitNumber), StoreError> {
        let failed = |error| self.0.failed(READ, error);
        let begins = opened.meta.get(txn, BEGINS).map_err(failed)?.and_then(<[u8]>::first_chunk);
        let begins = begins.map_or(0, |raw| u64::from_le_bytes(*raw));
        let keys = opened.main.remap_data_type::<DecodeIgnore>();
        let last = keys.last(txn).map_err(failed)?.map_or(0, |(last, ())| last);
        Ok((CommitNumber(begins), CommitNumber(last.max(begins))))
    }

    /// That the objects are at `objects`, which this journal has never had.
    fn older(&self, ends: CommitNumber, objects: CommitNumber) -> StoreError {
        StoreError::Damaged {
            what: READ,
            cause: format!(
                "{} ends with {ends}, and the objects are at {objects}: they are not of the same time; restore the \
                 whole data folder from a backup",
                self.0.dir().display()
            ),
        }
    }

    /// That there is a gap between the objects and the journal.
    pub(super) fn gap(&self, gap: Gap) -> StoreError {
        let Gap { after, before } = gap;
        StoreError::Io {
            what: READ,
            cause: format!(
                "the commits between {after} and {before} are missing in {}; restore the data folder from a backup",
                self.0.dir().display()
            ),
        }
    }

    /// The bytes of `id`'s record at `place`, as the transaction sees it; `None` if it was removed there.
    pub(super) fn copy_of(
        &self,
        what: &'static str,
        begun: &(Opened, Reading),
        id: ObjectId,
        place: Place,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(range) = place.range() else { return Ok(None) };
        let record = self.0.copy_of(what, begun, place.epoch.0, range.clone())?;
        let whole = record.filter(|record| record.len() == range.len());
        whole.ok_or_else(|| lost(id, place.epoch)).map(Some)
    }

    /// Takes types off the list of those that there are records of.
    pub(super) fn forget_types(&self, keys: &[String]) -> Result<(), StoreError> {
        self.0.write(APPEND, |opened, txn| {
            for key in keys {
                opened.meta.delete(txn, key)?;
            }
            Ok(())
        })
    }

    /// The types that there are records of.
    pub(super) fn types(&self) -> Result<Vec<Listed>, StoreError> {
        let failed = |error| self.0.failed(READ, error);
        let (opened, txn) = self.0.begin(READ)?;
        let mut types = Vec::new();
        for entry in opened.meta.prefix_iter(&txn, TYPE).map_err(failed)? {
            let (key, layout) = entry.map_err(failed)?;
            let layout = String::from_utf8_lossy(layout).into_owned();
            types.push(Listed { key: key.to_owned(), layout });
        }
        Ok(types)
    }
}

/// Adds `types` to the list of those that there are records of.
fn list(opened: &Opened, txn: &mut RwTxn<'_>, types: &[Listed]) -> heed::Result<()> {
    types.iter().try_for_each(|Listed { key, layout }| opened.meta.put(txn, key, layout.as_bytes()))
}

/// What a replay has come to.
pub(super) enum Replayed {
    /// The world as it is, up to here.
    Whole(Head),
    /// The journal begins too late for these objects: a checkpoint has come in between, or it does not belong to them.
    Gap(Gap),
    /// The world before the damage, up to here.
    Damaged(Head, JournalDamage),
}

/// Commits that are neither among the objects nor in the journal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) after: CommitNumber,
    pub(super) before: CommitNumber,
}

/// That the journal does not have what it had.
pub(super) fn lost(id: ObjectId, epoch: CommitNumber) -> StoreError {
    StoreError::Damaged {
        what: READ,
        cause: format!(
            "object {id} is not in the epoch that ends with {epoch}, where it was; restore the data folder from a \
             backup"
        ),
    }
}

/// How the keys of types begin.
pub(super) const TYPE: &str = "type ";
const BEGINS: &str = "begins";
const APPEND: &str = "append to the journal";
pub(super) const READ: &str = "read the journal";
const CUT: &str = "cut the journal";
/// An epoch waits for at most so much to be cut off: a fraction of a millisecond.
const CUT_BYTES: usize = 8 << 20;
