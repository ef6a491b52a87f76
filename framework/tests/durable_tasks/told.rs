//! What is stored of tasks, as an operator is shown it.

use std::path::Path;

use daystar_model::{Space, Store};
use daystar_store::{LmdbStore, Options};

/// The stored tasks of the world in `data`, which nobody has open, as JSON.
pub(crate) fn tasks(data: &Path) -> Vec<String> {
    let store = LmdbStore::open(data, Options::default()).expect("a world");
    let mut tasks = Vec::new();
    let scanned = store.scan(Space::Task.first(), Space::Task.last(), &mut |_, found| {
        tasks.push(found.expect("a record").1.to_json().to_string());
    });
    scanned.expect("a store that can be read");
    tasks
}
