//! [`Map`]: values found by their keys, in parts that are objects of their own.

use std::cmp::Ordering;
use std::hash::Hash;
use std::marker::PhantomData;
use std::ops::Bound;

use daystar_model::ObjectId;
use xxhash_rust::xxh3::xxh3_64;

use crate::game::collections::entries::Entries;
use crate::game::collections::forms::{Collection, Stored, refer_key, refer_value};
use crate::game::collections::handle::handle;
use crate::game::collections::item::{Item, decode, encode, encode_behind};
use crate::game::collections::range::{Bounds, Range};
use crate::game::collections::tree::{Order, Tree, create, each_in};
use crate::game::collections::walkable::{Walkable, by_its_tree};
use crate::game::ctx::Ctx;
use crate::game::rules::Result;
use crate::game::world::World;

/// A map whose parts are objects of their own, so that tasks which use different keys are not in each other's way.
///
/// This is the handle, a small `Copy` value to be kept in an object. The entries are elsewhere: a task loads and changes
/// only those parts that it needs, so a map may be larger than memory.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Player { pub gold: u64 }
///
/// #[managed]
/// pub struct Guild { pub members: Map<String, Ref<Player>> }
///
/// fn found(ctx: &Ctx) -> Result<Ref<Guild>> {
///     ctx.insert(Guild { members: Map::new(ctx)? })
/// }
///
/// fn join(ctx: &Ctx, guild: Ref<Guild>, name: String, player: Ref<Player>) -> Result<()> {
///     let members = ctx.get(guild)?.members;
///     ensure!(!members.contains(ctx, &name)?, "{name} is a member already");
///     ensure!(members.len(ctx)? < 500, "the guild is full");
///     members.insert(ctx, name, player)?;
///     Ok(())
/// }
///
/// fn tax(ctx: &Ctx, guild: Ref<Guild>) -> Result<u64> {
///     let mut gold = 0;
///     for entry in ctx.get(guild)?.members.iter(ctx)? {
///         let (_name, player) = entry?;
///         gold += ctx.get(player)?.gold / 10;
///     }
///     Ok(gold)
/// }
/// ```
///
/// Nothing that a task learns from a map can become wrong before the task commits: that a key is not there, how many
/// entries there are, or which, is checked like the values themselves. A task that asks for [`len`](Self::len) therefore
/// conflicts with those that insert and remove; they do not conflict with each other over it.
///
/// Two keys are the same if they are stored as the same bytes. For what can be a key that is what `==` says, unless a
/// type says otherwise by an `Eq` of its own.
#[derive(rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub struct Map<K, V> {
    raw: u64,
    of: PhantomData<fn() -> (K, V)>,
}

// Each is collected, whether the other can be read or not.
handle!(Map<K: key, V: value>, raw, "Map", |key, value, found| {
    refer_key::<K>(plain(key), found) & refer_value::<V>(value, found)
});

impl<K: Item, V: Item> Collection for Map<K, V> {
    type Key = K;
    type Value = V;
}

impl<K: Item + Eq + Hash, V: Item> Map<K, V> {
    /// Makes a map with nothing in it.
    ///
    /// # Errors
    /// The task has touched as many objects as it may.
    pub fn new(ctx: &Ctx) -> Result<Self> {
        Ok(Self { raw: create::<Self>(ctx)?.to_raw(), of: PhantomData })
    }

