//! Tasks that run later: values that are stored like objects and run once.

use std::time::Duration;

use daystar_macros::Memory;
use daystar_model::{Managed, ObjectId, RecordError, TypeDescriptor};

use crate::game::by_id::by_id;
use crate::game::ctx::Ctx;
use crate::game::external::{Answer, CallFuture, CallKey, External};
use crate::game::plan::Retry;
use crate::game::rules::Result;
use crate::game::survey::Survey;
use crate::game::sweep::Sweep;
use crate::game::task_record::Walking;
use crate::game::walk::Walk;
use crate::game::world::World;

/// Work to be done later, as one task of its own.
///
/// A value with `#[task]` on its type, handed to [`Ctx::spawn`], [`Ctx::schedule`], [`Ctx::every`] or [`Ctx::plan`]. It is
/// stored with the commit that asked for it, survives restarts, and takes effect exactly once.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Tree { pub wood: u32 }
///
/// #[task]
/// pub struct Regrow { pub tree: Ref<Tree> }
///
/// impl Task for Regrow {
///     fn run(&self, ctx: &Ctx) -> Result<()> {
///         ctx.get_mut(self.tree)?.wood = 5;
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    label = "not a task",
    note = "put `#[task]` above the definition of `{Self}`, and write `impl Task for {Self}`"
)]
pub trait Task: Managed {
    /// How often it is tried when it fails, before it is set aside.
    const RETRY: Retry = Retry::DEFAULT;

    /// How much of the workers' time tasks of this kind get when there is not enough for all, compared with other kinds and
    /// with sessions, which have 1.
    const WEIGHT: u32 = 1;

    /// Does the work.
    ///
    /// # Errors
    /// Rolls the task back, as a panic does. It is tried again as [`RETRY`](Self::RETRY) says, then set aside with its cause,
    /// where an operator sees it: `inspect tasks`, `retry` and `discard` on the command line.
    fn run(&self, ctx: &Ctx) -> Result<()>;
}

/// A scheduled task, to be cancelled with [`Ctx::cancel`].
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    Memory,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
)]
#[rkyv(derive(PartialEq, Eq, Hash))]
pub struct TaskHandle {
    raw: u64,
}

impl TaskHandle {
    pub(crate) fn new(id: ObjectId) -> Self {
        Self { raw: id.to_raw() }
    }

    pub(crate) fn id(self) -> ObjectId {
        ObjectId::from_raw(self.raw)
    }
}

by_id!(TaskHandle);

/// How `#[task]`, `#[external]`, `#[survey]`, `#[sweep]` and `#[walk]` make a type known, so that a stored task can be run.
#[doc(hidden)]
pub struct TaskRegistration {
    pub(crate) name: &'static str,
    pub(crate) retry: Retry,
    pub(crate) weight: u32,
    pub(crate) work: Work,
}

/// What there is to do.
pub(crate) enum Work {
    /// [`Task::run`].
    Task(Run),
    /// [`External::call`], whose outcome is stored, and [`External::done`], which is given it.
    External { call: Call, done: Done, answer: TypeOf, timeout: Duration },
    /// [`Survey::look`], of which what it finds is stored, and [`Survey::done`], which is given it.
    Survey { look: Look, done: Done, answer: TypeOf },
    /// [`Sweep::visit`] of some objects of the type `object`, and [`Sweep::done`].
    Sweep { object: &'static str, visit: Visit, done: Run },
    /// [`Walk::visit`] of some entries of a collection, and [`Walk::done`].
    Walk(WalkOn),
}

/// A value as it is stored: its type's version, and its bytes.
#[derive(Clone, Copy)]
pub(crate) struct Stored<'a> {
    pub(crate) version: u32,
    pub(crate) payload: &'a [u8],
}

/// What is done with a stored task. The second of [`Done`] is the answer.
type Run = fn(Stored<'_>, &Ctx) -> Result<()>;
type Done = fn(Stored<'_>, Stored<'_>, &Ctx) -> Result<()>;
type TypeOf = fn() -> &'static TypeDescriptor;
type Visit = fn(Stored<'_>, &[ObjectId], &Ctx) -> Result<()>;
/// The second is where the walk stands; the third is told before the visits where it stands then, unless it is at its end.
pub(crate) type WalkOn =
    fn(Stored<'_>, &Walking, &dyn Fn(Option<Walking>) -> Result<()>, &Ctx) -> Result<()>;
pub(crate) type Call = fn(Stored<'_>, CallKey) -> Result<CallFuture>;
pub(crate) type Look = fn(Stored<'_>, &World<'_>) -> Result<Answer>;

impl Stored<'_> {
    /// The value.
    pub(crate) fn value<T: Managed>(self) -> Result<T, RecordError> {
        T::decode(self.version, self.payload)
    }
}

impl TaskRegistration {
    /// The registration of `T`.
    pub const fn of<T: Task>() -> Self {
        Self {
            name: T::TYPE_NAME,
            retry: T::RETRY,
            weight: T::WEIGHT,
            work: Work::Task(|task, ctx| task.value::<T>()?.run(ctx)),
        }
    }

    /// The registration of `T`, which calls the outside world.
    pub const fn of_external<T: External>() -> Self {
        Self {
            name: T::TYPE_NAME,
            retry: T::RETRY,
            weight: 1,
            work: Work::External {
                call: crate::game::external::call::<T>,
                done: crate::game::external::done::<T>,
                answer: <T::Output as Managed>::descriptor,
                timeout: T::TIMEOUT,
            },
        }
    }

    /// The registration of `T`, which looks at the whole world.
    pub const fn of_survey<T: Survey>() -> Self {
        Self {
            name: T::TYPE_NAME,
            retry: T::RETRY,
            weight: 1,
            work: Work::Survey {
                look: crate::game::survey::look::<T>,
                done: crate::game::survey::done::<T>,
                answer: <T::Found as Managed>::descriptor,
            },
        }
    }

    /// The registration of `T`, which visits all objects of a type.
    pub const fn of_sweep<T: Sweep>() -> Self {
        Self {
            name: T::TYPE_NAME,
            retry: T::RETRY,
            weight: 1,
            work: Work::Sweep {
                object: <T::Object as Managed>::TYPE_NAME,
                visit: crate::game::sweep::visit::<T>,
                done: crate::game::sweep::done::<T>,
            },
        }
    }

    /// The registration of `T`, which visits all entries of a collection.
    pub const fn of_walk<T: Walk>() -> Self {
        Self {
            name: T::TYPE_NAME,
            retry: T::RETRY,
            weight: 1,
            work: Work::Walk(crate::game::walk::visit::<T>),
        }
    }

    /// The type of what is stored between its two steps, if it has two.
    pub(crate) fn answer(&self) -> Option<&'static TypeDescriptor> {
        match self.work {
            Work::External { answer, .. } | Work::Survey { answer, .. } => Some(answer()),
            Work::Task(_) | Work::Sweep { .. } | Work::Walk(_) => None,
        }
    }

    /// The kind of task that is stored under `name`.
    pub(crate) fn find(name: &str) -> Option<&'static Self> {
        Self::all().find(|known| known.name == name)
    }

    /// All kinds of task of the program.
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        inventory::iter::<Self>.into_iter()
    }
}

inventory::collect!(TaskRegistration);
