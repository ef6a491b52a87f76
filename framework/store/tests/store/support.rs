//! The values, batches and processes that the stories are told with.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use daystar_model::ids::{CommitNumber, ObjectId, Space};
use daystar_model::managed::{Managed, Object, Registration, TypeDescriptor};
use daystar_model::record::{RecordError, aligned};
use daystar_model::store::{Batch, Change, Store, StoreError};
use daystar_store::{LmdbStore, Options};
use heed::byteorder::BigEndian;
use heed::types::{Bytes, Str, U64};
use heed::{CommitOrAbort, Database, EnvOpenOptions, RwTxn};
use rkyv::rancor;

/// An object of the world.
#[derive(Clone, Debug, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub(crate) struct Thing {
    pub(crate) number: u64,
    pub(crate) text: String,
    pub(crate) list: Vec<u32>,
}

/// What `#[managed]` would write.
macro_rules! managed {
    ($type:ident, $name:literal, $version:literal) => {
        impl Managed for $type {
            const TYPE_NAME: &'static str = $name;
            const VERSION: u32 = $version;

            fn encode(&self) -> Result<Vec<u8>, RecordError> {
                rkyv::to_bytes::<rancor::Error>(self)
                    .map(|bytes| bytes.to_vec())
                    .map_err(|e| RecordError::Encode { name: $name, cause: e.to_string() })
            }

            fn decode(version: u32, payload: &[u8]) -> Result<Self, RecordError> {
                if version != $version {
                    let (name, known) = ($name, $version);
                    return Err(RecordError::UnknownVersion { name, stored: version, known });
                }
                rkyv::from_bytes::<Self, rancor::Error>(&aligned(payload))
                    .map_err(|e| RecordError::Invalid { name: $name, cause: e.to_string() })
            }

            fn descriptor() -> &'static TypeDescriptor {
                static DESCRIPTOR: TypeDescriptor = TypeDescriptor::of::<$type>();
                &DESCRIPTOR
            }
        }
    };
}

managed!(Thing, "Thing", 1);
daystar_model::private::inventory::submit! { Registration(<Thing as Managed>::descriptor) }

/// A type that the program does not register, as if it had been written by another one.
#[derive(Clone, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub(crate) struct Stranger(pub(crate) u64);
managed!(Stranger, "Stranger", 1);

/// A `Thing` of a later program.
#[derive(Clone, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub(crate) struct LaterThing(pub(crate) u64);
managed!(LaterThing, "Thing", 2);

/// A value that cannot be written.
#[derive(Clone)]
pub(crate) struct Unwritable;

impl Managed for Unwritable {
    const TYPE_NAME: &'static str = "Unwritable";
    const VERSION: u32 = 1;
    fn encode(&self) -> Result<Vec<u8>, RecordError> {
        Err(RecordError::Encode { name: "Unwritable", cause: "on purpose".to_owned() })
    }
    fn decode(_: u32, _: &[u8]) -> Result<Self, RecordError> {
        Ok(Self)
    }
    fn descriptor() -> &'static TypeDescriptor {
        static DESCRIPTOR: TypeDescriptor = TypeDescriptor::of::<Unwritable>();
        &DESCRIPTOR
    }
}

/// The key of `id`'s record: the bits that tell its space are turned over.
pub(crate) fn key(id: ObjectId) -> u64 {
    id.to_raw() ^ (3 << 62)
}

pub(crate) fn object(index: u64) -> ObjectId {
    ObjectId::new(Space::Object, index)
}

pub(crate) fn thing(number: u64) -> Thing {
    Thing { number, text: format!("thing {number}"), list: vec![7; (number % 5) as usize] }
}

pub(crate) fn put(value: impl Managed) -> Change {
    Some(Arc::new(value))
}

/// A batch of one commit.
pub(crate) fn batch(commit: u64, changes: Vec<(ObjectId, Change)>) -> Batch {
    let commit = CommitNumber(commit);
    Batch {
        changes: changes.into_iter().map(|(id, change)| (id, commit, change)).collect(),
        last: commit,
        next_index: 1,
    }
}

/// The `Thing` under `id`, and its commit.
pub(crate) fn load(store: &dyn Store, id: ObjectId) -> Option<(u64, Thing)> {
    store.load(id).unwrap().map(as_thing)
}

