//! The LMDB environment that holds the objects, and how far they have come.
//!
//! Two databases. `objects`: an object's id, big-endian so that LMDB's order is the ids', to its record.
//! `meta`: `format`, the fingerprint, and `head`, the last commit and the next index. The head is written in the
//! same transaction as the objects that it speaks of.

use std::path::{Path, PathBuf};

use daystar_model::ids::ObjectId;
use daystar_model::store::StoreError;
use heed::byteorder::BigEndian;
use heed::types::{Bytes, Str, U64};
use heed::{CommitOrAbort, Database, Env, EnvOpenOptions, MdbError, RoTxn, WithoutTls};

use super::Options;
use super::datafile;
use super::failure;
use super::format::fingerprint;
use crate::batch::Encoded;
use crate::head::Head;

/// The environment's folder within the world's.
pub(super) const FOLDER: &str = "objects";

/// The objects on disk, open.
#[derive(Debug)]
pub(super) struct Objects {
    env: Env<WithoutTls>,
    records: Records,
    meta: Meta,
    dir: PathBuf,
}

type Records = Database<'static, U64<BigEndian>, Bytes>;
type Meta = Database<'static, Str, Bytes>;

impl Objects {
    /// An empty environment in the empty folder `world/objects`.
    pub(super) fn create(world: &Path, options: &Options) -> Result<Self, StoreError> {
        let dir = world.join(FOLDER);
        let failed = |error| failure::lmdb("make a new world", &dir, error);
        let env = map(&dir, options)?;
        let txn = env.write_txn().map_err(failed)?;
        let (records, meta) = env
            .create_databases_and_commit(txn, |databases, txn| {
                let records = databases.create_database(txn, Some(RECORDS))?;
                let meta: Database<'_, Str, Bytes> = databases.create_database(txn, Some(META))?;
                meta.put(txn, FORMAT, fingerprint().as_bytes())?;
                meta.put(txn, HEAD, &Head::EMPTY.to_bytes())?;
                Ok(CommitOrAbort::<_, ()>::Commit((records, meta)))
            })
            .map_err(failed)?
            .unwrap_commit(); // the closure above never answers `Abort`
        Ok(Self { env, records, meta, dir })
    }

    /// The environment that [`create`](Self::create) made, by whichever process.
    pub(super) fn open(world: &Path, options: &Options) -> Result<Self, StoreError> {
        let dir = world.join(FOLDER);
        let failed = |error| failure::lmdb("open the world", &dir, error);
        datafile::check(&dir.join(datafile::NAME)).map_err(|unfit| match unfit {
            datafile::Unfit::Unreadable(error) => {
                failure::io("read the world", &dir.join(datafile::NAME), &error)
            }
            unfit => foreign(world, unfit.to_string()),
        })?;
        let env = map(&dir, options)?;
        let txn = env.read_txn().map_err(failed)?;
        let opened = env
            .open_databases_and_commit(txn, |databases, txn| {
                let records = databases.open_database(txn, Some(RECORDS))?;
                let meta: Option<Database<'_, Str, Bytes>> =
                    databases.open_database(txn, Some(META))?;
                Ok(match records.zip(meta) {
                    Some(both) => CommitOrAbort::Commit(both),
                    None => CommitOrAbort::Abort(()),
                })
            })
            .or_else(|error| match error {
                // A key of that name is there, and is not a database.
                heed::Error::Mdb(MdbError::Incompatible) => Ok(CommitOrAbort::Abort(())),
                error => Err(failed(error)),
            })?;
        let (records, meta) = opened.commit().ok_or_else(|| not_ours(world))?;
        let objects = Self { env, records, meta, dir };
        objects.check_format(world)?;
        Ok(objects)
    }

