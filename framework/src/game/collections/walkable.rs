//! [`Walkable`]: collections whose entries are visited some at a time, by one task after another.

use std::ops::Bound;

use daystar_model::ObjectId;

use crate::game::collections::range::Range;
use crate::game::collections::tree::{Order, Seek, Tree};
use crate::game::ctx::Ctx;
use crate::game::rules::Result;

/// A collection over which a [`Walk`](crate::Walk) can go: [`Map`](crate::Map), [`OrderedMap`](crate::OrderedMap),
/// [`Set`](crate::Set). Not for others to implement.
///
/// A [`Queue`](crate::Queue) is none: its items have no keys, by which a walk would know where it stands when some have been popped.
#[diagnostic::on_unimplemented(
    message = "a walk cannot go over `{Self}`",
    label = "not a collection with keys",
    note = "take a `Map`, an `OrderedMap` or a `Set`; the items of a `Queue` are popped, some by each task"
)]
pub trait Walkable {
    /// What is visited: of a map a key and its value, of a set a value.
    type Entry;

    /// The part by whose id the collection is known.
    #[doc(hidden)]
    fn first_part(&self) -> ObjectId;

    /// The last key in the collection's order, as it is stored; `None`: there are no entries.
    #[doc(hidden)]
    fn last_key(&self, ctx: &Ctx) -> Result<Option<Vec<u8>>>;

    /// The first `most` keys behind `after`, or of all, up to and with `until`; all of them as they are stored.
    #[doc(hidden)]
    fn keys(
        &self,
        ctx: &Ctx,
        after: Option<&[u8]>,
        until: &[u8],
        most: usize,
    ) -> Result<Vec<Vec<u8>>>;

    /// The entry of the key that is stored so, if it is there.
    #[doc(hidden)]
    fn entry(&self, ctx: &Ctx, key: &[u8]) -> Result<Option<Self::Entry>>;
}

/// What [`Walkable`] asks of a collection's tree, the same for each of them: all but the entries.
macro_rules! by_its_tree {
    () => {
        fn first_part(&self) -> ObjectId {
            ObjectId::from_raw(self.raw)
        }
        fn last_key(&self, ctx: &Ctx) -> Result<Option<Vec<u8>>> {
            $crate::game::collections::walkable::last_key(&self.open(ctx)?)
        }
        fn keys(
            &self,
            ctx: &Ctx,
            after: Option<&[u8]>,
            until: &[u8],
            most: usize,
        ) -> Result<Vec<Vec<u8>>> {
            $crate::game::collections::walkable::keys(self.open(ctx)?, after, until, most)
        }
    };
}

pub(super) use by_its_tree;

/// [`Walkable::last_key`] of a tree.
pub(super) fn last_key<O: Order>(tree: &Tree<'_, '_, '_, O>) -> Result<Option<Vec<u8>>> {
    tree.end(&Seek::Last, |key, _| Ok(key.to_vec()))
}

/// [`Walkable::keys`] of a tree.
pub(super) fn keys<O: Order>(
    tree: Tree<'_, '_, '_, O>,
    after: Option<&[u8]>,
    until: &[u8],
    most: usize,
) -> Result<Vec<Vec<u8>>> {
    let after = after.map(O::read).transpose()?.map_or(Bound::Unbounded, Bound::Excluded);
    let bounds = (after, Bound::Included(O::read(until)?));
    Range::new(tree, bounds, |key, _| Ok(key.to_vec())).take(most).collect()
}