/// As [`load`], of what is known to be of commit `number`.
pub(crate) fn reload(store: &dyn Store, id: ObjectId, number: u64) -> Option<(u64, Thing)> {
    store.reload(id, CommitNumber(number)).unwrap().map(as_thing)
}

/// Every `Thing` from `first` to `last`. Panics if anything in there is damaged.
pub(crate) fn scan(
    store: &dyn Store,
    first: ObjectId,
    last: ObjectId,
) -> Vec<(ObjectId, u64, Thing)> {
    let mut found = Vec::new();
    store
        .scan(first, last, &mut |id, value| {
            let (commit, thing) = as_thing(value.unwrap());
            found.push((id, commit, thing));
        })
        .unwrap();
    found
}

pub(crate) fn scan_all(store: &dyn Store) -> Vec<(ObjectId, u64, Thing)> {
    scan(store, Space::Object.first(), Space::Task.last())
}

fn as_thing((commit, value): (CommitNumber, Arc<dyn Object>)) -> (u64, Thing) {
    let thing = (*value).as_any().downcast_ref::<Thing>().expect("not a Thing").clone();
    (commit.0, thing)
}

pub(crate) fn open(path: &Path) -> LmdbStore {
    LmdbStore::open(path, Options::default()).unwrap()
}

pub(crate) fn refusal(path: &Path) -> StoreError {
    LmdbStore::open(path, Options::default()).expect_err("the folder should have been refused")
}

/// Changes the objects of the world `path` behind the store's back, by way of LMDB; all of them are there.
pub(crate) fn tamper(
    path: &Path,
    change: impl FnOnce(&mut RwTxn<'_>, Database<'_, U64<BigEndian>, Bytes>, Database<'_, Str, Bytes>),
) {
    open(path).checkpoint().unwrap();
    tamper_with(&path.join("objects"), "objects", change);
}

/// Changes the journal of the world `path` behind the store's back, by way of LMDB.
pub(crate) fn tamper_journal(
    path: &Path,
    change: impl FnOnce(&mut RwTxn<'_>, Database<'_, U64<BigEndian>, Bytes>, Database<'_, Str, Bytes>),
) {
    tamper_with(&path.join("journal"), "epochs", change);
}

/// Keeps everybody else from writing to the objects of the world `path` for as long as `meanwhile` takes.
pub(crate) fn lock_objects(path: &Path, meanwhile: impl FnOnce()) {
    tamper_with(&path.join("objects"), "objects", |_, _, _| meanwhile());
}

fn tamper_with(
    folder: &Path,
    main: &str,
    change: impl FnOnce(&mut RwTxn<'_>, Database<'_, U64<BigEndian>, Bytes>, Database<'_, Str, Bytes>),
) {
    let mut settings = EnvOpenOptions::new();
    settings.map_size(1 << 30).max_dbs(2);
    // SAFETY: LMDB's locks are on, and in this process no store has this world open: each test has a folder of its own, and closes its store first.
    let env = unsafe { settings.open(folder) }.unwrap();
    let txn = env.write_txn().unwrap();
    env.create_databases_and_commit(txn, |databases, txn| {
        let main = databases.create_database(txn, Some(main))?;
        let meta = databases.create_database(txn, Some("meta"))?;
        change(txn, main, meta);
        Ok::<_, heed::Error>(CommitOrAbort::<_, ()>::Commit(()))
    })
    .unwrap()
    .unwrap_commit();
}

/// This very test program, about to run the ignored test `name` in a process of its own on `folder`.
pub(crate) fn child(name: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--ignored", "--nocapture"]).env(CHILD_FOLDER, folder);
    command
}

/// What `process` says when it may not write files of more than `blocks` of 512 bytes, as on a full disk.
#[cfg(unix)]
pub(crate) fn limited(process: Command, blocks: u32) -> String {
    let mut limited = Command::new("sh");
    // The signal ignored, the write fails instead.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    limited
        .args(["-c", &script])
        .arg(process.get_program())
        .args(process.get_args())
        .envs(process.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = limited.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    told
}

/// In a process started by [`child`]: the folder.
pub(crate) fn child_folder() -> Option<std::path::PathBuf> {
    std::env::var_os(CHILD_FOLDER).map(Into::into)
}

const CHILD_FOLDER: &str = "DAYSTAR_TEST_CHILD_FOLDER";
