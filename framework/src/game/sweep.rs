//! Work on all objects of a type, a few at a time: [`Sweep`].

use daystar_engine::Fault;
use daystar_model::{Managed, ObjectId, Ref};

use crate::game::ctx::Ctx;
use crate::game::plan::Retry;
use crate::game::rules::Result;
use crate::game::task::Stored;

/// Work on every object of a type, in slices that are tasks of their own, for [`Ctx::sweep`]. So a million objects are visited
/// without holding anybody up, and a restart goes on where the last slice ended.
///
/// Each object that there was when the sweep was asked for, and that is there when its turn comes, is visited exactly once; of
/// those made meanwhile some may be, and none twice.
///
/// An object that cannot be read is not passed over: the slice that comes to it fails, with its id, as if the work on it had failed.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Chest { pub gold: u64 }
///
/// #[sweep]
/// pub struct Tax { pub percent: u64 }
///
/// impl Sweep for Tax {
///     type Object = Chest;
///
///     fn visit(&self, ctx: &Ctx, chest: Ref<Chest>) -> Result<()> {
///         let mut chest = ctx.get_mut(chest)?;
///         chest.gold -= chest.gold * self.percent / 100;
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a sweep",
    label = "not a sweep",
    note = "put `#[sweep]` above the definition of `{Self}`, and write `impl Sweep for {Self}`"
)]
pub trait Sweep: Managed {
    /// Whose objects are visited.
    type Object: Managed;

    /// How often a slice is tried when it fails, before the sweep is set aside.
    const RETRY: Retry = Retry::DEFAULT;

    /// Does the work on one object, in one task with some others.
    ///
    /// # Errors
    /// Rolls back the slice, which is tried again, as [`Task::run`](crate::Task::run) is.
    fn visit(&self, ctx: &Ctx, object: Ref<Self::Object>) -> Result<()>;

    /// All have been visited. Runs in the last slice's task.
    ///
    /// # Errors
    /// As [`visit`](Self::visit).
    fn done(&self, ctx: &Ctx) -> Result<()> {
        let _ = ctx;
        Ok(())
    }
}

/// No slice of a sweep or a walk visits more. So it is soon done, and seldom in anybody's way.
pub(crate) const VISITS_MAX: usize = 128;

/// Visits those of `objects` that are still there.
pub(crate) fn visit<T: Sweep>(sweep: Stored<'_>, objects: &[ObjectId], ctx: &Ctx) -> Result<()> {
    let sweep = sweep.value::<T>()?;
    for &id in objects {
        // Its guard has ended when the game changes the object.
        let is_there = match ctx.attempt().find::<T::Object>(id) {
            Ok(found) => found.is_some(),
            Err(Fault::WrongType { .. }) => false,
            Err(fault) => return Err(fault.into()),
        };
        if is_there {
            sweep.visit(ctx, Ref::from_id(id))?;
        }
    }
    Ok(())
}

/// Tells the sweep that it is at its end.
pub(crate) fn done<T: Sweep>(sweep: Stored<'_>, ctx: &Ctx) -> Result<()> {
    sweep.value::<T>()?.done(ctx)
}
