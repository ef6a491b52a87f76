//! What becomes of the tasks that the last run left: the program is checked before anybody comes in, and the tasks are read
//! beside the running server.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, Instant};

use daystar_model::{ObjectId, Space, Store, StoreError};
use tracing::{error, info};

use crate::game::task_record::{TASK_KINDS, TaskKinds, TaskRecord, UpdateKinds};
use crate::scheduler::timer::Timers;
use crate::server::error::ServeError;

/// That this program can run all tasks that wait in `store`, and read the answers that they have. What is to be done with the kinds
/// that it does not know so: those of which no task is left are to be taken off the list, or the next task of that name would be
/// thought to be as they were; and those of which none has been answered will be by this program.
///
/// # Errors
/// [`ServeError::UnknownTask`].
pub(crate) fn check_kinds(store: &dyn Store) -> Result<UpdateKinds, ServeError> {
    let mut update = UpdateKinds::default();
    let Some((_, list)) = store.load(TASK_KINDS)? else { return Ok(update) };
    let Some(list) = list.as_any().downcast_ref::<TaskKinds>() else { return Ok(update) };
    for kind in &list.kinds {
        let of = |record: &TaskRecord| {
            record.type_name == kind.type_name && record.version == kind.version
        };
        let unknown = |cause, count| {
            let (name, version) = (kind.type_name.clone(), kind.version);
            ServeError::UnknownTask { name, version, count, cause }
        };
        // Only if something is wrong is it worth a look whether any is left.
        match (kind.check(), kind.check_answer()) {
            (Err(cause), _) => match count(store, &of)? {
                0 => update.gone.push(kind.clone()),
                count => return Err(unknown(cause, count)),
            },
            (Ok(()), Err(cause)) => {
                let answer = kind.answer.as_ref().map(|answer| answer.version);
                let is_answered =
                    |record: &TaskRecord| of(record) && record.answer_version() == answer;
                match (count(store, &is_answered)?, count(store, &of)?) {
                    (0, 0) => update.gone.push(kind.clone()),
                    (0, _) => update.changed.push((kind.clone(), kind.to_be_answered())),
                    (count, _) => return Err(unknown(cause, count)),
                }
            }
            (Ok(()), Ok(())) => {}
        }
    }
    Ok(update)
}

/// How many stored tasks `is_meant`.
fn count(store: &dyn Store, is_meant: &dyn Fn(&TaskRecord) -> bool) -> Result<u64, StoreError> {
    let mut count = 0;
    store.scan(Space::Task.first(), Space::Task.last(), &mut |_, found| {
        if let Ok((_, value)) = found
            && let Some(record) = value.as_any().downcast_ref::<TaskRecord>()
            && is_meant(record)
        {
            count += 1;
        }
    })?;
    Ok(count)
}

/// The thread that reads the tasks that the last run left.
pub(crate) struct Loader {
    is_closed: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Loader {
    /// Starts the thread, which hands what it finds to `timers`, also what was set aside if that is broken on purpose. What is
    /// scheduled from now on, it need not find.
    ///
    /// # Errors
    /// The system gives no more threads.
    pub(crate) fn start(
        store: Arc<dyn Store>,
        timers: Arc<Timers>,
        set_aside_runs: bool,
    ) -> io::Result<Self> {
        let is_closed = Arc::<AtomicBool>::default();
        let closed = Arc::clone(&is_closed);
        let load = move || {
            Loading { store: &*store, timers: &timers, is_closed: &closed, set_aside_runs }.run();
        };
        let thread = Builder::new().name("task loader".to_owned()).spawn(load)?;
        Ok(Self { is_closed, thread: Some(thread) })
    }

    /// Ends the thread, wherever it stands.
    pub(crate) fn finish(&mut self) {
        self.is_closed.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the thread that reads the tasks panicked");
        }
    }
}

impl Drop for Loader {
    fn drop(&mut self) {
        self.finish();
    }
}

struct Loading<'a> {
    store: &'a dyn Store,
    timers: &'a Timers,
    is_closed: &'a AtomicBool,
    set_aside_runs: bool,
}

impl Loading<'_> {
    fn run(&self) {
        let (began, mut at, mut found) = (Instant::now(), 0, 0_u64);
        let (mut width, mut end) = (PIECE, None);
        while !self.is_closed.load(Ordering::Relaxed) {
            let before = found;
            // No task with a higher index was there when the thread began.
            let until = end.map_or_else(|| self.store.next_index(), Ok);
            let read = until.and_then(|until| {
                end = Some(until);
                self.some(at..until.min(at.saturating_add(width)), &mut found)
            });
            match read {
                Ok(Some(next)) => {
                    at = next;
                    // Most ids of an old world are of what is gone, and each look costs a walk through the journal.
                    let is_sparse = found - before < PIECE / 16;
                    width = if is_sparse { (width * 2).min(WIDTH_MAX) } else { PIECE };
                }
                Ok(None) => {
                    if found > 0 {
                        let took = began.elapsed();
                        info!(tasks = found, ?took, "the tasks that the last run left are known");
                    }
                    return;
                }
                Err(cause) => {
                    error!(%cause, "the tasks that wait cannot be read; trying again");
                    self.pause();
                }
            }
        }
    }

    /// Reads the tasks of some ids; where to go on, unless there are none of those.
    fn some(&self, ids: Range<u64>, found: &mut u64) -> Result<Option<u64>, StoreError> {
        if ids.is_empty() {
            return Ok(None);
        }
        let task = |index| ObjectId::new(Space::Task, index);
        let (first, last) = (task(ids.start), task(ids.end - 1));
        self.store.scan(first, last, &mut |id, value| match value {
            Ok((_, value)) => {
                if let Some(record) = value.as_any().downcast_ref::<TaskRecord>()
                    && let Some(due) = record.next().or(self.set_aside_runs.then_some(record.due))
                {
                    *found += 1;
                    self.timers.add(id, due, record.dial(), &record.type_name);
                }
            }
            // What a damaged record stood for, nobody can do. All others go on.
            Err(cause) => error!(%cause, "a task that waits cannot be read"),
        })?;
        Ok(Some(ids.end))
    }

    fn pause(&self) {
        let until = Instant::now() + AGAIN_AFTER;
        while Instant::now() < until && !self.is_closed.load(Ordering::Relaxed) {
            sleep(AGAIN_AFTER / 100);
        }
    }
}

/// How many ids are read at once, and where hardly any is in use.
const PIECE: u64 = 64 * 1024;
const WIDTH_MAX: u64 = 256 * 1024 * 1024;

const AGAIN_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
