//! Work on all entries of a collection, a few at a time: [`Walk`].

use daystar_model::{Managed, ObjectId};

use crate::bail;
use crate::game::collections::tree::Root;
use crate::game::collections::walkable::Walkable;
use crate::game::ctx::Ctx;
use crate::game::plan::Retry;
use crate::game::rules::Result;
use crate::game::sweep::VISITS_MAX;
use crate::game::task::Stored;
use crate::game::task_record::Walking;

/// Work on every entry of a collection, in slices that are tasks of their own, for [`Ctx::walk`]. So a million entries are
/// visited without holding anybody up, and a restart goes on where the last slice ended.
///
/// Each entry that there was when the walk was asked for, and that is there when its turn comes, is visited exactly once, as it is
/// then; of those put in meanwhile some may be, and none twice. The collection may be changed meanwhile by anybody, also by the
/// visit itself. An entry that is put in again under another key is another entry. A collection that is removed has no entries
/// any more: the walk is at its end.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Player { pub gold: u64 }
///
/// #[walk]
/// pub struct Pay { pub members: Map<String, Ref<Player>>, pub gold: u64 }
///
/// impl Walk for Pay {
///     type Collection = Map<String, Ref<Player>>;
///
///     fn collection(&self) -> Self::Collection {
///         self.members
///     }
///     fn visit(&self, ctx: &Ctx, (_name, player): (String, Ref<Player>)) -> Result<()> {
///         ctx.get_mut(player)?.gold += self.gold;
///         Ok(())
///     }
/// }
///
/// fn pay_day(ctx: &Ctx, members: Map<String, Ref<Player>>) -> Result<()> {
///     ctx.walk(Pay { members, gold: 10 }).map(drop)
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a walk",
    label = "not a walk",
    note = "put `#[walk]` above the definition of `{Self}`, and write `impl Walk for {Self}`"
)]
pub trait Walk: Managed {
    /// Whose entries are visited: a [`Map`](crate::Map), an [`OrderedMap`](crate::OrderedMap) or a [`Set`](crate::Set).
    type Collection: Walkable;

    /// How often a slice is tried when it fails, before the walk is set aside.
    const RETRY: Retry = Retry::DEFAULT;

    /// The collection: one that the walk has among its fields, always the same.
    fn collection(&self) -> Self::Collection;

    /// Does the work on one entry, in one task with some others: of a map its key and value, of a set its value.
    ///
    /// # Errors
    /// Rolls back the slice, which is tried again, as [`Task::run`](crate::Task::run) is.
    fn visit(&self, ctx: &Ctx, entry: <Self::Collection as Walkable>::Entry) -> Result<()>;

    /// All have been visited. Runs in the last slice's task.
    ///
    /// # Errors
    /// As [`visit`](Self::visit).
    fn done(&self, ctx: &Ctx) -> Result<()> {
        let _ = ctx;
        Ok(())
    }
}

/// Where a walk stands that is asked for now.
pub(crate) fn begin<T: Walk>(walk: &T, ctx: &Ctx) -> Result<Walking> {
    let collection = walk.collection();
    // What is put in behind the last entry is not visited, or a walk that puts in more might never end.
    let until = collection.last_key(ctx)?;
    Ok(Walking { collection: collection.first_part().to_raw(), after: None, until })
}

/// Visits the next entries. `go_on` is told before where the walk stands afterwards; `None`: at its end.
pub(crate) fn visit<T: Walk>(
    walk: Stored<'_>,
    stands: &Walking,
    go_on: &dyn Fn(Option<Walking>) -> Result<()>,
    ctx: &Ctx,
) -> Result<()> {
    let walk = walk.value::<T>()?;
    let collection = walk.collection();
    let id = collection.first_part();
    if id.to_raw() != stands.collection {
        // A key says nothing of where another collection's keys are.
        let begun = ObjectId::from_raw(stands.collection);
        bail!(
            "`{}` was begun over the collection {begun}, and is now one over {id}: have the program name that again, \
             or discard the task and ask for another",
            T::TYPE_NAME
        );
    }
    let keys = match &stands.until {
        Some(until) if is_there(ctx, id)? => {
            collection.keys(ctx, stands.after.as_deref(), until, VISITS_MAX)?
        }
        _ => Vec::new(),
    };
    let after = keys.last().filter(|_| keys.len() == VISITS_MAX).cloned();
    let is_over = after.is_none();
    go_on(after.map(|after| Walking { after: Some(after), ..stands.clone() }))?;
    for key in &keys {
        // A visit may remove what is yet to be visited, or the collection.
        if is_there(ctx, id)?
            && let Some(entry) = collection.entry(ctx, key)?
        {
            walk.visit(ctx, entry)?;
        }
    }
    if is_over { walk.done(ctx) } else { Ok(()) }
}

/// Whether the collection with this first part has not been removed.
fn is_there(ctx: &Ctx, id: ObjectId) -> Result<bool> {
    Ok(ctx.attempt().find::<Root>(id)?.is_some())
}
