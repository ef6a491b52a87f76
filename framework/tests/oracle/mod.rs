//! The oracle over a whole server: a recorded run, run again one task at a time, must come to the same.

use std::sync::Arc;

use daystar::Server;
use daystar_engine::{Engine, History, Recorded, rerun};
use daystar_store::MemoryStore;

/// Stops `server`, which has told `history` of every task since its world was empty and in memory.
pub(crate) fn stop(server: Server, history: &History) -> (Arc<Engine>, Vec<Recorded>) {
    let engine = server.engine();
    server.stop().expect("a clean end");
    let (counts, records) = (engine.counts(), history.take());
    assert_eq!(records.len() as u64, counts.commits + counts.failures, "every task is recorded");
    (engine, records)
}

/// Stops `server` as [`stop`] does, runs the record again, and compares what every task has read, changed and sent.
pub(crate) fn stop_and_compare(server: Server, history: &History) {
    let (engine, records) = stop(server, history);
    match rerun(&engine, &records, Arc::new(MemoryStore::new())) {
        Ok(tasks) => assert_eq!(tasks, records.len()),
        Err(difference) => panic!("{difference}"),
    }
}
