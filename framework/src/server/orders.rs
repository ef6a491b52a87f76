//! What an operator does about a world: in one that nobody has open, at once; else by an order, which is a file in the world's
//! folder that the server there takes and carries out.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle, sleep};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use daystar_engine::{CommitSink, Committed, Engine, Job, Outcome, Settings};
use daystar_model::{Batch, Change, CommitNumber, ObjectId, Store, StoreError, SystemClock};
use daystar_store::{LmdbStore, Options};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::game::accounts::{AccountChange, ChangeAccount};
use crate::game::due::{Afresh, Discard};
use crate::game::events::reason;
use crate::game::rules::Game;
use crate::scheduler::queue::RunQueue;

/// One thing to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// A task is tried again, as if it had never failed. By its object's number.
    Retry(u64),
    /// A task is thrown away. By its object's number.
    Discard(u64),
    /// The account of this name is made, changed or taken away.
    Account {
        /// The account's.
        name: String,
        /// What is to become of it.
        change: AccountChange,
    },
}

/// What became of orders.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// How many were carried out.
    pub(crate) done: u64,
    /// Why the others were not.
    pub(crate) refused: Vec<String>,
    /// Whether it is unknown of all if they will still be done after the next start.
    #[serde(default)]
    is_unknown: bool,
}

/// Has `orders` carried out in the world in `data`, which is opened with `options` if no server has it open.
///
/// # Errors
/// The world cannot be read or written; or a server has it open, and does not answer.
pub(crate) fn carry_out<G: Game>(
    data: &Path,
    options: Options,
    orders: &[Order],
) -> Result<Answer, StoreError> {
    if orders.is_empty() {
        return Ok(Answer::default());
    }
    match LmdbStore::open(data, options) {
        Ok(store) => at_rest::<G>(&Arc::new(store), orders),
        Err(StoreError::InUse { .. }) => leave(data, orders),
        Err(cause) => Err(cause),
    }
}

/// Carries out orders in a world that nobody else has open.
fn at_rest<G: Game>(store: &Arc<LmdbStore>, orders: &[Order]) -> Result<Answer, StoreError> {
    // The game builds what has no commit yet, and would not, if this were the first.
    if store.last_commit()? == CommitNumber::ZERO {
        let unbuilt = "the world is empty: start its server once, so that the game builds it, and order it again";
        return Ok(Answer { refused: vec![unbuilt.to_owned()], ..Answer::default() });
    }
    let gathered = Arc::<Gathered>::default();
    let (time, settings) = (Arc::new(SystemClock), Settings::default());
    let engine = Engine::new(store.clone(), gathered.clone(), time, settings)?;
    let mut answer = Answer::default();
    for some in orders.chunks(AT_ONCE) {
        for order in some {
            answer.add(order.run::<G>(&engine));
        }
        if let Some(batch) = gathered.take() {
            store.apply(&batch)?;
        }
    }
    Ok(answer)
}

/// What was committed, for the store.
#[derive(Default)]
struct Gathered(Mutex<Run>);

#[derive(Default)]
struct Run {
    changes: BTreeMap<ObjectId, (CommitNumber, Change)>,
    last: CommitNumber,
    next_index: u64,
}

impl CommitSink for Gathered {
    fn committed(&self, commit: Committed) {
        let mut run = self.0.lock();
        (run.last, run.next_index) = (commit.number, commit.next_index);
        let changes = commit.changes.into_iter();
        run.changes.extend(changes.map(|(id, change)| (id, (commit.number, change))));
    }
}

impl Gathered {
    /// All since the last time, if there is any.
    fn take(&self) -> Option<Batch> {
        let mut run = self.0.lock();
        let changes = std::mem::take(&mut run.changes);
        if changes.is_empty() {
            return None;
        }
        let changes = changes.into_iter().map(|(id, (number, change))| (id, number, change));
        Some(Batch { changes: changes.collect(), last: run.last, next_index: run.next_index })
    }
}

