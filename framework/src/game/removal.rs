//! [`OnRemove`]: what goes with an object when it is removed.

use std::any::TypeId;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::LazyLock;

use daystar_model::Managed;
use daystar_model::managed::Object;

use crate::game::ctx::Ctx;
use crate::game::rules::Result;

/// What goes with an object: implement it for a type with `#[managed]`, and [`Ctx::remove`] does it in the same task, so
/// all of it goes or nothing.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Player { pub pack: Vec<Ref<Item>>, pub seen: Set<(i32, i32)> }
///
/// #[managed]
/// pub struct Item { pub weight: u32 }
///
/// impl OnRemove for Player {
///     fn on_remove(&self, ctx: &Ctx) -> Result<()> {
///         for item in &self.pack {
///             ctx.remove(*item)?;
///         }
///         self.seen.destroy(ctx)
///     }
/// }
///
/// fn retire(ctx: &Ctx, player: Ref<Player>) -> Result<()> {
///     ctx.remove(player)
/// }
/// ```
pub trait OnRemove: Managed {
    /// Removes what goes with the object, which is gone already; `self` is what it was.
    ///
    /// # Errors
    /// Makes the removal fail with it. Pass it on: what has gone by then comes back only with the whole task.
    fn on_remove(&self, ctx: &Ctx) -> Result<()>;
}

/// [`OnRemove::on_remove`], with the type forgotten.
type Hook = fn(&dyn Object, &Ctx) -> Result<()>;

/// Whether the managed type `T` is an [`OnRemove`], as its generated code sees it.
///
/// What `Hooked::<T>` names is found here, on the type itself, if `T` is an `OnRemove`. If not, the compiler looks on among the
/// traits and finds [`NotHooked`].
#[doc(hidden)]
pub struct Hooked<T>(PhantomData<T>);

impl<T: OnRemove> Hooked<T> {
    /// What goes with a `T`.
    pub const REGISTRATION: RemovalRegistration = RemovalRegistration {
        type_id: TypeId::of::<T>,
        hook: Some(|object, ctx| match object.as_any().downcast_ref::<T>() {
            Some(value) => value.on_remove(ctx),
            None => Ok(()),
        }),
    };
}

/// A type with which nothing goes.
#[doc(hidden)]
pub trait NotHooked {
    /// The type.
    type Type: 'static;

    /// Nothing.
    const REGISTRATION: RemovalRegistration =
        RemovalRegistration { type_id: TypeId::of::<Self::Type>, hook: None };
}

impl<T: 'static> NotHooked for Hooked<T> {
    type Type = T;
}

/// How `#[managed]` makes known what goes with a type.
#[doc(hidden)]
pub struct RemovalRegistration {
    type_id: fn() -> TypeId,
    hook: Option<Hook>,
}

inventory::collect!(RemovalRegistration);

/// What goes with a `T`, if anything does.
pub(crate) fn hook_of<T: Managed>() -> Option<Hook> {
    static HOOKS: LazyLock<HashMap<TypeId, Hook>> = LazyLock::new(|| {
        let all = inventory::iter::<RemovalRegistration>.into_iter();
        all.filter_map(|known| Some(((known.type_id)(), known.hook?))).collect()
    });
    HOOKS.get(&TypeId::of::<T>()).copied()
}

/// Why an object was not removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "removing a {type_name} removes something that removes something, and so on, more than {DEPTH_MAX} deep: remove a \
     part of the chain first, or let a list hold what goes together"
)]
pub struct RemovalTooDeep {
    /// The type of the last object in the chain.
    pub(crate) type_name: &'static str,
}

/// How many removals may lie within one another. Each takes a piece of the thread's stack.
pub(crate) const DEPTH_MAX: u32 = 64;
