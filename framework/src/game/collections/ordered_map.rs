//! [`OrderedMap`]: values found by their keys, in the keys' order, in parts that are objects of their own.

use std::cmp::Ordering;
use std::marker::PhantomData;
use std::ops::RangeBounds;

use daystar_model::ObjectId;

use crate::game::collections::forms::{Collection, Stored, refer_key, refer_value};
use crate::game::collections::handle::handle;
use crate::game::collections::item::{Item, decode, encode};
use crate::game::collections::range::Range;
use crate::game::collections::tree::{Order, Seek, Tree, create, each_in};
use crate::game::collections::walkable::{Walkable, by_its_tree};
use crate::game::ctx::Ctx;
use crate::game::rules::Result;
use crate::game::world::World;

/// A map in the order of its keys, whose parts are objects of their own: tasks that use keys which are not neighbours are
/// not in each other's way.
///
/// What is said of a [`Map`](crate::Map) holds here too. Beside a `Map` it has the first and the last entry, and ranges.
/// A key that is looked for is compared with some that are stored, so a `Map` is quicker; and keys that lie next to
/// one another are kept together, so tasks that all use the highest keys do meet.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Offer { pub amount: u32 }
///
/// /// Offers by price, and by number among those of the same price.
/// #[managed]
/// pub struct Market { pub offers: OrderedMap<(u64, u64), Ref<Offer>> }
///
/// fn cheapest(ctx: &Ctx, market: Ref<Market>) -> Result<Option<Ref<Offer>>> {
///     Ok(ctx.get(market)?.offers.first(ctx)?.map(|(_, offer)| offer))
/// }
///
/// fn amount_up_to(ctx: &Ctx, market: Ref<Market>, price: u64) -> Result<u32> {
///     let mut amount = 0;
///     for entry in ctx.get(market)?.offers.range(ctx, ..(price + 1, 0))? {
///         let (_, offer) = entry?;
///         amount += ctx.get(offer)?.amount;
///     }
///     Ok(amount)
/// }
/// ```
#[derive(rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub struct OrderedMap<K, V> {
    raw: u64,
    of: PhantomData<fn() -> (K, V)>,
}

// Each is collected, whether the other can be read or not.
handle!(OrderedMap<K: key, V: value>, raw, "OrderedMap", |key, value, found| {
    refer_key::<K>(key, found) & refer_value::<V>(value, found)
});

impl<K: Item, V: Item> Collection for OrderedMap<K, V> {
    type Key = K;
    type Value = V;
}

impl<K: Item + Ord + Clone, V: Item> OrderedMap<K, V> {
    /// Makes a map with nothing in it.
    ///
    /// # Errors
    /// The task has touched as many objects as it may.
    pub fn new(ctx: &Ctx) -> Result<Self> {
        Ok(Self { raw: create::<Self>(ctx)?.to_raw(), of: PhantomData })
    }

