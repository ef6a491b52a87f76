//! The world that the in-process benches share: players in an engine without a disk, and jobs from closures.

use std::sync::Arc;

use daystar::managed;
use daystar_engine::{Attempt, Engine, Error, Job, Outcome, Settings};
use daystar_model::{CommitNumber, Managed, ObjectId, Space, SystemClock};
use daystar_store::MemoryStore;
use parking_lot::Mutex;

/// What a player of a small game is.
#[managed]
#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) name: String,
    pub(crate) pack: Vec<u64>,
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) gold: u64,
}

impl Player {
    pub(crate) fn number(number: usize) -> Self {
        let pack = (0..8).collect();
        Self { name: format!("player {number}"), pack, x: 0.0, y: 0.0, gold: 1_000 }
    }
}

/// An engine with `count` players in it.
pub(crate) fn engine_with_players(count: usize) -> (Engine, Vec<ObjectId>) {
    let store = Arc::new(MemoryStore::new());
    let engine = Engine::new(store, Arc::new(()), Arc::new(SystemClock), Settings::default());
    let engine =
        engine.unwrap_or_else(|cause| panic!("a memory store is always readable: {cause}"));
    let players = Mutex::new(Vec::with_capacity(count));
    for first in (0..count).step_by(CREATED_PER_TASK) {
        let made = Mutex::new(Vec::new());
        run(&engine, |attempt| {
            let mut made = made.lock();
            made.clear();
            for number in first..(first + CREATED_PER_TASK).min(count) {
                made.push(attempt.insert(Space::Object, Player::number(number))?);
            }
            Ok(())
        });
        players.lock().append(&mut made.into_inner());
    }
    (engine, players.into_inner())
}

/// Makes one more object.
pub(crate) fn insert<T: Managed>(engine: &Engine, value: T) -> ObjectId {
    let made = Mutex::new(None);
    run(engine, |attempt| {
        *made.lock() = Some(attempt.insert(Space::Object, value.clone())?);
        Ok(())
    });
    made.into_inner().unwrap_or_else(|| panic!("a task that committed has made its object"))
}

const CREATED_PER_TASK: usize = 1_000;

/// A closure as a job.
struct Closure<F> {
    work: F,
    is_read_only: bool,
}

impl<F: Fn(&Attempt<'_>) -> Result<(), Error> + Send> Job for Closure<F> {
    fn kind(&self) -> &'static str {
        "bench"
    }
    fn is_read_only(&self) -> bool {
        self.is_read_only
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        (self.work)(attempt)
    }
}

/// Runs a task, and tells its place in the order of commits; a figure of tasks that failed would be none.
pub(crate) fn run(
    engine: &Engine,
    work: impl Fn(&Attempt<'_>) -> Result<(), Error> + Send,
) -> CommitNumber {
    finish(engine.run(&Closure { work, is_read_only: false }))
}

/// Runs a read-only task.
pub(crate) fn look(engine: &Engine, work: impl Fn(&Attempt<'_>) -> Result<(), Error> + Send) {
    finish(engine.run(&Closure { work, is_read_only: true }));
}

fn finish(outcome: Outcome) -> CommitNumber {
    match outcome {
        Outcome::Committed(number) => number,
        Outcome::Failed(cause) => panic!("a bench's task failed, so there is no figure: {cause:?}"),
    }
}
