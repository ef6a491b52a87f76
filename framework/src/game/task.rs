//! Tasks that run later: values that are stored like objects and run once.

use std::sync::Arc;

use daystar_engine::Error;
use daystar_macros::{Memory, managed};
use daystar_model::layout::{Layout, Parts};
use daystar_model::managed::Object;
use daystar_model::show::{Show, Value};
use daystar_model::{Managed, ObjectId, RecordError, Timestamp, TypeDescriptor};

use crate::game::ctx::Ctx;
use crate::game::rules::Result;

/// Work to be done later, as one task of its own.
///
/// A value with `#[task]` on its type, handed to [`Ctx::spawn`] or [`Ctx::schedule`]. It is stored with the
/// commit that asked for it, survives restarts, and takes effect exactly once.
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
    /// Does the work.
    ///
    /// # Errors
    /// Rolls the task back. It is then set aside with its cause, where an operator sees it.
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

impl Layout for TaskHandle {
    fn describe(_: &mut Parts) -> String {
        "TaskHandle".to_owned()
    }
}

impl Show for TaskHandle {
    const IS_TEXT: bool = true;

    fn show(&self) -> Value {
        Value::String(self.id().to_string())
    }
}

/// A task that waits for its time, or was set aside.
#[managed(name = "daystar.Task")]
pub(crate) struct TaskRecord {
    pub(crate) due: Timestamp,
    pub(crate) type_name: String,
    pub(crate) version: u32,
    pub(crate) payload: Vec<u8>,
    /// Why it failed, if it did: then it runs no more.
    pub(crate) set_aside: Option<String>,
}

impl TaskRecord {
    pub(crate) fn of<T: Task>(task: &T, due: Timestamp) -> Result<Self> {
        Ok(Self {
            due,
            type_name: T::TYPE_NAME.to_owned(),
            version: T::VERSION,
            payload: Managed::encode(task)?,
            set_aside: None,
        })
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

    /// Runs the stored task.
    pub(crate) fn run(&self, ctx: &Ctx) -> Result<()> {
        let known = TaskRegistration::find(&self.type_name)
            .ok_or_else(|| RecordError::UnknownType { name: self.type_name.clone() })?;
        (known.run)(self.version, &self.payload, ctx)
    }
}

/// How `#[task]` makes a type known, so that a stored task can be run.
#[doc(hidden)]
pub struct TaskRegistration {
    name: &'static str,
    run: fn(u32, &[u8], &Ctx) -> Result<(), Error>,
}

impl TaskRegistration {
    /// The registration of `T`.
    pub const fn of<T: Task>() -> Self {
        Self {
            name: T::TYPE_NAME,
            run: |version, payload, ctx| T::decode(version, payload)?.run(ctx),
        }
    }

    fn find(name: &str) -> Option<&'static Self> {
        inventory::iter::<Self>.into_iter().find(|known| known.name == name)
    }
}

inventory::collect!(TaskRegistration);
