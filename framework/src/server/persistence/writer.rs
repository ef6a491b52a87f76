//! The thread that writes commits to the store, many at a time.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use daystar_model::{Batch, CommitNumber, Store, StoreError};
use tracing::{error, info};

use crate::server::persistence::Persistence;
use crate::server::persistence::backlog::Run;
use crate::server::persistence::epoch::{clear, coalesce};
use crate::server::persistence::status::{show_epoch, show_refusal};

/// Is called with each commit number up to which, from now on, everything is on disk. Must not block.
pub(crate) type OnStored = Box<dyn FnMut(CommitNumber) + Send>;

/// The thread that writes.
pub(crate) struct Writer {
    persistence: Arc<Persistence>,
    thread: Option<JoinHandle<Result<(), StoreError>>>,
}

impl Writer {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(crate) fn start(
        persistence: &Arc<Persistence>,
        store: Arc<dyn Store>,
        on_stored: OnStored,
    ) -> io::Result<Self> {
        let shared = Arc::clone(persistence);
        let thread = Builder::new().name("store writer".to_owned()).spawn(move || {
            let _end = End(&shared);
            Writing { persistence: &shared, store: &*store, on_stored }.write_all()
        })?;
        Ok(Self { persistence: Arc::clone(persistence), thread: Some(thread) })
    }

    /// Writes what waits, then ends the thread. A store that refuses is asked once more.
    ///
    /// # Errors
    /// The store refused to the last: the commits since its last good batch are not on disk.
    pub(crate) fn finish(&mut self) -> Result<(), StoreError> {
        self.persistence.backlog.close();
        let Some(thread) = self.thread.take() else { return Ok(()) };
        thread.join().unwrap_or_else(|_| Err(panicked("finish writing")))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Err(cause) = self.finish() {
            error!(%cause, "the last commits could not be written");
        }
    }
}

/// Tells those who wait that there is nothing to wait for any more, however the thread ends.
struct End<'a>(&'a Persistence);

impl Drop for End<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Nothing is written down any more, so nothing may be accepted any more. Not logged here, where logging may be
            // what has panicked: whoever is refused is told.
            let gone = "the thread that writes the store has ended; start the server again";
            self.0.faults.begin(gone.to_owned());
            self.0.backlog.set_refusing(true);
        }
        self.0.backlog.end();
    }
}

struct Writing<'a> {
    persistence: &'a Persistence,
    store: &'a dyn Store,
    on_stored: OnStored,
}

impl Writing<'_> {
    fn write_all(mut self) -> Result<(), StoreError> {
        let (mut run, mut batch) = (Run::default(), Batch::default());
        let Persistence { backlog, faults, watermark } = self.persistence;
        while backlog.take(&mut run) {
            let last = run.last;
            let written = coalesce(&mut run, &mut batch);
            // Commits that changed nothing need no write: all that they may tell of is on disk.
            let written = match batch.changes.is_empty() {
                true => None,
                false => {
                    let time = self.write(&batch)?;
                    show_epoch(written, time);
                    Some(written)
                }
            };
            clear(&mut batch);
            backlog.stored(written);
            watermark.rise(last.0);
            (self.on_stored)(last);
            if faults.end() {
                backlog.set_refusing(false);
                info!("the store takes commits again; so does the server");
            }
        }
        Ok(())
    }

    /// Writes `batch`, trying until the store takes it, or until the end is near. How long the store took.
    fn write(&self, batch: &Batch) -> Result<Duration, StoreError> {
        let Persistence { backlog, faults, .. } = self.persistence;
        let (mut pause, mut is_last_try) = (PAUSE_MIN, false);
        loop {
            let began = Instant::now();
            let applied = catch_unwind(AssertUnwindSafe(|| self.store.apply(batch)));
            let cause = match applied.unwrap_or_else(|_| Err(panicked("write a batch"))) {
                Ok(()) => return Ok(began.elapsed()),
                Err(cause) => cause,
            };
            show_refusal();
            let is_news = faults.begin(cause.to_string());
            backlog.set_refusing(true);
            if is_news {
                error!(%cause, "the store refuses; nothing that changes the world is accepted until it takes what waits");
            }
            if is_last_try {
                return Err(cause);
            }
            is_last_try = backlog.pause(pause);
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

fn panicked(what: &'static str) -> StoreError {
    let cause = "it panicked; this is a fault of the program".to_owned();
    StoreError::Io { what, cause }
}

/// How long to wait before asking a store again that has refused: longer each time, up to a limit.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_millis(500);
