//! Runs the tasks that wait in a world: at their time, again when they have failed, and across restarts.

pub(crate) mod calls;
pub(crate) mod load;
pub(crate) mod slices;
pub(crate) mod surveys;

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use daystar_engine::{Cause, Engine, Job, Outcome};
use daystar_model::{Clock, ObjectId, Store, Timestamp};
use parking_lot::Mutex;
use tracing::{error, warn};

use crate::game::due::{Broken, Due, Failed, Look, NoteSlice, Part, Verdict};
use crate::game::events::reason;
use crate::game::external::CallKey;
use crate::game::rules::Game;
use crate::game::task::{TaskRegistration, Work};
use crate::game::task_record::{Stage, TaskRecord};
use crate::scheduler::kinds::{Known, Name, RunTask};
use crate::server::panics;
use crate::server::persistence::Persistence;
use crate::server::tasks::calls::{Calls, Order};
use crate::server::tasks::surveys::{Errand, Surveys};

/// All kinds of task of the program, in an order that is the same for as long as it runs.
pub(crate) fn names() -> impl Iterator<Item = Name> {
    TaskRegistration::all().map(|known| (known.name, known.weight))
}

/// What due tasks are run with.
pub(crate) struct Tasks<G> {
    game: PhantomData<fn() -> G>,
    kinds: Vec<&'static TaskRegistration>,
    persistence: Arc<Persistence>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Those that wait; also for there to be room for a call or a survey.
    known: Arc<Known>,
    /// Set before the first task is due.
    /// Since when the server has served, by the clock on the wall.
    opened: OnceLock<Timestamp>,
    /// The same.
    calls: OnceLock<Calls>,
    surveys: Arc<Surveys>,
    broken: Broken,
}

impl<G: Game> Tasks<G> {
    pub(crate) fn new(
        persistence: &Arc<Persistence>,
        store: &Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        known: Arc<Known>,
        broken: Broken,
    ) -> Arc<Self> {
        Arc::new(Self {
            game: PhantomData,
            kinds: TaskRegistration::all().collect(),
            persistence: Arc::clone(persistence),
            store: Arc::clone(store),
            clock,
            known,
            opened: OnceLock::new(),
            calls: OnceLock::new(),
            surveys: Arc::default(),
            broken,
        })
    }

    /// Tells what is known only when the world is open: since when, and how to call the outside world.
    pub(crate) fn begin(&self, opened: Timestamp, calls: Option<Calls>) {
        // Nobody else sets them.
        let _ = self.opened.set(opened);
        if let Some(calls) = calls {
            let _ = self.calls.set(calls);
        }
    }

    /// What is to be finished with the server.
    pub(crate) fn surveys(&self) -> Arc<Surveys> {
        Arc::clone(&self.surveys)
    }

    /// What the kinds of task call.
    pub(crate) fn runner(self: &Arc<Self>) -> RunTask {
        let tasks = Arc::clone(self);
        Box::new(move |engine, place, task| tasks.run(engine, place, task))
    }

    /// Runs a task whose time has come. While the store cannot be read or written, it waits: that is not the task's fault.
    fn run(self: &Arc<Self>, engine: &Engine, place: usize, task: ObjectId) {
        let kind = self.kinds[place];
        let ran = self.try_run(engine, place, task);
        let Err(cause) = ran else { return };
        if cause.is_passing() {
            let tasks = Arc::clone(self);
            let again = Box::new(move |engine: &Engine| tasks.run(engine, place, task));
            return self.persistence.faults.run_again(&cause, again);
        }
        let backtrace = match &cause {
            Cause::Panic(_) => panics::take_last(),
            Cause::Error(_) => None,
        };
        self.failed(engine, kind, task, reason(&cause), backtrace);
    }

