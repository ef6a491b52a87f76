//! One LMDB environment of a world, which is opened again by itself after a write to it has failed.
//!
//! Two databases. `main`: from a number, big-endian so that LMDB's order is the numbers', to bytes. `meta`: from a
//! word to bytes; `format` is the fingerprint, `world` the world's identity.
//!
//! LMDB gives an environment up when it could not write its meta page: every later transaction is refused, reads
//! included, until the environment has been closed and opened. Whether the last write is in the file is only known
//! after that, so whoever was refused looks first.

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use daystar_model::store::StoreError;
use heed::byteorder::BigEndian;
use heed::types::{Bytes, Str, U64};
use heed::{CommitOrAbort, Database, EnvFlags, EnvOpenOptions, MdbError, WithoutTls};
use parking_lot::RwLock;
use tracing::{debug, warn};

use super::affirm::affirm;
use super::format::fingerprint;
use super::identity::Identity;
use super::looks::{Look, Looks};
use super::lookup::{Change, Pages, Tree};
use super::resident::Resident;
use super::{Options, datafile, failure};

/// LMDB's handle, of which there may be many clones.
pub(super) type Env = heed::Env<WithoutTls>;
/// A transaction that reads.
pub(super) type Reading = heed::RoTxn<'static, WithoutTls>;
pub(super) type Main = Database<'static, U64<BigEndian>, Bytes>;
pub(super) type Meta = Database<'static, Str, Bytes>;
type Trees = Database<'static, Str, Bytes>;

/// What is particular to an environment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    /// Whether it is read here and there: reading ahead would fill the system's cache with what nobody wants.
    pub(super) is_scattered: bool,
    /// Its folder within the world's.
    pub(super) folder: &'static str,
    /// What its database `main` is called in the file.
    pub(super) main: &'static str,
}

/// What an environment is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// The world is ours: its lock is held.
    Write,
    /// Another process may have the world.
    Read,
}

#[derive(Debug)]
pub(super) struct Environment {
    kind: Kind,
    dir: PathBuf,
    options: Options,
    access: Access,
    opened: RwLock<Option<Opened>>,
    /// LMDB has given the environment up, so it must be opened anew before it is used.
    is_doubtful: AtomicBool,
    looks: Looks,
    resident: Resident,
}

/// The environment, open. A clone must not be kept: as long as one lives, the environment cannot be opened anew.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) env: Env,
    pub(super) main: Main,
    pub(super) meta: Meta,
    /// LMDB's own database: where the trees of the others begin.
    trees: Trees,
    /// The same file, to be read without mapping it.
    pub(super) pages: Arc<Pages>,
    /// It could not be opened to be written to, and can be read.
    is_read_only: bool,
}

impl Environment {
    /// An empty environment in the empty folder `world/kind.folder`.
    pub(super) fn create(
        world: &Path,
        kind: Kind,
        identity: Identity,
        options: &Options,
    ) -> Result<Self, StoreError> {
        let dir = world.join(kind.folder);
        let failed = |error| failure::lmdb("make a new world", &dir, error);
        let env = map(&dir, kind, options, EnvFlags::empty()).map_err(failed)?;
        let txn = env.write_txn().map_err(failed)?;
        let [trees, main, meta] = env
            .create_databases_and_commit(txn, |databases, txn| {
                let trees: Untyped<'_> = databases.create_database(txn, None)?;
                let main: Untyped<'_> = databases.create_database(txn, Some(kind.main))?;
                let meta: Untyped<'_> = databases.create_database(txn, Some(META))?;
                meta.put(txn, FORMAT.as_bytes(), fingerprint().as_bytes())?;
                meta.put(txn, WORLD.as_bytes(), identity.as_bytes())?;
                Ok(CommitOrAbort::<_, ()>::Commit([trees, main, meta]))
            })
            .map_err(failed)?
            .unwrap_commit(); // the closure above never answers `Abort`
        let opened = Opened::of(env, [trees, main, meta], false).map_err(failed)?;
        Ok(Self::of(kind, dir, options, Access::Write, opened))
    }