/// Leaves orders for the server that has the world open, and waits until they have been carried out.
fn leave(data: &Path, orders: &[Order]) -> Result<Answer, StoreError> {
    let failed = |cause: String| StoreError::Io {
        what: "leave an order for the server that has the world open",
        cause,
    };
    let text = serde_json::to_string(orders).map_err(|cause| failed(cause.to_string()))?;
    let folder = data.join(FOLDER);
    // Of this order alone: another process of the same number may have left one that is not answered yet.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let name = format!("{}-{}", std::process::id(), now.as_nanos());
    let (draft, order) =
        (folder.join(format!("{name}.draft")), folder.join(&name).with_extension(ORDER));
    let done = order.with_extension(DONE);
    let write = || {
        fs::create_dir_all(&folder)?;
        fs::write(&draft, text)?;
        fs::rename(&draft, &order)
    };
    write().map_err(|cause: io::Error| failed(cause.to_string()))?;
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        // It is written at once, but not read at once.
        let answer = fs::read_to_string(&done).ok();
        if let Some(answer) = answer.and_then(|answer| serde_json::from_str::<Answer>(&answer).ok())
        {
            let _tidy = fs::remove_file(&done);
            return match answer {
                Answer { is_unknown: true, .. } => Err(StoreError::Io {
                    what: "have it told by the server that has the world open that an order is on disk",
                    cause: "it ended before; look whether it was carried out, or order it again"
                        .to_owned(),
                }),
                answer => Ok(answer),
            };
        }
        sleep(LOOK_EVERY / 4);
    }
    let cause = match fs::remove_file(&order) {
        Ok(()) => format!("it did not answer in {PATIENCE:?}; nothing has happened"),
        // It has taken it.
        Err(_) => format!(
            "it did not answer in {PATIENCE:?}, and may still carry it out; look (`inspect`) before you order it again"
        ),
    };
    Err(StoreError::Io {
        what: "have its order carried out by the server that has the world open",
        cause,
    })
}

impl Answer {
    /// The commit by which it was carried out.
    fn add(&mut self, outcome: Result<CommitNumber, String>) -> Option<CommitNumber> {
        match outcome {
            Ok(number) => {
                self.done += 1;
                Some(number)
            }
            Err(refused) => {
                self.refused.push(refused);
                None
            }
        }
    }
}

impl Order {
    fn run<G: Game>(&self, engine: &Engine) -> Result<CommitNumber, String> {
        match engine.run(&*self.job::<G>()) {
            Outcome::Committed(number) => Ok(number),
            Outcome::Failed(cause) => Err(reason(&cause)),
        }
    }

    fn job<G: Game>(&self) -> Box<dyn Job> {
        match self {
            Self::Retry(task) => Box::new(Afresh { task: ObjectId::from_raw(*task) }),
            Self::Discard(task) => Box::new(Discard { task: ObjectId::from_raw(*task) }),
            Self::Account { name, change } => {
                Box::new(ChangeAccount::<G>::new(name.clone(), change.clone()))
            }
        }
    }
}

/// Takes the orders that are left in a world's folder.
pub(crate) struct Orders {
    folder: PathBuf,
    queue: Arc<RunQueue>,
    carry_out: fn(&Engine, &Path) -> Carried,
    stored: Arc<Stored>,
    answering: Answering,
    next_look: Instant,
}

/// Waits until the commit is on disk; `false` when it never will be.
pub(crate) type Stored = dyn Fn(CommitNumber) -> bool + Send + Sync;

/// Orders that were carried out.
#[derive(Default)]
struct Carried {
    answer: Answer,
    /// By which commits, the last of them.
    last: Option<CommitNumber>,
}

impl Orders {
    /// Those for the world of `G` in `data`, carried out by who takes from `queue`, and answered when `stored` has waited for
    /// what they have changed.
    pub(crate) fn of<G: Game>(data: &Path, queue: Arc<RunQueue>, stored: Arc<Stored>) -> Self {
        let (folder, carry_out) = (data.join(FOLDER), carry_out_taken::<G>);
        // What a server before this one has taken and not answered: whoever left it has given up.
        for taken in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if is_a(&taken.path(), TAKEN) {
                let _tidy = fs::remove_file(taken.path());
            }
        }
        let answering = Answering::default();
        Self { folder, queue, carry_out, stored, answering, next_look: Instant::now() }
    }

    /// Who is to be waited for at the end.
    pub(crate) fn answering(&self) -> Answering {
        self.answering.clone()
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
            if is_a(&order, DONE) && is_late(&entry) {
                // Whoever wanted to know has gone.
                let _tidy = fs::remove_file(&order);
            }
            if !is_a(&order, ORDER) {
                continue;
            }
            let taken = order.with_extension(TAKEN);
            if let Err(cause) = fs::rename(&order, &taken) {
                warn!(order = %order.display(), %cause, "an order cannot be taken");
                continue;
            }
            let (carry_out, stored) = (self.carry_out, Arc::clone(&self.stored));
            let answering = self.answering.clone();
            self.queue.push_loose(Box::new(move |engine| {
                let carried = carry_out(engine, &taken);
                answering.answer_when_stored(taken, carried, stored);
            }));
        }
    }
}

/// Whether the file's name has this ending.
fn is_a(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|other| other == extension)
}

/// Whether nobody waits any more for what this file tells.
fn is_late(entry: &fs::DirEntry) -> bool {
    let written = entry.metadata().and_then(|about| about.modified());
    // A clock that was set back makes it wait.
    written.is_ok_and(|written| written.elapsed().is_ok_and(|age| age > PATIENCE * 2))
}

