//! How a task is stored while it waits: [`TaskRecord`], and the list of all kinds of task that there may be.

use std::sync::Arc;
use std::time::Duration;

use daystar_engine::{Attempt, Effect, Job};
use daystar_macros::managed;
use daystar_model::managed::Object;
use daystar_model::{Dial, Managed, ObjectId, RecordError, Space, Timestamp, TypeDescriptor};

use crate::game::ctx::Ctx;
use crate::game::external::CallKey;
use crate::game::plan::{Every, First, Plan};
use crate::game::rules::Result;
use crate::game::task::{TaskRegistration, Work};

/// A task that waits for its time, is to be tried again, or was set aside.
#[managed(name = "daystar.Task", version = 3, from = TaskRecordV2)]
pub(crate) struct TaskRecord {
    /// When it is due; of a periodic task, its present tick.
    pub(crate) due: Timestamp,
    /// Whether that is meant by the clock on the wall.
    pub(crate) by_wall: bool,
    pub(crate) every: Option<Every>,
    pub(crate) type_name: String,
    pub(crate) version: u32,
    pub(crate) payload: Vec<u8>,
    pub(crate) stage: Stage,
    pub(crate) trouble: Option<Box<Trouble>>,
}

/// How far a task has come that takes several commits.
#[managed(name = "daystar.TaskStage", version = 2, from = StageV1)]
pub(crate) enum Stage {
    /// It takes only one.
    Whole,
    /// The outside world is to be called, under this key; or the whole world is to be looked at, which needs none.
    Call { key: [u64; 2] },
    /// It has answered so.
    Answered { version: u32, payload: Vec<u8> },
    /// The next object to be visited has this index, or a higher one; none from `until` on.
    Sweeping { next: u64, until: u64 },
    /// It visits the entries of a collection. In a box, since most tasks are none that does.
    Walking(Box<Walking>),
}

/// Where a walk stands. Keys are as the collection stores them, and in its order.
#[managed(name = "daystar.TaskWalking")]
pub(crate) struct Walking {
    /// The id of the collection, of which the keys are: others say nothing about another.
    pub(crate) collection: u64,
    /// The last key that was visited; `None`: none was.
    pub(crate) after: Option<Vec<u8>>,
    /// The last key that is to be visited; `None`: there are none.
    pub(crate) until: Option<Vec<u8>>,
}

/// What has gone wrong with a task.
#[managed(name = "daystar.TaskTrouble")]
pub(crate) struct Trouble {
    /// How often in a row it has failed.
    pub(crate) tries: u32,
    /// When it is tried again, by the task's clock; `None`: it was set aside.
    pub(crate) again: Option<Timestamp>,
    /// Why it failed last.
    pub(crate) cause: String,
    /// Where, if it panicked and backtraces were taken.
    pub(crate) backtrace: Option<String>,
}

/// As it was before there were walks.
#[managed(name = "daystar.Task", version = 2, old)]
struct TaskRecordV2 {
    due: Timestamp,
    by_wall: bool,
    every: Option<Every>,
    type_name: String,
    version: u32,
    payload: Vec<u8>,
    stage: StageV1,
    trouble: Option<Box<Trouble>>,
}

#[managed(name = "daystar.TaskStage", version = 1, old)]
enum StageV1 {
    Whole,
    Call { key: [u64; 2] },
    Answered { version: u32, payload: Vec<u8> },
    Sweeping { next: u64, until: u64 },
}

impl From<TaskRecordV2> for TaskRecord {
    fn from(before: TaskRecordV2) -> Self {
        let TaskRecordV2 { due, by_wall, every, type_name, version, payload, stage, trouble } =
            before;
        Self { due, by_wall, every, type_name, version, payload, stage: stage.into(), trouble }
    }
}

impl From<StageV1> for Stage {
    fn from(before: StageV1) -> Self {
        match before {
            StageV1::Whole => Self::Whole,
            StageV1::Call { key } => Self::Call { key },
            StageV1::Answered { version, payload } => Self::Answered { version, payload },
            StageV1::Sweeping { next, until } => Self::Sweeping { next, until },
        }
    }
}

