//! The worlds on disk that benches share: filled with objects, and opened by a whole server.

use std::path::Path;
use std::sync::Arc;

use daystar::prelude::*;
use daystar_model::{Batch, CommitNumber, Managed, ObjectId, Space, Store};
use daystar_store::{LmdbStore, Options};
use tempfile::TempDir;

/// A game whose tasks come from the bench, not from clients.
pub(crate) struct Hollow;

#[message]
pub(crate) struct Nothing;

impl Game for Hollow {
    const NAME: &'static str = "hollow";
    type Request = Nothing;
    type Event = Nothing;

    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
}

/// A folder for worlds, gone when it is dropped. It lies where temporary files do: the variable `TMPDIR` says where,
/// and should name the disk that is to be measured.
pub(crate) fn folder() -> TempDir {
    tempfile::tempdir().unwrap_or_else(|cause| panic!("no folder for a world: {cause}"))
}

/// The store of the world in `path`.
pub(crate) fn open(path: &Path, options: Options) -> Arc<LmdbStore> {
    Arc::new(LmdbStore::open(path, options).unwrap_or_else(|cause| panic!("no world: {cause}")))
}

/// Fills the empty `store` with `count` objects, the first of which has index 1, and makes a checkpoint.
pub(crate) fn fill<T: Managed>(store: &LmdbStore, count: u64, object: impl Fn(u64) -> T) {
    fill_with(store, count, |index| Arc::new(object(index)));
}

/// The same with objects of several types.
pub(crate) fn fill_with(
    store: &LmdbStore,
    count: u64,
    object: impl Fn(u64) -> Arc<dyn daystar_model::Object>,
) {
    for (nth, first) in (1..=count).step_by(PER_BATCH).enumerate() {
        let commit = CommitNumber(nth as u64 + 1);
        let last = (first + PER_BATCH as u64 - 1).min(count);
        let changes =
            (first..=last).map(|index| (id(index), commit, Some(object(index)))).collect();
        let batch = Batch { changes, last: commit, next_index: last + 1 };
        store.apply(&batch).unwrap_or_else(|cause| panic!("no world: {cause}"));
    }
    store.checkpoint().unwrap_or_else(|cause| panic!("no checkpoint: {cause}"));
}

/// The object of this index.
pub(crate) fn id(index: u64) -> ObjectId {
    ObjectId::new(Space::Object, index)
}

const PER_BATCH: usize = 10_000;