    /// The environment that [`create`](Self::create) made, by whichever process.
    pub(super) fn open(
        world: &Path,
        kind: Kind,
        options: &Options,
        access: Access,
    ) -> Result<Self, StoreError> {
        let dir = world.join(kind.folder);
        let file = dir.join(datafile::NAME);
        datafile::check(&file).map_err(|unfit| match unfit {
            datafile::Unfit::Unreadable(error) => failure::io("read the world", &file, &error),
            unfit => foreign(world, format!("its {}/{} {unfit}", kind.folder, datafile::NAME)),
        })?;
        let opened = open(OPEN, &dir, kind, options, access.flags())?;
        let opened = opened.ok_or_else(|| not_ours(world, kind))?;
        let environment = Self::of(kind, dir, options, access, opened);
        environment.check_format(world)?;
        Ok(environment)
    }

    fn of(kind: Kind, dir: PathBuf, options: &Options, access: Access, opened: Opened) -> Self {
        let (looks, resident) = (Looks::new(options.readers_max), Resident::default());
        let (options, opened) = (options.clone(), RwLock::new(Some(opened)));
        let is_doubtful = AtomicBool::new(false);
        Self { kind, dir, options, access, opened, is_doubtful, looks, resident }
    }

    /// The environment, opened anew if need be.
    pub(super) fn opened(&self, what: &'static str) -> Result<Opened, StoreError> {
        if !self.is_doubtful.load(Ordering::Acquire)
            && let Some(opened) = &*self.opened.read()
        {
            return Ok(opened.clone());
        }
        self.reopen(what, self.access.flags()).or_else(|error| {
            // A system that has met an I/O error often makes the whole disk read-only. What is there can be read still.
            self.reopen(what, EnvFlags::READ_ONLY).map_err(|_| error)
        })
    }

