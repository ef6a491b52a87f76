//! [`Set`]: values that are there or not, in parts that are objects of their own.

use std::hash::Hash;
use std::marker::PhantomData;

use daystar_model::ObjectId;

use crate::game::collections::forms::{Collection, refer_key};
use crate::game::collections::handle::handle;
use crate::game::collections::item::{Item, decode};
use crate::game::collections::map::{ByHash, everything, plain, stored};
use crate::game::collections::range::Range;
use crate::game::collections::tree::{Tree, create, each_in};
use crate::game::collections::walkable::{Walkable, by_its_tree};
use crate::game::ctx::Ctx;
use crate::game::rules::Result;
use crate::game::world::World;

/// A set whose parts are objects of their own, so that tasks which use different values are not in each other's way.
///
/// What is said of a [`Map`](crate::Map) holds here too.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Explorer { pub seen: Set<(i32, i32)> }
///
/// fn enter(ctx: &Ctx, explorer: Ref<Explorer>, x: i32, y: i32) -> Result<bool> {
///     let seen = ctx.get(explorer)?.seen;
///     let is_new = seen.insert(ctx, (x, y))?;
///     Ok(is_new)
/// }
/// ```
#[derive(rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub struct Set<T> {
    raw: u64,
    of: PhantomData<fn() -> T>,
}

handle!(Set<T: key>, raw, "Set", |key, _, found| refer_key::<T>(plain(key), found));

impl<T: Item> Collection for Set<T> {
    type Key = T;
    type Value = ();
}

impl<T: Item + Eq + Hash> Set<T> {
    /// Makes a set with nothing in it.
    ///
    /// # Errors
    /// The task has touched as many objects as it may.
    pub fn new(ctx: &Ctx) -> Result<Self> {
        Ok(Self { raw: create::<Self>(ctx)?.to_raw(), of: PhantomData })
    }

    fn open<'c, 'a, 'e>(&self, ctx: &'c Ctx<'a, 'e>) -> Result<Tree<'c, 'a, 'e, ByHash>> {
        Tree::open::<Self>(ctx, ObjectId::from_raw(self.raw))
    }

    /// Whether `value` is in the set.
    ///
    /// # Errors
    /// The set was removed, or was made for another type.
    pub fn contains(&self, ctx: &Ctx, value: &T) -> Result<bool> {
        Ok(self.open(ctx)?.get(&stored(value)?, |_| Ok(()))?.is_some())
    }

    /// Puts `value` in; `false` if it was in already.
    ///
    /// # Errors
    /// As [`contains`](Self::contains); [`CollectionError::TooLarge`](crate::CollectionError::TooLarge).
    pub fn insert(&self, ctx: &Ctx, value: T) -> Result<bool> {
        let key = stored(&value)?;
        Ok(self.open(ctx)?.insert(&key, &key, &[], |_| Ok(()))?.is_none())
    }

    /// Takes `value` out; `false` if it was not in.
    ///
    /// # Errors
    /// As [`contains`](Self::contains).
    pub fn remove(&self, ctx: &Ctx, value: &T) -> Result<bool> {
        Ok(self.open(ctx)?.remove(&stored(value)?, |_| Ok(()))?.is_some())
    }

    /// How many values there are.
    ///
    /// # Errors
    /// As [`contains`](Self::contains).
    pub fn len(&self, ctx: &Ctx) -> Result<u64> {
        self.open(ctx)?.len()
    }

    /// Whether there are no values. Conflicts with less than [`len`](Self::len) does.
    ///
    /// # Errors
    /// As [`contains`](Self::contains).
    pub fn is_empty(&self, ctx: &Ctx) -> Result<bool> {
        self.open(ctx)?.is_empty()
    }

    /// All values: see [`Map::iter`](crate::Map::iter).
    ///
    /// # Errors
    /// As [`contains`](Self::contains).
    pub fn iter<'c, 'a, 'e>(
        &self,
        ctx: &'c Ctx<'a, 'e>,
    ) -> Result<impl Iterator<Item = Result<T>> + use<'c, 'a, 'e, T>> {
        Ok(Range::new(self.open(ctx)?, everything(), |key, _| decode(plain(key))))
    }

    /// Calls `visit` with every value, in a world that is being verified.
    ///
    /// # Errors
    /// What `visit` returns; as [`contains`](Self::contains); a part that is not there or damaged.
    pub fn each_in(&self, world: &World, mut visit: impl FnMut(T) -> Result<()>) -> Result<()> {
        each_in::<Self>(world.store(), ObjectId::from_raw(self.raw), &mut |key, _| {
            visit(decode(plain(key))?)
        })
    }

    /// Removes all values.
    ///
    /// # Errors
    /// As [`contains`](Self::contains); [`CollectionError::TooMany`](crate::CollectionError::TooMany), if there are
    /// more than one task should remove.
    pub fn clear(&self, ctx: &Ctx) -> Result<()> {
        self.open(ctx)?.clear()
    }

    /// Removes `most` values, whichever they are, or as many as there are. How many those were: see
    /// [`Map::clear_some`](crate::Map::clear_some).
    ///
    /// # Errors
    /// As [`contains`](Self::contains).
    pub fn clear_some(&self, ctx: &Ctx, most: usize) -> Result<usize> {
        self.open(ctx)?.remove_first(most)
    }

    /// Removes the set and all values. Using it is an error from then on.
    ///
    /// # Errors
    /// As [`clear`](Self::clear).
    pub fn destroy(self, ctx: &Ctx) -> Result<()> {
        self.open(ctx)?.destroy()
    }
}

impl<T: Item + Eq + Hash> Walkable for Set<T> {
    type Entry = T;

    by_its_tree!();
    fn entry(&self, ctx: &Ctx, key: &[u8]) -> Result<Option<T>> {
        let found = self.open(ctx)?.get(key, |_| Ok(()))?;
        found.map(|()| decode(plain(key))).transpose()
    }
}
