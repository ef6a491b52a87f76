//! What an operator does about tasks that have failed: in a world that nobody has open, at once; else by an order, which is a
//! file in the world's folder that the server there takes and carries out.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use daystar_engine::{Engine, Job};
use daystar_model::{Batch, Change, ObjectId, Store, StoreError};
use daystar_store::{LmdbStore, Options};
use tracing::{info, warn};

use crate::game::due::{Afresh, Discard};
use crate::game::task_record::TaskRecord;
use crate::scheduler::queue::RunQueue;
use crate::server::tasks::run;

/// What is to be done about tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mending {
    /// They are tried again, as if they had never failed.
    Retry,
    /// They are thrown away.
    Discard,
}

/// Does it to `tasks` of the world in `data`; to how many.
///
/// # Errors
/// The world cannot be read or written; or a server has it open, and does not answer.
pub(crate) fn mend(data: &Path, mending: Mending, tasks: &[ObjectId]) -> Result<u64, StoreError> {
    if tasks.is_empty() {
        return Ok(0);
    }
    match LmdbStore::open(data, Options::default()) {
        Ok(store) => mend_stored(&store, mending, tasks),
        Err(StoreError::InUse { .. }) => order(data, mending, tasks),
        Err(cause) => Err(cause),
    }
}

fn mend_stored(store: &dyn Store, mending: Mending, tasks: &[ObjectId]) -> Result<u64, StoreError> {
    let mut count = 0;
    for some in tasks.chunks(AT_ONCE) {
        let last = store.last_commit()?.next();
        let mut batch = Batch { changes: Vec::new(), last, next_index: store.next_index()? };
        for &task in some {
            let Some((_, value)) = store.load(task)? else { continue };
            let Some(record) = value.as_any().downcast_ref::<TaskRecord>() else { continue };
            let change: Change = match mending {
                Mending::Retry => Some(Arc::new(TaskRecord { trouble: None, ..record.clone() })),
                Mending::Discard => None,
            };
            batch.changes.push((task, last, change));
        }
        batch.changes.sort_unstable_by_key(|(id, _, _)| *id);
        store.apply(&batch)?;
        count += batch.changes.len() as u64;
    }
    Ok(count)
}

/// Leaves an order for the server that has the world open, and waits until it has been carried out.
fn order(data: &Path, mending: Mending, tasks: &[ObjectId]) -> Result<u64, StoreError> {
    let failed = |cause: io::Error| StoreError::Io {
        what: "leave an order for the server that has the world open",
        cause: cause.to_string(),
    };
    let mut text = String::new();
    for task in tasks {
        // Into a string, which takes everything.
        let _ = writeln!(text, "{} {}", mending.word(), task.to_raw());
    }
    let folder = data.join(FOLDER);
    fs::create_dir_all(&folder).map_err(failed)?;
    let name = format!("{}", std::process::id());
    let (draft, order) =
        (folder.join(format!("{name}.draft")), folder.join(&name).with_extension(ORDER));
    let done = order.with_extension(DONE);
    // What a process of this number has not stayed to read is no answer to us.
    let _none = fs::remove_file(&done);
    fs::write(&draft, text).map_err(failed)?;
    fs::rename(&draft, &order).map_err(failed)?;
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        match fs::read_to_string(&done) {
            Ok(count) => {
                let _tidy = fs::remove_file(&done);
                return Ok(count.trim().parse().unwrap_or(0));
            }
            Err(_) => sleep(LOOK_EVERY / 4),
        }
    }
    let _tidy = fs::remove_file(&order);
    let cause = format!("it did not answer in {PATIENCE:?}");
    Err(StoreError::Io {
        what: "have its order carried out by the server that has the world open",
        cause,
    })
}

impl Mending {
    fn word(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Discard => "discard",
        }
    }

    fn job(self, task: ObjectId) -> Box<dyn Job> {
        match self {
            Self::Retry => Box::new(Afresh { task }),
            Self::Discard => Box::new(Discard { task }),
        }
    }
}

/// Takes the orders that are left in a world's folder.
pub(crate) struct Orders {
    folder: PathBuf,
    queue: Arc<RunQueue>,
    next_look: Instant,
}

