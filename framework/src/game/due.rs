//! The jobs that a stored task goes through: done, failed, tried again.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use daystar_engine::{Attempt, Effect, Error, Job};
use daystar_model::{Dial, ObjectId, Timestamp};
use parking_lot::Mutex;

use crate::bail;
use crate::game::events::with_ctx;
use crate::game::rules::{Game, Result};
use crate::game::task::{Stored, TaskRegistration, WalkOn, Work};
use crate::game::task_record::{Stage, TaskRecord, Trouble, Walking};

/// A scheduled task whose time may have come.
pub(crate) struct Due<G> {
    pub(crate) game: PhantomData<fn() -> G>,
    pub(crate) task: ObjectId,
    pub(crate) kind: &'static TaskRegistration,
    /// Since when the server has served, by the clock on the wall.
    pub(crate) opened: Timestamp,
    pub(crate) part: Part,
    pub(crate) broken: Broken,
}

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Broken {
    /// Tasks stay in the list when they are done.
    pub(crate) stays: bool,
    /// The next tick is due a period from now.
    pub(crate) drifts: bool,
    /// What a task has done that then failed stays, and it is tried again.
    pub(crate) failed_stays: bool,
    /// A task that was set aside is run at the next start.
    pub(crate) set_aside_runs: bool,
    /// Calls are made before what has asked for them is on disk.
    pub(crate) call_is_early: bool,
    /// Each try of a call has a key of its own.
    pub(crate) call_key_changes: bool,
    /// Where a sweep stands is noted in a commit of its own.
    pub(crate) sweep_notes_apart: bool,
    /// Where a walk stands is not noted.
    pub(crate) walk_forgets: bool,
    /// Surveys look at the store as it is at each moment.
    pub(crate) survey_sees_newest: bool,
}

/// What there is to be done of a task now.
#[derive(Clone)]
pub(crate) enum Part {
    /// All that is left.
    All,
    /// Of a sweep.
    Slice(Arc<Slice>),
    /// Of a walk that must stand here: the next slice, which it finds by itself.
    Behind(Arc<Walking>),
}

/// A part of a sweep.
pub(crate) struct Slice {
    /// Where the sweep must stand.
    pub(crate) from: u64,
    /// The objects from there on.
    pub(crate) objects: Vec<ObjectId>,
    /// Where it stands afterwards; `None`: at its end.
    pub(crate) next: Option<u64>,
    /// Where it ends.
    pub(crate) until: u64,
}