    /// What `write` returns, once all that it has written for `what` is synced. After an error nothing of it counts, and all
    /// of it may be on the disk.
    pub(super) fn write<T>(
        &self,
        what: &'static str,
        write: impl FnOnce(&Opened, &mut heed::RwTxn<'_>) -> heed::Result<T>,
    ) -> Result<T, StoreError> {
        let opened = self.opened_to_write(what)?;
        self.looks.end_unused();
        let write = || {
            // Every return before `commit` drops the transaction, which aborts it.
            let mut txn = opened.env.write_txn()?;
            let written = write(&opened, &mut txn)?;
            txn.commit()?;
            Ok(written)
        };
        write().map_err(|error| self.write_failed(&opened, what, error))
    }

    /// The environment, open to be written to.
    fn opened_to_write(&self, what: &'static str) -> Result<Opened, StoreError> {
        let opened = self.opened(what)?;
        if !opened.is_read_only || self.access == Access::Read {
            return Ok(opened);
        }
        drop(opened);
        self.reopen(what, self.access.flags())
    }

    /// That a transaction for `what` failed.
    pub(super) fn failed(&self, what: &'static str, error: heed::Error) -> StoreError {
        if is_given_up(&error) {
            self.doubt();
        }
        failure::lmdb(what, &self.dir, error)
    }

    /// That a write to `opened` for `what` failed.
    fn write_failed(&self, opened: &Opened, what: &'static str, error: heed::Error) -> StoreError {
        // Most failures leave the environment as it was; LMDB says so at once.
        if opened.env.read_txn().is_err_and(|error| is_given_up(&error)) {
            self.doubt();
        }
        failure::lmdb(what, &self.dir, error)
    }

    pub(super) fn doubt(&self) {
        self.is_doubtful.store(true, Ordering::Release);
    }

    /// A transaction that reads, if need be in the environment opened anew.
    pub(super) fn begin(&self, what: &'static str) -> Result<(Opened, Reading), StoreError> {
        let begin = || {
            let opened = self.opened(what)?;
            let txn = opened.env.clone().static_read_txn();
            Ok(txn.map(|txn| (opened, txn)))
        };
        match begin()? {
            // A write has failed in the meantime, which is none of the reader's business.
            Err(error) if is_given_up(&error) => {
                self.doubt();
                begin()?.map_err(|error| self.failed(what, error))
            }
            begun => begun.map_err(|error| self.failed(what, error)),
        }
    }

    /// What `main` has under `key`, as `txn` sees it: as much of `part` of it as there is, found without touching LMDB's
    /// map of it, and copied.
    pub(super) fn copy_of(
        &self,
        what: &'static str,
        (opened, txn): &(Opened, Reading),
        key: u64,
        part: Range<usize>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let tree = self.tree(opened, txn).map_err(|error| self.failed(what, error))?;
        let found = tree.map_or(Ok(None), |tree| opened.pages.find(txn.id(), tree, key, part));
        found.map_err(|error| failure::read(what, opened.env.path(), &error))
    }

    /// What `read` makes of what `main` has under `key`, as of now.
    pub(super) fn look<T>(
        &self,
        what: &'static str,
        key: u64,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Result<Option<T>, StoreError> {
        let is_good = |look: &Look| {
            !self.is_doubtful.load(Ordering::Acquire)
                && (look.is_current() || self.options.breaks().stale_looks)
        };
        // One that is not is ended here, before there is another.
        let mut look = match self.looks.take().filter(|look| is_good(look)) {
            Some(look) => look,
            None => {
                let (opened, txn) = self.begin(what)?;
                let tree = self.tree(&opened, &txn).map_err(|error| self.failed(what, error))?;
                Box::new(Look::new(opened, txn, tree))
            }
        };
        let found = look.find(key).map(|found| found.map(read));
        let found = found.map_err(|error| failure::read(what, &self.dir, &error))?;
        self.looks.keep(look, &self.is_doubtful);
        Ok(found)
    }

    /// Learns which keys of `main` are about to be changed in `txn`, before any of them is.
    pub(super) fn expect(
        &self,
        opened: &Opened,
        txn: &heed::RwTxn<'_>,
        changes: impl Iterator<Item = (u64, Change)>,
    ) -> heed::Result<()> {
        opened.pages.expect(txn.id(), self.tree(opened, txn)?, changes);
        Ok(())
    }

    /// Where the tree of `main` begins, as `txn` sees it.
    fn tree(&self, opened: &Opened, txn: &heed::RoTxn<'_>) -> heed::Result<Option<Tree>> {
        Ok(Tree::of(opened.trees.get(txn, self.kind.main)?.unwrap_or_default()))
    }

    /// Learns that LMDB may have mapped so many bytes of `opened`'s file for what it has just been asked to do.
    pub(super) fn has_touched(&self, opened: &Opened, bytes: u64) {
        self.resident.has_touched(opened, bytes, self.options.mapped_bytes_max);
    }

    /// Whether there is so little room left that only what makes more of it should be written.
    pub(super) fn is_nearly_full(
        &self,
        opened: &Opened,
        txn: &heed::RoTxn<'_>,
    ) -> heed::Result<bool> {
        let info = opened.env.info();
        let page_bytes = opened.env.unnamed_database_stat().page_size as usize;
        let slack = SLACK_BYTES.min(info.map_size / 8);
        let has_room = |pages: usize| pages * page_bytes + slack <= info.map_size;
        if has_room(info.last_page_number + 1) {
            return Ok(false);
        }
        // A file never shrinks: one that has grown while somebody read it for long may be empty by now.
        let mut used = 0;
        for stat in [opened.trees.stat(txn)?, opened.main.stat(txn)?, opened.meta.stat(txn)?] {
            used += stat.branch_pages + stat.leaf_pages + stat.overflow_pages;
        }
        Ok(!has_room(used))
    }

    /// Lets LMDB use again what processes were reading that have died.
    pub(super) fn forget_dead_readers(&self) {
        if let Ok(opened) = self.opened(OPEN)
            && let Err(error) = opened.env.clear_stale_readers()
        {
            warn!(dir = %self.dir.display(), %error, "LMDB's table of readers cannot be looked at");
        }
    }

    #[cfg(test)]
    pub(super) fn looks(&self) -> &Looks {
        &self.looks
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Which world this belongs to.
    pub(super) fn identity(&self) -> Result<Identity, StoreError> {
        let (Opened { meta, .. }, txn) = self.begin(OPEN)?;
        let bytes = meta.get(&txn, WORLD).map_err(|error| self.failed(OPEN, error))?;
        bytes.and_then(Identity::from_bytes).ok_or_else(|| StoreError::Io {
            what: OPEN,
            cause: format!(
                "it is not known whose {} is; restore the data folder from a backup",
                self.dir.display()
            ),
        })
    }

    fn reopen(&self, what: &'static str, flags: EnvFlags) -> Result<Opened, StoreError> {
        let mut slot = self.opened.write();
        // Somebody else may have been here first, and may have got it to be read only.
        if !self.is_doubtful.load(Ordering::Acquire)
            && let Some(opened) = &*slot
            && (!flags.is_empty() || !opened.is_read_only)
        {
            return Ok(opened.clone());
        }
        // From here on nobody keeps a look.
        self.doubt();
        self.looks.end();
        if let Some(opened) = slot.take() {
            let closing = opened.env.clone().prepare_for_closing();
            drop(opened);
            if !closing.wait_timeout(CLOSING) {
                warn!(dir = %self.dir.display(), "a read of the whole world holds up a reopening");
            }
        }
        let opened = open(what, &self.dir, self.kind, &self.options, flags)?;
        let opened = opened.ok_or_else(|| StoreError::Io {
            what,
            cause: format!("{} holds other databases than it did", self.dir.display()),
        })?;
        *slot = Some(opened.clone());
        self.is_doubtful.store(false, Ordering::Release);
        debug!(dir = %self.dir.display(), read_only = !flags.is_empty(), "opened again");
        Ok(opened)
    }

    /// The marker file said the same already; this finds an environment that was put there from elsewhere.
    fn check_format(&self, world: &Path) -> Result<(), StoreError> {
        let (Opened { meta, .. }, txn) = self.begin(OPEN)?;
        match meta.get(&txn, FORMAT).map_err(|error| self.failed(OPEN, error))? {
            Some(text) if text == fingerprint().as_bytes() => Ok(()),
            Some(text) => Err(StoreError::Format {
                path: world.to_owned(),
                found: String::from_utf8_lossy(text).into_owned(),
                wanted: fingerprint().to_owned(),
            }),
            None => Err(not_ours(world, self.kind)),
        }
    }
}

impl Opened {
    fn of(
        env: Env,
        [trees, main, meta]: [Untyped<'static>; 3],
        is_read_only: bool,
    ) -> heed::Result<Self> {
        let page_bytes = env.unnamed_database_stat().page_size as usize;
        let (file, path) = (env.try_clone_inner_file()?, env.path().join(datafile::NAME));
        let pages = Arc::new(Pages::of(file, page_bytes, || File::open(&path)));
        let (trees, main, meta) = (trees.remap_types(), main.remap_types(), meta.remap_types());
        Ok(Self { env, main, meta, trees, pages, is_read_only })
    }
}

impl Access {
    fn flags(self) -> EnvFlags {
        match self {
            Self::Write => EnvFlags::empty(),
            Self::Read => EnvFlags::READ_ONLY,
        }
    }
}

type Untyped<'e> = Database<'e, Bytes, Bytes>;

/// Opens the file in `dir`, which must have been [looked at](datafile::check); `None` if it has other databases.
fn open(
    what: &'static str,
    dir: &Path,
    kind: Kind,
    options: &Options,
    flags: EnvFlags,
) -> Result<Option<Opened>, StoreError> {
    if flags.is_empty() && !options.breaks().unaffirmed {
        let file = dir.join(datafile::NAME);
        affirm(&file).map_err(|error| failure::io(what, &file, &error))?;
    }
    let opened = map(dir, kind, options, flags).and_then(|env| {
        settle(&env, options, flags)?;
        find(env, kind, !flags.is_empty())
    });
    opened.map_err(|error| failure::lmdb(what, dir, error))
}

/// The databases in `env`; `None` if it has others.
fn find(env: Env, kind: Kind, is_read_only: bool) -> heed::Result<Option<Opened>> {
    let txn = env.read_txn()?;
    let found = env
        .open_databases_and_commit(txn, |databases, txn| {
            let trees: Option<Untyped<'_>> = databases.open_database(txn, None)?;
            let main: Option<Untyped<'_>> = databases.open_database(txn, Some(kind.main))?;
            let meta: Option<Untyped<'_>> = databases.open_database(txn, Some(META))?;
            Ok(match trees.zip(main).zip(meta) {
                Some(((trees, main), meta)) => CommitOrAbort::Commit([trees, main, meta]),
                None => CommitOrAbort::Abort(()),
            })
        })
        .or_else(|error| match error {
            // A key of that name is there, and is not a database.
            heed::Error::Mdb(MdbError::Incompatible) => Ok(CommitOrAbort::Abort(())),
            error => Err(error),
        })?
        .commit();
    found.map(|databases| Opened::of(env, databases, is_read_only)).transpose()
}

/// Has LMDB find out what the last writer did, before anything is read. As long as some process has the environment open, its
/// lock file says which commit is the newest; a writer that was killed between its meta page and that file leaves the two
/// apart, and readers at the older one, until the next writer comes.
fn settle(env: &Env, options: &Options, flags: EnvFlags) -> heed::Result<()> {
    if flags.is_empty() && !options.breaks().unsettled {
        env.write_txn()?.abort();
    }
    Ok(())
}

/// Whether LMDB has given the environment up.
fn is_given_up(error: &heed::Error) -> bool {
    matches!(error, heed::Error::Mdb(MdbError::Panic))
}

fn map(dir: &Path, kind: Kind, options: &Options, flags: EnvFlags) -> heed::Result<Env> {
    let bytes = options
        .map_bytes_max
        .max(1)
        .checked_next_multiple_of(PAGE_BYTES_MAX)
        .unwrap_or(usize::MAX - (PAGE_BYTES_MAX - 1));
    let mut settings = EnvOpenOptions::new().read_txn_without_tls();
    settings.map_size(bytes).max_readers(options.readers_max).max_dbs(2);
    let read_ahead = if kind.is_scattered { EnvFlags::NO_READ_AHEAD } else { EnvFlags::empty() };
    let sync = if options.breaks().no_sync { EnvFlags::NO_SYNC } else { EnvFlags::empty() };
    // SAFETY: LMDB's file is mapped, so nothing but LMDB may change it while it is. Who writes holds the world's lock
    // file (`folder.rs`), which keeps out every other process and every second store of this one, and who only reads
    // leaves the file alone. It has been looked at (`datafile.rs`), so that it is long enough for every page that LMDB
    // will touch. The flags that are set outside of tests are harmless, `READ_ONLY` and `NO_READ_AHEAD`: LMDB's own locks
    // and syncs are on.
    #[allow(unsafe_code)]
    unsafe {
        settings.flags(flags | read_ahead | sync);
        settings.open(dir)
    }
}

fn not_ours(world: &Path, kind: Kind) -> StoreError {
    let file = datafile::NAME;
    foreign(world, format!("{}/{file} is an LMDB file of another program", kind.folder))
}

fn foreign(world: &Path, found: String) -> StoreError {
    StoreError::Foreign { path: world.to_owned(), found }
}

const OPEN: &str = "open the world";
const META: &str = "meta";
const FORMAT: &str = "format";
const WORLD: &str = "world";
/// What must be left for a cut, which frees pages and needs some for it: more than a cut in bites ever needs. In a file that has grown to its
/// largest size and is nearly empty, somebody's reading may keep what is free; then a cut may have to wait for its end, as appends do.
const SLACK_BYTES: usize = 16 << 20;
/// How long to wait for loads that are under way. They take microseconds.
const CLOSING: Duration = Duration::from_secs(1);
/// The largest page of any machine that we know: LMDB wants a map of whole pages.
const PAGE_BYTES_MAX: usize = 64 << 10;