impl TaskRecord {
    /// `value` as a task that is to be done as `plan` says, asked for now.
    pub(crate) fn of<T: Managed>(value: &T, plan: Plan, stage: Stage, ctx: &Ctx) -> Result<Self> {
        let now = match plan.dial {
            Dial::World => ctx.now(),
            Dial::Wall => ctx.wall_time(),
        };
        let every = plan.period.map(|period| Every {
            period_ms: u64::try_from(period.as_millis()).unwrap_or(u64::MAX),
            missed: plan.missed,
        });
        if every.is_some_and(|every| every.period_ms == 0) {
            return Err(PlanError::PeriodTooShort { kind: T::TYPE_NAME }.into());
        }
        if let Some(period) = plan.period
            && period.subsec_nanos() % NANOS_PER_MS != 0
        {
            // Cut off, it would be another period, and ticks would drift.
            return Err(PlanError::PeriodNotWhole { kind: T::TYPE_NAME, period }.into());
        }
        Ok(Self {
            due: match plan.first {
                First::In(delay) => now.after(delay),
                First::At(at) => at,
            },
            by_wall: plan.dial == Dial::Wall,
            every,
            type_name: T::TYPE_NAME.to_owned(),
            version: T::VERSION,
            payload: Managed::encode(value)?,
            stage,
            trouble: None,
        })
    }

    /// Throws a task away, and has nobody wait for it any longer; `false` if there is none.
    pub(crate) fn discard(attempt: &Attempt<'_>, task: ObjectId) -> Result<bool> {
        let Some(next) = attempt.find::<Self>(task)?.map(|record| record.next()) else {
            return Ok(false);
        };
        attempt.remove::<Self>(task)?;
        // One that was set aside waits for no time.
        if next.is_some() {
            attempt.effect(Effect::Unschedule { task });
        }
        Ok(true)
    }

    /// By which clock its times are meant.
    pub(crate) fn dial(&self) -> Dial {
        if self.by_wall { Dial::Wall } else { Dial::World }
    }

    /// When it is to be run next; `None`: it was set aside.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.trouble.as_ref().map_or(Some(self.due), |trouble| trouble.again)
    }

    /// The stored task.
    ///
    /// # Errors
    /// This program cannot read it.
    pub(crate) fn task(&self) -> Result<Arc<dyn Object>, RecordError> {
        TypeDescriptor::check(&self.type_name, self.version)?;
        let unknown = || RecordError::UnknownType { name: self.type_name.clone() };
        let known = TypeDescriptor::find(&self.type_name).ok_or_else(unknown)?;
        (known.decode)(self.version, &self.payload)
    }

    /// Under which key the outside world is called, if that is what is to be done.
    pub(crate) fn call_key(&self) -> Option<CallKey> {
        let is_call = matches!(self.kind().ok()?.work, Work::External { .. });
        match self.stage {
            Stage::Call { key } if is_call => Some(CallKey(key)),
            _ => None,
        }
    }

    /// In which version its type's answer is stored, if there is one.
    pub(crate) fn answer_version(&self) -> Option<u32> {
        match self.stage {
            Stage::Answered { version, .. } => Some(version),
            _ => None,
        }
    }

    /// What has been answered, if the task waits for no more than its second step.
    ///
    /// # Errors
    /// This program cannot read it.
    pub(crate) fn answer(&self) -> Result<Option<Arc<dyn Object>>, RecordError> {
        let Stage::Answered { version, payload } = &self.stage else { return Ok(None) };
        let Some(known) = self.kind()?.answer() else { return Ok(None) };
        (known.decode)(*version, payload).map(Some)
    }

    /// The kind of task that it is.
    ///
    /// # Errors
    /// This program has no such kind.
    pub(crate) fn kind(&self) -> Result<&'static TaskRegistration, RecordError> {
        let unknown = || RecordError::UnknownType { name: self.type_name.clone() };
        TaskRegistration::find(&self.type_name).ok_or_else(unknown)
    }
}

/// Why a plan cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    /// A period of nothing.
    #[error("`{kind}` cannot run every 0 ms: choose a period of a millisecond at least")]
    PeriodTooShort {
        /// The task's type.
        kind: &'static str,
    },
    /// A period with a part of a millisecond.
    #[error(
        "`{kind}` cannot run every {period:?}: choose a whole number of milliseconds, or its ticks would drift"
    )]
    PeriodNotWhole {
        /// The task's type.
        kind: &'static str,
        /// The period.
        period: Duration,
    },
}