impl<G: Game> Job for Due<G> {
    fn kind(&self) -> &'static str {
        self.kind.name
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let Some(record) = attempt.find::<TaskRecord>(self.task)?.map(|record| record.clone())
        else {
            // Cancelled, or done already.
            return Ok(());
        };
        let (now, opened) = match record.dial() {
            // While nobody served it stood still, so none of its ticks was missed then.
            Dial::World => (attempt.now(), Timestamp::default()),
            Dial::Wall => (attempt.wall_time(), self.opened),
        };
        // Set aside, or moved to a later time: whoever has woken us did not know.
        let set_aside = self.broken.set_aside_runs.then_some(record.due);
        let Some(next) = record.next().or(set_aside) else { return Ok(()) };
        if next > now {
            // The clock on the wall may have been set back since the timer looked: nobody else would come again.
            if record.by_wall {
                let (dial, kind) = (Dial::Wall, self.kind.name);
                attempt.effect(Effect::Schedule { task: self.task, due: next, dial, kind });
            }
            return Ok(());
        }
        // Another hint has brought it here already.
        let is_elsewhere = match (&self.kind.work, &record.stage, &self.part) {
            (Work::Task(_), Stage::Whole, _)
            | (Work::External { .. } | Work::Survey { .. }, Stage::Answered { .. }, _) => false,
            (Work::Sweep { .. }, Stage::Sweeping { next, .. }, Part::Slice(slice)) => {
                *next != slice.from && !self.broken.sweep_notes_apart
            }
            (Work::Walk(_), Stage::Walking(stands), Part::Behind(wanted)) => {
                stands.after != wanted.after
            }
            (Work::External { .. } | Work::Survey { .. }, Stage::Call { .. }, _)
            | (Work::Sweep { .. }, Stage::Sweeping { .. }, Part::All)
            | (Work::Walk(_), Stage::Walking(_), Part::All) => true,
            // Nobody else would come for it.
            _ => bail!(
                "`{}` was asked for as work of another kind (a task, a call, a survey, a sweep or a walk) than this program does under that name",
                self.kind.name
            ),
        };
        if is_elsewhere {
            return Ok(());
        }
        if let (Work::Walk(walk), Stage::Walking(stands)) = (&self.kind.work, &record.stage) {
            return self.walk(attempt, *walk, &record, stands, now);
        }
        // What is done with the record is part of the commit that does the work: so its effects happen once.
        if let Some(every) = record.every {
            let due = if self.broken.drifts { now } else { record.due };
            let tick = every.tick(due, now, opened);
            self.go_on(attempt, tick.next, None)?;
            // One that has failed was not missed: it is tried again.
            if !tick.runs && record.trouble.is_none() {
                return Ok(());
            }
        } else if let Some(stage) = self.next_slice() {
            self.go_on(attempt, now, Some(stage))?;
        } else if !self.broken.stays {
            attempt.remove::<TaskRecord>(self.task)?;
        }
        let done = with_ctx::<G>(attempt, None, |ctx| {
            let task = Stored { version: record.version, payload: &record.payload };
            match (&self.kind.work, &record.stage, &self.part) {
                (Work::Task(run), _, _) => run(task, ctx),
                (
                    Work::External { done, .. } | Work::Survey { done, .. },
                    Stage::Answered { version, payload },
                    _,
                ) => done(task, Stored { version: *version, payload }, ctx),
                (Work::Sweep { visit, done, .. }, _, Part::Slice(slice)) => {
                    visit(task, &slice.objects, ctx)?;
                    if slice.next.is_none() { done(task, ctx) } else { Ok(()) }
                }
                _ => Ok(()),
            }
        });
        if done.is_err() && self.broken.failed_stays {
            let (due, dial, kind) = (now.after(RETRY_BROKEN), record.dial(), self.kind.name);
            attempt.insert_at(self.task, TaskRecord { due, ..record })?;
            attempt.effect(Effect::Schedule { task: self.task, due, dial, kind });
            return Ok(());
        }
        done
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        let (task, kind, opened) = (self.task, self.kind, self.opened);
        let (part, broken) = (self.part.clone(), self.broken);
        Some(Box::new(Self { game: PhantomData, task, kind, opened, part, broken }))
    }
}

/// When a task that failed is tried again by a server that is broken on purpose.
const RETRY_BROKEN: Duration = Duration::from_millis(10);

/// Notes where a sweep stands: by itself only where that is broken on purpose.
pub(crate) struct NoteSlice {
    pub(crate) task: ObjectId,
    pub(crate) slice: Arc<Slice>,
}

impl Job for NoteSlice {
    fn kind(&self) -> &'static str {
        "note a slice"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let next = self.slice.next.unwrap_or(self.slice.until);
        attempt.get_mut::<TaskRecord>(self.task)?.stage =
            Stage::Sweeping { next, until: self.slice.until };
        Ok(())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self { task: self.task, slice: Arc::clone(&self.slice) }))
    }
}

impl<G> Due<G> {
    /// How far a sweep has come with this slice, if that is not its last one.
    fn next_slice(&self) -> Option<Stage> {
        let Part::Slice(slice) = &self.part else { return None };
        slice.next.map(|next| Stage::Sweeping { next, until: slice.until })
    }

    /// Leaves the record for the next time, at `due`: having come so far, if it takes several commits.
    fn go_on(&self, attempt: &Attempt<'_>, due: Timestamp, stage: Option<Stage>) -> Result<()> {
        let mut record = attempt.get_mut::<TaskRecord>(self.task)?;
        record.due = due;
        record.trouble = None;
        if let Some(stage) = stage {
            record.stage = stage;
        }
        let dial = record.dial();
        attempt.effect(Effect::Schedule { task: self.task, due, dial, kind: self.kind.name });
        Ok(())
    }
}