    fn open<'c, 'a, 'e>(&self, ctx: &'c Ctx<'a, 'e>) -> Result<Tree<'c, 'a, 'e, ByHash>> {
        Tree::open::<Self>(ctx, ObjectId::from_raw(self.raw))
    }

    /// The value of `key`, if it has one.
    ///
    /// # Errors
    /// The map was removed, or was made for other types.
    pub fn get(&self, ctx: &Ctx, key: &K) -> Result<Option<V>> {
        self.open(ctx)?.get(&stored(key)?, |value| value.read())
    }

    /// Whether `key` has a value.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn contains(&self, ctx: &Ctx, key: &K) -> Result<bool> {
        Ok(self.open(ctx)?.get(&stored(key)?, |_| Ok(()))?.is_some())
    }

    /// Gives `key` a value. The one that it had, if it had one.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`CollectionError::TooLarge`](crate::CollectionError::TooLarge).
    pub fn insert(&self, ctx: &Ctx, key: K, value: V) -> Result<Option<V>> {
        let key = stored(&key)?;
        self.open(ctx)?.insert(&key, &key, &encode(&value)?, |value| value.read())
    }

    /// Takes out `key`. The value that it had, if it had one.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn remove(&self, ctx: &Ctx, key: &K) -> Result<Option<V>> {
        self.open(ctx)?.remove(&stored(key)?, |value| value.read())
    }

    /// How many entries there are. Of a large map this looks at no entries, but at a few numbers that are kept beside.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn len(&self, ctx: &Ctx) -> Result<u64> {
        self.open(ctx)?.len()
    }

    /// Whether there are no entries. Conflicts with less than [`len`](Self::len) does.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn is_empty(&self, ctx: &Ctx) -> Result<bool> {
        self.open(ctx)?.is_empty()
    }

    /// All entries, in an order that means nothing but is always the same. They are read as the walk goes on, some
    /// dozens at a time. It is possible to change the map meanwhile; what is changed may then be met or not.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn iter<'c, 'a, 'e>(
        &self,
        ctx: &'c Ctx<'a, 'e>,
    ) -> Result<impl Iterator<Item = Result<(K, V)>> + use<'c, 'a, 'e, K, V>> {
        let read = |key: &[u8], value: Stored<'_>| Ok((decode(plain(key))?, value.read()?));
        Ok(Range::new(self.open(ctx)?, everything(), read))
    }

    /// Calls `visit` with every entry, in a world that is being verified.
    ///
    /// # Errors
    /// What `visit` returns; as [`get`](Self::get); a part that is not there or damaged.
    pub fn each_in(&self, world: &World, mut visit: impl FnMut(K, V) -> Result<()>) -> Result<()> {
        each_in::<Self>(world.store(), ObjectId::from_raw(self.raw), &mut |key, value| {
            visit(decode(plain(key))?, value.read()?)
        })
    }

    /// Removes all entries.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`CollectionError::TooMany`](crate::CollectionError::TooMany), if there are more than one task should remove.
    pub fn clear(&self, ctx: &Ctx) -> Result<()> {
        self.open(ctx)?.clear()
    }

    /// Removes `most` entries, whichever they are, or as many as there are. How many those were: with less than `most`,
    /// the map is empty. So a large map is cleared by several tasks, each of which spawns the next.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn clear_some(&self, ctx: &Ctx, most: usize) -> Result<usize> {
        self.open(ctx)?.remove_first(most)
    }

    /// Removes the map and all entries. Using it is an error from then on. What values refer to stays.
    ///
    /// # Errors
    /// As [`clear`](Self::clear).
    pub fn destroy(self, ctx: &Ctx) -> Result<()> {
        self.open(ctx)?.destroy()
    }
}

impl<K: Item + Eq + Hash, V: Item> Walkable for Map<K, V> {
    type Entry = (K, V);

    by_its_tree!();
    fn entry(&self, ctx: &Ctx, key: &[u8]) -> Result<Option<(K, V)>> {
        let value = self.open(ctx)?.get(key, |value| value.read())?;
        value.map(|value| Ok((decode(plain(key))?, value))).transpose()
    }
}

/// In the order of the keys' hashes, so that keys which are alike do not meet. What is stored is the hash, and the key
/// behind it; they are compared as bytes.
pub(super) struct ByHash;

impl Order for ByHash {
    type Key = [u8];
    type Owned = Vec<u8>;

    fn read(stored: &[u8]) -> Result<Vec<u8>> {
        Ok(stored.to_vec())
    }

    #[inline]
    fn compare(stored: &[u8], key: &[u8]) -> Result<Ordering> {
        Ok(hash_of(stored).cmp(&hash_of(key)).then_with(|| stored.cmp(key)))
    }

    /// Hashes are spread evenly.
    #[inline]
    fn guess(entries: &Entries, from: usize, key: &[u8]) -> Option<usize> {
        let last = entries.len().checked_sub(1).filter(|last| from < *last)?;
        let (low, high) = (hash_of(entries.key(from)), hash_of(entries.key(last)));
        // The upper halves will do, and a product of them fits.
        let above = hash_of(key).saturating_sub(low) >> 32;
        let place = (above * (last - from) as u64).checked_div(high.saturating_sub(low) >> 32)?;
        Some(from + place as usize)
    }

    fn between<'k>(below: &[u8], above: &'k [u8]) -> &'k [u8] {
        match above.split_at_checked(HASH_BYTES) {
            Some((hash, _)) if hash_of(below) != hash_of(above) => hash,
            _ => above,
        }
    }
}

/// A number that is in the order of the bytes, as far as it goes.
#[inline]
fn hash_of(stored: &[u8]) -> u64 {
    stored.first_chunk().map_or(0, |hash| u64::from_be_bytes(*hash))
}

const HASH_BYTES: usize = 8;

/// `key` as it is stored.
pub(super) fn stored<K: Item>(key: &K) -> Result<Vec<u8>> {
    let mut stored = encode_behind(&[0; HASH_BYTES], key)?;
    let (hash, key) = stored.split_at_mut(HASH_BYTES);
    hash.copy_from_slice(&xxh3_64(key).to_be_bytes());
    Ok(stored)
}

/// What is behind the hash.
pub(super) fn plain(stored: &[u8]) -> &[u8] {
    stored.get(HASH_BYTES..).unwrap_or_default()
}

pub(super) fn everything<T>() -> Bounds<T> {
    (Bound::Unbounded, Bound::Unbounded)
}