impl Orders {
    /// Those for the world in `data`, carried out by who takes from `queue`.
    pub(crate) fn of(data: &Path, queue: Arc<RunQueue>) -> Self {
        Self { folder: data.join(FOLDER), queue, next_look: Instant::now() }
    }

    /// Looks whether there are any. To be called now and then.
    pub(crate) fn tick(&mut self) {
        let now = Instant::now();
        if now < self.next_look {
            return;
        }
        self.next_look = now + LOOK_EVERY;
        // There is no folder, unless somebody has left an order.
        let Ok(found) = fs::read_dir(&self.folder) else { return };
        for entry in found.flatten() {
            let order = entry.path();
            let is_a = |extension| order.extension().is_some_and(|other| other == extension);
            if is_a(DONE) && is_late(&entry) {
                // Whoever wanted to know has gone.
                let _tidy = fs::remove_file(&order);
            }
            if !is_a(ORDER) {
                continue;
            }
            let taken = order.with_extension("taken");
            match fs::rename(&order, &taken) {
                Ok(()) => self.queue.push_loose(Box::new(move |engine| carry_out(engine, &taken))),
                Err(cause) => warn!(order = %order.display(), %cause, "an order cannot be taken"),
            }
        }
    }
}

/// Whether nobody waits any more for what this file tells.
fn is_late(entry: &fs::DirEntry) -> bool {
    let written = entry.metadata().and_then(|about| about.modified());
    // A clock that was set back makes it wait.
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age > PATIENCE * 2))
}

fn carry_out(engine: &Engine, taken: &Path) {
    let text = match fs::read_to_string(taken) {
        Ok(text) => text,
        Err(cause) => return warn!(order = %taken.display(), %cause, "an order cannot be read"),
    };
    let mut count = 0;
    for line in text.lines() {
        let Some((mending, task)) = parse(line) else {
            warn!(line, "an order that nobody understands");
            continue;
        };
        match run(engine, &*mending.job(task)) {
            Ok(()) => count += 1,
            Err(cause) => warn!(%task, ?cause, "an order could not be carried out"),
        }
    }
    info!(tasks = count, "an operator's order was carried out");
    let done = taken.with_extension(DONE);
    let written = fs::write(&done, count.to_string()).and_then(|()| fs::remove_file(taken));
    if let Err(cause) = written {
        warn!(%cause, "whoever has given an order cannot be told that it was carried out");
    }
}

fn parse(line: &str) -> Option<(Mending, ObjectId)> {
    let (word, task) = line.split_once(' ')?;
    let mending = [Mending::Retry, Mending::Discard].into_iter().find(|m| m.word() == word)?;
    Some((mending, ObjectId::from_raw(task.trim().parse().ok()?)))
}

/// Where orders are left, in a world's folder.
const FOLDER: &str = "orders";
/// How orders are called, and what is left when they have been carried out.
const ORDER: &str = "order";
const DONE: &str = "done";

/// How often a server looks for orders, and how long who has given one waits.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(30);

/// How many tasks are changed in one go.
const AT_ONCE: usize = 4096;

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use daystar_model::Space;

    use super::*;

    #[test]
    fn an_answer_that_nobody_reads_is_cleaned_away_and_one_that_somebody_may_read_is_not() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join(FOLDER);
        fs::create_dir(&folder).expect("a folder");
        let write = |name: &str, age: Duration| {
            let path = folder.join(name).with_extension(DONE);
            let file = fs::File::create(&path).expect("a file");
            file.set_modified(SystemTime::now() - age).expect("a time");
            path
        };
        let (late, early) = (write("1", PATIENCE * 3), write("2", PATIENCE));
        let mut orders = Orders::of(data.path(), Arc::new(RunQueue::new(0)));
        orders.tick();
        assert_eq!((late.exists(), early.exists()), (false, true));
    }

    #[test]
    fn an_order_is_understood_as_it_was_given() {
        let task = ObjectId::new(Space::Task, 9);
        for mending in [Mending::Retry, Mending::Discard] {
            let line = format!("{} {}", mending.word(), task.to_raw());
            assert_eq!(parse(&line), Some((mending, task)));
        }
        for line in ["", "retry", "retry x", "burn 9"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