fn carry_out_taken<G: Game>(engine: &Engine, taken: &Path) -> Carried {
    let mut carried = Carried::default();
    let mut add = |outcome| carried.last = carried.answer.add(outcome).max(carried.last);
    match fs::read_to_string(taken) {
        Ok(text) => match serde_json::from_str::<Vec<Order>>(&text) {
            Ok(orders) => orders.iter().for_each(|order| add(order.run::<G>(engine))),
            Err(cause) => add(Err(format!("the server does not understand the order: {cause}"))),
        },
        Err(cause) => add(Err(format!("the server cannot read the order: {cause}"))),
    }
    carried
}

/// The threads that wait to answer.
#[derive(Clone, Default)]
pub(crate) struct Answering(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Answering {
    /// Tells whoever has left the order at `taken` what became of it, once a crash cannot take that back.
    fn answer_when_stored(&self, taken: PathBuf, carried: Carried, stored: Arc<Stored>) {
        let Carried { mut answer, last } = carried;
        let unwatched = taken.clone();
        let wait_and_tell = move || {
            answer.is_unknown = last.is_some_and(|last| !stored(last));
            tell(&taken, &answer);
        };
        // On a thread of its own: a disk that is full may keep it waiting for hours, and workers are few.
        let thread = Builder::new().name("order".to_owned()).spawn(wait_and_tell);
        let mut threads = self.0.lock();
        threads.retain(|thread| !thread.is_finished());
        match thread {
            Ok(thread) => threads.push(thread),
            Err(cause) => {
                warn!(%cause, "nobody can wait until an order is on disk");
                tell(&unwatched, &Answer { is_unknown: true, ..Answer::default() });
            }
        }
    }

    /// Waits until all are answered. To be called when nothing more will be stored.
    pub(crate) fn finish(&self) {
        let threads = std::mem::take(&mut *self.0.lock());
        for thread in threads {
            if thread.join().is_err() {
                warn!("an order was not answered: what should do that has panicked");
            }
        }
    }
}

fn tell(taken: &Path, answer: &Answer) {
    for refused in &answer.refused {
        warn!(%refused, "an operator's order could not be carried out");
    }
    match answer.is_unknown {
        true => warn!("an operator's orders were carried out, and may be lost at the next start"),
        false => info!(orders = answer.done, "an operator's orders were carried out"),
    }
    let told = serde_json::to_string(answer).map_err(io::Error::other);
    let told = told.and_then(|answer| fs::write(taken.with_extension(DONE), answer));
    if let Err(cause) = told.and_then(|()| fs::remove_file(taken)) {
        warn!(%cause, "whoever has given an order cannot be told that it was carried out");
    }
}

/// Where orders are left, in a world's folder.
const FOLDER: &str = "orders";
/// How orders are called, then while they are carried out, and what is left when they have been.
const ORDER: &str = "order";
const TAKEN: &str = "taken";
const DONE: &str = "done";

/// How often a server looks for orders, and how long who has given one waits.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(30);

/// After how many orders what they have changed is written.
const AT_ONCE: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::game::idle::Idle;

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
        let mut orders =
            Orders::of::<Idle>(data.path(), Arc::new(RunQueue::new(0)), Arc::new(|_| true));
        orders.tick();
        assert_eq!((late.exists(), early.exists()), (false, true));
    }

    #[test]
    fn an_order_that_nobody_understands_is_answered() {
        let folder = tempfile::tempdir().expect("a folder");
        let server = crate::server::Server::builder(Idle).data(folder.path()).workers(1).start();
        let server = server.expect("a server");
        let orders = folder.path().join(FOLDER);
        fs::create_dir_all(&orders).expect("a folder");
        for (name, text, cause) in [
            ("1", "burn 9", "does not understand"),
            ("2", "[{\"Retry\":9}]", "#9"),
            ("3", "[{\"Account\":{\"name\":\"ann\",\"change\":\"Remove\"}}]", "`ann`"),
        ] {
            let order = orders.join(name);
            fs::write(&order, text).expect("a file");
            fs::rename(&order, order.with_extension(ORDER)).expect("a file");
            let done = order.with_extension(DONE);
            let answer = (0..1000).find_map(|_| {
                sleep(Duration::from_millis(10));
                serde_json::from_str::<Answer>(&fs::read_to_string(&done).ok()?).ok()
            });
            let answer = answer.expect("an answer");
            assert_eq!(answer.done, 0, "{text}");
            assert!(answer.refused.iter().any(|refused| refused.contains(cause)), "{answer:?}");
        }
        server.stop().expect("a clean end");
    }
}