const NANOS_PER_MS: u32 = 1_000_000;

/// All kinds of task that were ever asked for: so a program that lacks one is told at its start, without looking at every
/// task.
#[managed(name = "daystar.TaskKinds", version = 2, from = TaskKindsV1)]
#[derive(Debug, Default)]
pub(crate) struct TaskKinds {
    pub(crate) kinds: Vec<TaskKind>,
}

#[managed(name = "daystar.TaskKind", version = 2, from = TaskKindV1)]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TaskKind {
    pub(crate) type_name: String,
    pub(crate) version: u32,
    /// How its values were laid out, if that was known.
    pub(crate) layout: Option<String>,
    /// What is stored between its two steps, if it has two and that was known.
    pub(crate) answer: Option<AnswerKind>,
}

/// The answers of a kind of task that takes two steps.
#[managed(name = "daystar.AnswerKind")]
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AnswerKind {
    pub(crate) type_name: String,
    pub(crate) version: u32,
    pub(crate) layout: Option<String>,
}

/// As it was before answers were on the list.
#[managed(name = "daystar.TaskKinds", version = 1, old)]
struct TaskKindsV1 {
    kinds: Vec<TaskKindV1>,
}

#[managed(name = "daystar.TaskKind", version = 1, old)]
struct TaskKindV1 {
    type_name: String,
    version: u32,
    layout: Option<String>,
}

impl From<TaskKindsV1> for TaskKinds {
    fn from(before: TaskKindsV1) -> Self {
        Self { kinds: before.kinds.into_iter().map(TaskKind::from).collect() }
    }
}

impl From<TaskKindV1> for TaskKind {
    fn from(before: TaskKindV1) -> Self {
        let TaskKindV1 { type_name, version, layout } = before;
        Self { type_name, version, layout, answer: None }
    }
}

/// Where [`TaskKinds`] is: among the names, whose ids are hashes, so that it needs no id of its own.
pub(crate) const TASK_KINDS: ObjectId = ObjectId::new(Space::Name, 1);

impl TaskKinds {
    /// Makes sure that `T` is on the list, with the type of its answers, if it has any.
    pub(crate) fn enlist<T: Managed>(
        ctx: &Ctx,
        answer: Option<&'static TypeDescriptor>,
    ) -> Result<()> {
        let attempt = ctx.attempt();
        let own = |kind: &TaskKind| {
            let has = kind.answer.as_ref().map(|of| (of.version, &*of.type_name));
            kind.version == T::VERSION
                && kind.type_name == T::TYPE_NAME
                && has == answer.map(|of| (of.version, of.name))
        };
        let known = attempt.find::<Self>(TASK_KINDS)?.map(|list| list.kinds.iter().any(own));
        let kind = || TaskKind {
            type_name: T::TYPE_NAME.to_owned(),
            version: T::VERSION,
            layout: T::layout(T::VERSION),
            answer: answer.map(AnswerKind::of),
        };
        match known {
            Some(true) => {}
            Some(false) => attempt.get_mut::<Self>(TASK_KINDS)?.kinds.push(kind()),
            None => attempt.insert_at(TASK_KINDS, Self { kinds: vec![kind()] })?,
        }
        Ok(())
    }
}

/// Brings the list of kinds up to what this program makes of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpdateKinds {
    /// They are taken off the list: the next task of such a kind enters it as it is then.
    pub(crate) gone: Vec<TaskKind>,
    /// Each becomes the other.
    pub(crate) changed: Vec<(TaskKind, TaskKind)>,
}

impl UpdateKinds {
    /// Whether the list is as it should be.
    pub(crate) fn has_nothing(&self) -> bool {
        self.gone.is_empty() && self.changed.is_empty()
    }

    pub(crate) fn apply(&self, list: &mut TaskKinds) {
        list.kinds.retain(|kind| !self.gone.contains(kind));
        for (before, now) in &self.changed {
            let count = list.kinds.len();
            list.kinds.retain(|kind| kind != before);
            if list.kinds.len() < count && !list.kinds.contains(now) {
                list.kinds.push(now.clone());
            }
        }
    }
}

impl Job for UpdateKinds {
    fn kind(&self) -> &'static str {
        "update kinds of task"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<()> {
        self.apply(&mut *attempt.get_mut::<TaskKinds>(TASK_KINDS)?);
        Ok(())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(self.clone()))
    }
}