    fn try_run(
        self: &Arc<Self>,
        engine: &Engine,
        place: usize,
        task: ObjectId,
    ) -> Result<(), Cause> {
        let kind = self.kinds[place];
        match &kind.work {
            Work::Task(_) => self.run_due(engine, kind, task, Part::All),
            Work::External { call, timeout, .. } => match self.look(engine, task)? {
                Some(TaskRecord { stage: Stage::Call { key }, version, payload, .. }) => {
                    let (make, timeout, key) = (*call, *timeout, CallKey(key));
                    let order = Order { make, timeout, version, payload, key };
                    self.call(place, task, order);
                    Ok(())
                }
                _ => self.run_due(engine, kind, task, Part::All),
            },
            Work::Survey { look, .. } => match self.look(engine, task)? {
                Some(TaskRecord { stage: Stage::Call { .. }, version, payload, .. }) => {
                    self.survey(place, task, Errand { look: *look, version, payload });
                    Ok(())
                }
                _ => self.run_due(engine, kind, task, Part::All),
            },
            Work::Sweep { object, .. } => match self.look(engine, task)? {
                Some(TaskRecord { stage: Stage::Sweeping { until: u64::MAX, .. }, .. }) => {
                    self.begin_sweep(kind, task);
                    Ok(())
                }
                Some(TaskRecord { stage: Stage::Sweeping { next, until }, .. }) => {
                    let slice = slices::next(&*self.store, object, next, until);
                    let slice = slice.map_err(|cause| slices::unread(kind.name, &cause))?;
                    let slice = Arc::new(slice);
                    if self.broken.sweep_notes_apart {
                        run(engine, &NoteSlice { task, slice: Arc::clone(&slice) })?;
                    }
                    self.run_due(engine, kind, task, Part::Slice(slice))
                }
                _ => self.run_due(engine, kind, task, Part::All),
            },
            Work::Walk(_) => {
                let part = match self.look(engine, task)? {
                    Some(TaskRecord { stage: Stage::Walking(stands), .. }) => {
                        Part::Behind(Arc::from(stands))
                    }
                    _ => Part::All,
                };
                self.run_due(engine, kind, task, part)
            }
        }
    }

    fn run_due(
        &self,
        engine: &Engine,
        kind: &'static TaskRegistration,
        task: ObjectId,
        part: Part,
    ) -> Result<(), Cause> {
        let (opened, broken) = (self.opened.get().copied().unwrap_or_default(), self.broken);
        run(engine, &Due::<G> { game: PhantomData, task, kind, opened, part, broken })
    }

    fn look(&self, engine: &Engine, task: ObjectId) -> Result<Option<TaskRecord>, Cause> {
        let look = Look { task: Some(task), found: Mutex::default() };
        run(engine, &look)?;
        let found = look.found.into_inner();
        // One that was set aside, or is to be tried later, has been woken by a hint that is out of date.
        Ok(found.filter(|record| {
            let now = self.clock.read(record.dial());
            record.next().is_some_and(|next| next <= now)
        }))
    }

    /// Writes down that a task has failed.
    pub(crate) fn failed(
        self: &Arc<Self>,
        engine: &Engine,
        kind: &'static TaskRegistration,
        task: ObjectId,
        cause: String,
        backtrace: Option<String>,
    ) {
        let job = Failed { task, kind, cause, backtrace, verdict: Mutex::default() };
        let outcome = run(engine, &job);
        let Failed { cause, backtrace, verdict, .. } = job;
        match (outcome, verdict.into_inner()) {
            (Ok(()), Verdict::Gone) => {}
            (Ok(()), Verdict::Again(tries)) => {
                warn!(%task, kind = kind.name, tries, cause, "a task failed; it will be tried again");
            }
            (Ok(()), Verdict::SetAside) => {
                error!(%task, kind = kind.name, cause, "a task failed and was set aside; see `inspect tasks`");
            }
            (Err(fault), _) if fault.is_passing() => {
                let tasks = Arc::clone(self);
                let again =
                    move |engine: &Engine| tasks.failed(engine, kind, task, cause, backtrace);
                self.persistence.faults.run_again(&fault, Box::new(again));
            }
            (Err(fault), _) => {
                error!(%task, kind = kind.name, cause, ?fault, "a task failed, and that could not be written down; it is tried again at the next start");
            }
        }
    }
}

/// Runs a job of the framework's own.
fn run(engine: &Engine, job: &dyn Job) -> Result<(), Cause> {
    match engine.run(job) {
        Outcome::Committed(_) => Ok(()),
        Outcome::Failed(cause) => Err(cause),
    }
}

#[cfg(test)]
mod tests;
