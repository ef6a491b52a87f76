//! [`AnyRef`]: a reference to an object of whichever type.

use daystar_engine::Fault;
use daystar_macros::Memory;
use daystar_model::{Managed, ObjectId, Ref};

use crate::game::by_id::by_id;
use crate::game::ctx::Ctx;
use crate::game::rules::Result;

/// A reference to an object that may be of several types: what somebody holds, looks at, or is to be told about.
///
/// Made from any `Ref`, and used after [`Ctx::downcast`] has found out what it refers to. Where all the types are known,
/// an enum of references says more: `enum Target { Player(Ref<Player>), Door(Ref<Door>) }`.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Player { pub target: Option<AnyRef> }
///
/// #[managed]
/// pub struct Door { pub is_open: bool }
///
/// fn aim_at(ctx: &Ctx, player: Ref<Player>, door: Ref<Door>) -> Result<()> {
///     ctx.get_mut(player)?.target = Some(door.into());
///     Ok(())
/// }
///
/// fn use_target(ctx: &Ctx, player: Ref<Player>) -> Result<()> {
///     let target = ctx.get(player)?.target;
///     if let Some(target) = target
///         && let Some(door) = ctx.downcast::<Door>(target)?
///     {
///         ctx.get_mut(door)?.is_open = true;
///     }
///     Ok(())
/// }
/// ```
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    Memory,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
)]
#[rkyv(derive(PartialEq, Eq, PartialOrd, Ord, Hash))]
pub struct AnyRef {
    raw: u64,
}

impl<T> From<Ref<T>> for AnyRef {
    fn from(object: Ref<T>) -> Self {
        Self { raw: object.id().to_raw() }
    }
}

impl std::fmt::Debug for AnyRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(&ObjectId::from_raw(self.raw), f)
    }
}

by_id!(AnyRef);

impl Ctx<'_, '_> {
    /// The reference as one to a `T`, if that is what it refers to. This looks at the object.
    ///
    /// # Errors
    /// The object was removed, or is being changed by this task right now.
    pub fn downcast<T: Managed>(&self, object: AnyRef) -> Result<Option<Ref<T>>> {
        let typed = Ref::from_id(ObjectId::from_raw(object.raw));
        match self.get::<T>(typed) {
            Ok(_) => Ok(Some(typed)),
            Err(error) if matches!(error.fault(), Some(Fault::WrongType { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