impl AnswerKind {
    /// As this program writes them.
    fn of(answer: &TypeDescriptor) -> Self {
        Self {
            type_name: answer.name.to_owned(),
            version: answer.version,
            layout: (answer.layout)(answer.version),
        }
    }
}

impl TaskKind {
    /// That this program can read and run such tasks.
    ///
    /// # Errors
    /// It cannot: the cause.
    pub(crate) fn check(&self) -> Result<(), RecordError> {
        match &self.layout {
            Some(layout) => TypeDescriptor::check_layout(&self.type_name, self.version, layout)?,
            None => TypeDescriptor::check(&self.type_name, self.version)?,
        }
        match TaskRegistration::find(&self.type_name) {
            Some(_) => Ok(()),
            None => Err(RecordError::UnknownType { name: self.type_name.clone() }),
        }
    }

    /// The same, of which none has been answered before this program does it.
    pub(crate) fn to_be_answered(&self) -> Self {
        let known = TaskRegistration::find(&self.type_name).and_then(TaskRegistration::answer);
        Self { answer: known.map(AnswerKind::of), ..self.clone() }
    }

    /// That this program can read the answers that such tasks have.
    ///
    /// # Errors
    /// It cannot: the cause.
    pub(crate) fn check_answer(&self) -> Result<(), RecordError> {
        let Some(stored) = &self.answer else { return Ok(()) };
        let known = TaskRegistration::find(&self.type_name).and_then(TaskRegistration::answer);
        // Bytes alone do not tell that they are of another type.
        if known.is_none_or(|known| known.name != stored.type_name) {
            return Err(RecordError::UnknownType { name: stored.type_name.clone() });
        }
        match &stored.layout {
            Some(layout) => TypeDescriptor::check_layout(&stored.type_name, stored.version, layout),
            None => TypeDescriptor::check(&stored.type_name, stored.version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As programs before walks wrote it.
    #[managed(name = "before.Task", version = 2)]
    struct Before {
        due: Timestamp,
        by_wall: bool,
        every: Option<Every>,
        type_name: String,
        version: u32,
        payload: Vec<u8>,
        stage: StageBefore,
        trouble: Option<Box<Trouble>>,
    }

    #[managed(name = "before.TaskStage")]
    enum StageBefore {
        Whole,
        Call { key: [u64; 2] },
        Answered { version: u32, payload: Vec<u8> },
        Sweeping { next: u64, until: u64 },
    }

    fn read(stage: StageBefore) -> TaskRecord {
        let cause = "it is late".to_owned();
        let before = Before {
            due: Timestamp { unix_ms: 7 },
            by_wall: true,
            every: None,
            type_name: "Regrow".to_owned(),
            version: 3,
            payload: vec![1, 2],
            stage,
            trouble: Some(Box::new(Trouble { tries: 2, again: None, cause, backtrace: None })),
        };
        let bytes = Managed::encode(&before).expect("bytes");
        TaskRecord::decode(2, &bytes).expect("a task")
    }

    #[test]
    fn a_task_that_was_stored_before_there_were_walks_is_read_as_what_it_was() {
        let renamed = Before::layout(2).expect("its own").replace("before.", "daystar.");
        assert_eq!(TaskRecord::layout(2), Some(renamed));
        let whole = read(StageBefore::Whole);
        assert!(matches!(whole.stage, Stage::Whole));
        assert_eq!((whole.due.unix_ms, whole.by_wall, whole.version), (7, true, 3));
        assert_eq!((&*whole.type_name, &*whole.payload), ("Regrow", &[1, 2][..]));
        assert!(whole.trouble.is_some_and(|trouble| trouble.tries == 2));
        let key = [4, 5];
        assert!(matches!(read(StageBefore::Call { key }).stage, Stage::Call { key: [4, 5] }));
        let answered = StageBefore::Answered { version: 6, payload: vec![7] };
        assert!(matches!(
            read(answered).stage,
            Stage::Answered { version: 6, payload } if payload == [7]
        ));
        let sweeping = read(StageBefore::Sweeping { next: 8, until: 9 });
        assert!(matches!(sweeping.stage, Stage::Sweeping { next: 8, until: 9 }));
    }
}
