//! Writes commits to the store, many at a time, on a thread of its own.
//!
//! What is written is always a contiguous run of the commit order, with its end, in one transaction: so what
//! survives a crash is a prefix. While the store refuses, commits wait here up to a limit, and beyond it no
//! new task starts.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use daystar_engine::{Committed, Engine};
use daystar_model::{Batch, Change, CommitNumber, ObjectId, Store, StoreError};
use parking_lot::{Condvar, Mutex};
use tracing::{error, info};

/// Commits that wait for the store.
pub(crate) struct Backlog {
    state: Mutex<State>,
    /// Something came in, or the end.
    has_news: Condvar,
    /// Something has been written.
    has_room: Condvar,
}

#[derive(Default)]
struct State {
    changes: HashMap<ObjectId, (CommitNumber, Change)>,
    last: CommitNumber,
    next_index: u64,
    is_closed: bool,
}

/// How many changed objects may wait for the store before no new task starts: some tens of megabytes.
const WAITING_MAX: usize = 100_000;

/// How long to wait before asking a store again that has refused.
const RETRY_AFTER: Duration = Duration::from_millis(500);

impl Backlog {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), has_news: Condvar::new(), has_room: Condvar::new() }
    }

    /// Takes the next commit's changes. An object changed again before it was written is written once.
    pub(crate) fn put(&self, commit: &mut Committed) {
        let mut state = self.state.lock();
        for (id, change) in commit.changes.drain(..) {
            state.changes.insert(id, (commit.number, change));
        }
        state.last = commit.number;
        state.next_index = commit.next_index;
        drop(state);
        self.has_news.notify_one();
    }

    /// Blocks while too much waits.
    pub(crate) fn wait_for_room(&self) {
        let mut state = self.state.lock();
        while state.changes.len() >= WAITING_MAX && !state.is_closed {
            self.has_room.wait(&mut state);
        }
    }

    /// The run of commits to be written next; waits for one. `None` at the end.
    fn take(&self) -> Option<Batch> {
        let mut state = self.state.lock();
        while state.changes.is_empty() {
            if state.is_closed {
                return None;
            }
            self.has_news.wait(&mut state);
        }
        let changes = std::mem::take(&mut state.changes);
        self.has_room.notify_all();
        Some(Batch {
            changes: changes
                .into_iter()
                .map(|(id, (number, change))| (id, number, change))
                .collect(),
            last: state.last,
            next_index: state.next_index,
        })
    }

    fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }
}

/// The thread that writes.
pub(crate) struct Writer {
    backlog: Arc<Backlog>,
    thread: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(crate) fn start(
        backlog: &Arc<Backlog>,
        store: Arc<dyn Store>,
        engine: Arc<Engine>,
    ) -> io::Result<Self> {
        let source = Arc::clone(backlog);
        let thread = Builder::new()
            .name("store writer".to_owned())
            .spawn(move || write_all(&source, &*store, &engine))?;
        Ok(Self { backlog: Arc::clone(backlog), thread: Some(thread) })
    }

    /// Writes what waits, then ends the thread.
    ///
    /// # Errors
    /// The store refused to the last: the commits since its last good batch are not on disk.
    pub(crate) fn finish(&mut self) -> Result<(), StoreError> {
        self.backlog.state.lock().is_closed = true;
        self.backlog.has_news.notify_one();
        self.backlog.has_room.notify_all();
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|_| {
            Err(StoreError::Io {
                what: "finish writing",
                cause: "its writer thread panicked; this is a fault of the program".to_owned(),
            })
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Err(cause) = self.finish() {
            error!(%cause, "the last commits could not be written");
        }
    }
}

fn write_all(backlog: &Backlog, store: &dyn Store, engine: &Engine) -> Result<(), StoreError> {
    while let Some(batch) = backlog.take() {
        let mut was_refused = false;
        while let Err(cause) = store.apply(&batch) {
            if backlog.is_closed() {
                return Err(cause);
            }
            if !std::mem::replace(&mut was_refused, true) {
                error!(%cause, "the store refuses; trying again until it takes what waits");
            }
            std::thread::sleep(RETRY_AFTER);
        }
        // Only now may objects of these commits go out of memory.
        engine.stored(batch.last);
        if was_refused {
            info!("the store takes commits again");
        }
    }
    Ok(())
}