impl<G: Game> Due<G> {
    /// Does a slice of a walk. Which entries those are is part of what the task sees, so nobody has looked before.
    fn walk(
        &self,
        attempt: &Attempt<'_>,
        walk: WalkOn,
        record: &TaskRecord,
        stands: &Walking,
        now: Timestamp,
    ) -> Result<()> {
        // In the commit that visits: so each is visited once.
        let go_on = |next: Option<Walking>| -> Result<()> {
            let Some(next) = next else {
                return Ok(attempt.remove::<TaskRecord>(self.task)?);
            };
            let stage = Stage::Walking(Box::new(next));
            self.go_on(attempt, now, (!self.broken.walk_forgets).then_some(stage))
        };
        let task = Stored { version: record.version, payload: &record.payload };
        with_ctx::<G>(attempt, None, |ctx| walk(task, stands, &go_on, ctx))
    }
}

/// Looks at a stored task.
#[derive(Default)]
pub(crate) struct Look {
    pub(crate) task: Option<ObjectId>,
    pub(crate) found: Mutex<Option<TaskRecord>>,
}

impl Job for Look {
    fn kind(&self) -> &'static str {
        "look at a task"
    }
    fn is_read_only(&self) -> bool {
        true
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        if let Some(task) = self.task {
            *self.found.lock() = attempt.find::<TaskRecord>(task)?.map(|record| record.clone());
        }
        Ok(())
    }
}

/// Writes down that a task has failed: it is tried again later, or set aside.
pub(crate) struct Failed {
    pub(crate) task: ObjectId,
    pub(crate) kind: &'static TaskRegistration,
    pub(crate) cause: String,
    pub(crate) backtrace: Option<String>,
    /// What became of it.
    pub(crate) verdict: Mutex<Verdict>,
}

/// What becomes of a task that has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is gone: somebody has cancelled it.
    #[default]
    Gone,
    /// It is tried again, having failed so often.
    Again(u32),
    /// It was set aside.
    SetAside,
}

impl Job for Failed {
    fn kind(&self) -> &'static str {
        "task failed"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        *self.verdict.lock() = Verdict::Gone;
        if attempt.find::<TaskRecord>(self.task)?.is_none_or(|record| record.next().is_none()) {
            return Ok(());
        }
        let mut record = attempt.get_mut::<TaskRecord>(self.task)?;
        let dial = record.dial();
        let now = match dial {
            Dial::World => attempt.now(),
            Dial::Wall => attempt.wall_time(),
        };
        let tries = record.trouble.as_ref().map_or(0, |trouble| trouble.tries).saturating_add(1);
        let again = self.kind.retry.pause(tries).map(|pause| now.after(pause));
        let (cause, backtrace) = (self.cause.clone(), self.backtrace.clone());
        record.trouble = Some(Box::new(Trouble { tries, again, cause, backtrace }));
        if let Some(due) = again {
            attempt.effect(Effect::Schedule { task: self.task, due, dial, kind: self.kind.name });
        }
        *self.verdict.lock() = again.map_or(Verdict::SetAside, |_| Verdict::Again(tries));
        Ok(())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        let (cause, backtrace) = (self.cause.clone(), self.backtrace.clone());
        let verdict = Mutex::default();
        Some(Box::new(Self { task: self.task, kind: self.kind, cause, backtrace, verdict }))
    }
}

/// Has a task that failed tried again at once, as if it never had.
pub(crate) struct Afresh {
    pub(crate) task: ObjectId,
}

impl Job for Afresh {
    fn kind(&self) -> &'static str {
        "retry a task"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let mut record = attempt.get_mut::<TaskRecord>(self.task)?;
        let due = record.due;
        if record.every.is_none() {
            record.trouble = None;
        } else if let Some(trouble) = &mut record.trouble {
            // As one that has failed it is not taken for missed, however long that is ago.
            trouble.tries = 0;
            trouble.again = Some(due);
        }
        let (dial, kind) = (record.dial(), record.kind()?.name);
        attempt.effect(Effect::Schedule { task: self.task, due, dial, kind });
        Ok(())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self { task: self.task }))
    }
}

/// Throws a task away.
pub(crate) struct Discard {
    pub(crate) task: ObjectId,
}

impl Job for Discard {
    fn kind(&self) -> &'static str {
        "discard a task"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        if TaskRecord::discard(attempt, self.task)? {
            return Ok(());
        }
        Err(attempt.not_found::<TaskRecord>(self.task).into())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self { task: self.task }))
    }
}