    /// The bytes of `id`'s record.
    pub(super) fn copy_of(&self, id: ObjectId) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = |error| failure::lmdb("load an object", &self.dir, error);
        // Copied, so that the transaction is over before anything slow is done: while it lasts, LMDB
        // cannot use again the pages that newer commits have left.
        let txn = self.env.read_txn().map_err(failed)?;
        Ok(self.records.get(&txn, &id.to_raw()).map_err(failed)?.map(<[u8]>::to_vec))
    }

    /// Calls `visit` with every record from `first` to `last`, both included, of one moment.
    pub(super) fn each(
        &self,
        first: ObjectId,
        last: ObjectId,
        visit: &mut dyn FnMut(ObjectId, &[u8]),
    ) -> Result<(), StoreError> {
        let failed = |error| failure::lmdb("read all objects", &self.dir, error);
        let txn = self.env.read_txn().map_err(failed)?;
        let range = first.to_raw()..=last.to_raw();
        for entry in self.records.range(&txn, &range).map_err(failed)? {
            let (raw, bytes) = entry.map_err(failed)?;
            visit(ObjectId::from_raw(raw), bytes);
        }
        Ok(())
    }

    /// Writes `batch` in one transaction and returns when it is synced.
    pub(super) fn write(&self, batch: &Encoded) -> Result<(), StoreError> {
        let failed = |error| failure::lmdb("apply a batch", &self.dir, error);
        // Every return before `commit` drops the transaction, which aborts it.
        let mut txn = self.env.write_txn().map_err(failed)?;
        let head = batch.after(self.head_at(&txn)?)?;
        for (id, change) in &batch.changes {
            match change {
                Some(bytes) => self.records.put(&mut txn, &id.to_raw(), bytes).map_err(failed)?,
                None => {
                    self.records.delete(&mut txn, &id.to_raw()).map_err(failed)?;
                }
            }
        }
        self.meta.put(&mut txn, HEAD, &head.to_bytes()).map_err(failed)?;
        txn.commit().map_err(failed)
    }

    /// How far the objects have come.
    pub(super) fn head(&self) -> Result<Head, StoreError> {
        let txn =
            self.env.read_txn().map_err(|error| failure::lmdb(READ_HEAD, &self.dir, error))?;
        self.head_at(&txn)
    }

    fn head_at(&self, txn: &RoTxn<'_, WithoutTls>) -> Result<Head, StoreError> {
        let bytes =
            self.meta.get(txn, HEAD).map_err(|error| failure::lmdb(READ_HEAD, &self.dir, error))?;
        bytes.and_then(Head::from_bytes).ok_or_else(|| StoreError::Io {
            what: READ_HEAD,
            cause: format!(
                "its record in {} is damaged; restore the data folder from a backup",
                self.dir.display()
            ),
        })
    }

    /// The marker file said the same already; this finds an environment that was put there from elsewhere.
    fn check_format(&self, world: &Path) -> Result<(), StoreError> {
        let failed = |error| failure::lmdb("open the world", &self.dir, error);
        let txn = self.env.read_txn().map_err(failed)?;
        let found = self.meta.get(&txn, FORMAT).map_err(failed)?;
        match found {
            Some(text) if text == fingerprint().as_bytes() => Ok(()),
            Some(text) => Err(StoreError::Format {
                path: world.to_owned(),
                found: String::from_utf8_lossy(text).into_owned(),
                wanted: fingerprint().to_owned(),
            }),
            None => Err(not_ours(world)),
        }
    }
}

fn map(dir: &Path, options: &Options) -> Result<Env<WithoutTls>, StoreError> {
    let bytes = options
        .map_bytes_max
        .max(1)
        .checked_next_multiple_of(PAGE_BYTES_MAX)
        .unwrap_or(usize::MAX - (PAGE_BYTES_MAX - 1));
    let mut settings = EnvOpenOptions::new().read_txn_without_tls();
    settings.map_size(bytes).max_readers(options.readers_max).max_dbs(2);
    // SAFETY: LMDB's file is mapped, so nothing else may change it while it is. The caller holds the world's
    // lock file (`folder.rs`), which keeps out every other process and every second store of this one, and
    // has looked at the file (`datafile.rs`), so that it is long enough for every page that LMDB will
    // touch. No flags are set: LMDB's own locks and syncs are on.
    #[allow(unsafe_code)]
    let opened = unsafe { settings.open(dir) };
    opened.map_err(|error| failure::lmdb("open the world", dir, error))
}

fn not_ours(world: &Path) -> StoreError {
    foreign(world, format!("{FOLDER}/{} is an LMDB file of another program", datafile::NAME))
}

fn foreign(world: &Path, found: String) -> StoreError {
    StoreError::Foreign { path: world.to_owned(), found }
}

const READ_HEAD: &str = "read how far the world has come";
const RECORDS: &str = "objects";
const META: &str = "meta";
const FORMAT: &str = "format";
const HEAD: &str = "head";
/// The largest page of any machine that we know: LMDB wants a map of whole pages.
const PAGE_BYTES_MAX: usize = 64 << 10;
