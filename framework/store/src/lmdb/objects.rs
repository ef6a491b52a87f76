//! The environment that holds the objects as of the last checkpoint: in `main`, from an object's [`key`] to its record; in
//! `meta`, `head`: the last commit that is in there, and the next index; and `newest`, where the checkpoint ends that has begun to
//! write last, as another such head.
//!
//! While a checkpoint is under way some of the objects are newer than the head says. The journal has all of
//! those, and whoever reads looks there first. If the journal is damaged, `newest` tells whether some of what it does not have
//! any more may be here: not all of that could be seen, because an object that was removed leaves nothing.

use std::path::Path;

use daystar_model::ids::{CommitNumber, ObjectId, Space};
use daystar_model::store::StoreError;
use heed::types::DecodeIgnore;
use heed::{PutFlags, WithoutTls};

use super::environment::{Access, Environment, Kind, Opened};
use super::identity::Identity;
use super::lookup::Change;
use super::resident::PIECE_BYTES;
use super::{EVERYTHING, Options};
use crate::head::Head;

pub(super) const KIND: Kind = Kind { folder: "objects", main: "objects", is_scattered: true };

/// The objects on disk, open.
#[derive(Debug)]
pub(super) struct Objects(Environment);

/// The key of an object's record. The spaces stand in reverse: so the new objects of a game, with the highest indices of the
/// space that grows most, come behind all others, where LMDB can fill its pages to the brim. Amid others it would leave them
/// half empty.
pub(super) fn key(id: ObjectId) -> u64 {
    id.to_raw() ^ SPACES
}

/// The object whose record has this key.
pub(super) fn id(key: u64) -> ObjectId {
    ObjectId::from_raw(key ^ SPACES)
}

/// The bits of an id that tell its space.
const SPACES: u64 = ObjectId::new(Space::Task, 0).to_raw();

/// What becomes of an object: its new record, or its removal.
pub(super) type Put<'a> = (ObjectId, Option<&'a [u8]>);

/// How far the objects have come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    /// All up to here is among them.
    pub(super) head: Head,
    /// Nothing behind this is.
    pub(super) newest: CommitNumber,
}

/// What is said about all objects in the transaction that writes some of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    /// From here on some are as of up to here, and others are not yet.
    Begun(Head),
    /// All are as of here.
    Done(Head),
}

impl Objects {
    /// An empty environment in the empty folder `world/objects`.
    pub(super) fn create(
        world: &Path,
        identity: Identity,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let environment = Environment::create(world, KIND, identity, options)?;
        let objects = Self(environment);
        objects.write("make a new world", &[], Some(Mark::Done(Head::EMPTY)))?;
        Ok(objects)
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

    /// What `read` makes of the bytes of `id`'s record.
    pub(super) fn load<T>(
        &self,
        id: ObjectId,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StoreError> {
        self.0.look(LOAD, key(id), read)
    }

    /// Writes `puts`, and `mark` if there is one, in one transaction, and returns when it is synced.
    pub(super) fn write(
        &self,
        what: &'static str,
        puts: &[Put<'_>],
        mark: Option<Mark>,
    ) -> Result<(), StoreError> {
        self.0.write(what, |opened, txn| {
            let Opened { main, meta, .. } = opened;
            self.0.expect(
                opened,
                txn,
                puts.iter().map(|(id, put)| (key(*id), Change::to(*put))),
            )?;
            let mut end = main.remap_data_type::<DecodeIgnore>().last(txn)?.map(|(key, ())| key);
            for &(id, record) in puts {
                self.0.has_touched(opened, PIECE_BYTES);
                let key = key(id);
                match record {
                    // Behind all others, where LMDB fills its pages to the brim.
                    Some(bytes) if end.is_none_or(|end| end < key) => {
                        main.put_with_flags(txn, PutFlags::APPEND, &key, bytes)?;
                        end = Some(key);
                    }
                    Some(bytes) => main.put(txn, &key, bytes)?,
                    None => {
                        main.delete(txn, &key)?;
                    }
                }
            }
            match mark {
                Some(Mark::Begun(end)) => meta.put(txn, NEWEST, &end.to_bytes()),
                Some(Mark::Done(head)) => {
                    meta.put(txn, NEWEST, &head.to_bytes())?;
                    meta.put(txn, HEAD, &head.to_bytes())
                }
                None => Ok(()),
            }
        })
    }

    /// How many pages the records lie in, those apart that fill pages of their own.
    pub(super) fn leaf_pages(&self) -> Result<usize, StoreError> {
        let (opened, txn) = self.0.begin(LOAD)?;
        Ok(opened.main.stat(&txn).map_err(|error| self.0.failed(LOAD, error))?.leaf_pages)
    }

    /// Calls `visit` with every record, in the keys' order.
    pub(super) fn each(
        &self,
        what: &'static str,
        visit: &mut dyn FnMut(ObjectId, &[u8]),
    ) -> Result<(), StoreError> {
        let failed = |error| self.0.failed(what, error);
        let (opened, txn) = self.0.begin(what)?;
        for entry in opened.main.iter(&txn).map_err(failed)? {
            let (raw, bytes) = entry.map_err(failed)?;
            visit(id(raw), bytes);
        }
        Ok(())
    }

    /// How far the objects have come, as `txn` sees it.
    pub(super) fn reached(
        &self,
        opened: &Opened,
        txn: &heed::RoTxn<'_, WithoutTls>,
    ) -> Result<Reached, StoreError> {
        let failed = |error| self.0.failed(READ_HEAD, error);
        let [head, newest] = [HEAD, NEWEST].map(|key| opened.meta.get(txn, key));
        let head = head.map_err(failed)?.and_then(Head::from_bytes);
        let head = head.ok_or_else(|| StoreError::Damaged {
            what: READ_HEAD,
            cause: format!(
                "its record in {} is damaged; restore the data folder from a backup",
                self.0.dir().display()
            ),
        })?;
        // Without it, anything may be. Only who goes without the end of the journal asks.
        let newest = newest.map_err(failed)?.and_then(Head::from_bytes);
        Ok(Reached { head, newest: newest.map_or(EVERYTHING, |end| end.last) })
    }
}

pub(super) const LOAD: &str = "load an object";
const READ_HEAD: &str = "read how far the world has come";
const HEAD: &str = "head";
const NEWEST: &str = "newest";