    fn open<'c, 'a, 'e>(&self, ctx: &'c Ctx<'a, 'e>) -> Result<Tree<'c, 'a, 'e, ByKey<K>>> {
        Tree::open::<Self>(ctx, ObjectId::from_raw(self.raw))
    }

    /// The value of `key`, if it has one.
    ///
    /// # Errors
    /// The map was removed, or was made for other types.
    pub fn get(&self, ctx: &Ctx, key: &K) -> Result<Option<V>> {
        self.open(ctx)?.get(key, |value| value.read())
    }

    /// Whether `key` has a value.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn contains(&self, ctx: &Ctx, key: &K) -> Result<bool> {
        Ok(self.open(ctx)?.get(key, |_| Ok(()))?.is_some())
    }

    /// Gives `key` a value. The one that it had, if it had one.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`CollectionError::TooLarge`](crate::CollectionError::TooLarge).
    pub fn insert(&self, ctx: &Ctx, key: K, value: V) -> Result<Option<V>> {
        self.open(ctx)?.insert(&key, &encode(&key)?, &encode(&value)?, |value| value.read())
    }

    /// Takes out `key`. The value that it had, if it had one.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn remove(&self, ctx: &Ctx, key: &K) -> Result<Option<V>> {
        self.open(ctx)?.remove(key, |value| value.read())
    }

    /// The entry with the lowest key.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn first(&self, ctx: &Ctx) -> Result<Option<(K, V)>> {
        self.open(ctx)?.end(&Seek::First, entry)
    }

    /// The entry with the highest key.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn last(&self, ctx: &Ctx) -> Result<Option<(K, V)>> {
        self.open(ctx)?.end(&Seek::Last, entry)
    }

    /// Takes out the entry with the lowest key.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn pop_first(&self, ctx: &Ctx) -> Result<Option<(K, V)>> {
        self.pop(ctx, &Seek::First)
    }

    /// Takes out the entry with the highest key.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn pop_last(&self, ctx: &Ctx) -> Result<Option<(K, V)>> {
        self.pop(ctx, &Seek::Last)
    }

    fn pop(&self, ctx: &Ctx, seek: &Seek<'_, K>) -> Result<Option<(K, V)>> {
        let tree = self.open(ctx)?;
        let Some((key, value)) = tree.end(seek, entry::<K, V>)? else { return Ok(None) };
        tree.remove(&key, |_| Ok(()))?;
        Ok(Some((key, value)))
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

    /// All entries in the order of their keys, or backwards with `.rev()`. They are read as the walk goes on, some
    /// dozens at a time. It is possible to change the map meanwhile; what is changed may then be met or not.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn iter<'c, 'a, 'e>(
        &self,
        ctx: &'c Ctx<'a, 'e>,
    ) -> Result<impl DoubleEndedIterator<Item = Result<(K, V)>> + use<'c, 'a, 'e, K, V>> {
        self.range(ctx, ..)
    }

    /// The entries whose keys lie in the range, in the order of their keys: see [`iter`](Self::iter). A range that ends
    /// before it begins is empty.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn range<'c, 'a, 'e, R: RangeBounds<K>>(
        &self,
        ctx: &'c Ctx<'a, 'e>,
        range: R,
    ) -> Result<impl DoubleEndedIterator<Item = Result<(K, V)>> + use<'c, 'a, 'e, K, V, R>> {
        let bounds = (range.start_bound().cloned(), range.end_bound().cloned());
        Ok(Range::new(self.open(ctx)?, bounds, entry))
    }

    /// Calls `visit` with every entry, in the order of their keys, in a world that is being verified.
    ///
    /// # Errors
    /// What `visit` returns; as [`get`](Self::get); a part that is not there or damaged.
    pub fn each_in(&self, world: &World, mut visit: impl FnMut(K, V) -> Result<()>) -> Result<()> {
        each_in::<Self>(world.store(), ObjectId::from_raw(self.raw), &mut |key, value| {
            visit(decode(key)?, value.read()?)
        })
    }

    /// Removes all entries.
    ///
    /// # Errors
    /// As [`get`](Self::get); [`CollectionError::TooMany`](crate::CollectionError::TooMany), if there are more than
    /// one task should remove.
    pub fn clear(&self, ctx: &Ctx) -> Result<()> {
        self.open(ctx)?.clear()
    }

    /// Removes the first `most` entries, or as many as there are. How many those were: see
    /// [`Map::clear_some`](crate::Map::clear_some).
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

impl<K: Item + Ord + Clone, V: Item> Walkable for OrderedMap<K, V> {
    type Entry = (K, V);

    by_its_tree!();
    fn entry(&self, ctx: &Ctx, key: &[u8]) -> Result<Option<(K, V)>> {
        let key = decode(key)?;
        let value = self.open(ctx)?.get(&key, |value| value.read())?;
        Ok(value.map(|value| (key, value)))
    }
}

fn entry<K: Item, V: Item>(key: &[u8], value: Stored<'_>) -> Result<(K, V)> {
    Ok((decode(key)?, value.read()?))
}

/// In the order that the keys' type has.
struct ByKey<K>(PhantomData<K>);

impl<K: Item + Ord> Order for ByKey<K> {
    type Key = K;
    type Owned = K;

    fn read(stored: &[u8]) -> Result<K> {
        decode(stored)
    }

    fn compare(stored: &[u8], key: &K) -> Result<Ordering> {
        Ok(decode::<K>(stored)?.cmp(key))
    }
}
