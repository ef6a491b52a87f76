//! [`Queue`]: first in, first out, with two ends that do not meet.
//!
//! Each end is an object that holds some items; between the two is a chain of parts that are full. Who pops takes from
//! the front. When nothing is left there, all of the next part moves to the front; when there is none, all that the back
//! holds. So the two ends meet once in dozens of items, or where the queue is empty, which is when they must.
//!
//! Pushing does not look: items arrive in the order in which their tasks commit. One push in some dozens looks whether
//! the back is full, and makes a part of it. The last link of the chain is always an empty part, so that nobody but
//! the one end has to be told of that.

use std::marker::PhantomData;

use daystar_engine::Error;
use daystar_macros::managed;
use daystar_model::{ObjectId, Ref, Space};
use rand::RngExt;

use crate::game::collections::entries::{Entries, Kept};
use crate::game::collections::forms::{Collection, Forms, add_form, refer_value, text_of};
use crate::game::collections::handle::handle;
use crate::game::collections::item::{CollectionError, Item, check_length, encode};
use crate::game::collections::tree::{FORMLESS, load};
use crate::game::ctx::Ctx;
use crate::game::rules::Result;
use crate::game::world::World;

/// A queue: what was pushed first is popped first. Tasks that push are not in each other's way, nor in that of a task
/// that pops. Tasks that pop do meet: each must know what is the first.
///
/// This is the handle, a small `Copy` value to be kept in an object. The items are elsewhere, in parts of some dozens.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Smithy { pub orders: Queue<String> }
///
/// fn order(ctx: &Ctx, smithy: Ref<Smithy>, what: String) -> Result<()> {
///     ctx.get(smithy)?.orders.push(ctx, what)
/// }
///
/// fn work(ctx: &Ctx, smithy: Ref<Smithy>) -> Result<String> {
///     let next = ctx.get(smithy)?.orders.pop(ctx)?;
///     Ok(next.unwrap_or_else(|| "nothing to do".to_owned()))
/// }
/// ```
///
/// That there is nothing to pop, or how long the queue is, is checked when the task commits, like all that a task has
/// seen.
#[derive(rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub struct Queue<T> {
    front: u64,
    back: u64,
    of: PhantomData<fn() -> T>,
}

handle!(Queue<T: value>, front + back, "Queue", |_, value, found| refer_value::<T>(value, found));

/// Where items are popped.
#[managed(name = "daystar.QueueFront")]
pub(crate) struct Front {
    /// What the queue was made as, and what has been pushed since, as far as the front has heard of it: the back knows of all.
    of: String,
    items: Entries,
    /// The first link of the chain.
    next: Ref<Link>,
    popped: u64,
}

/// Where items are pushed.
#[managed(name = "daystar.QueueBack")]
pub(crate) struct Back {
    of: String,
    items: Entries,
    /// The last link of the chain, which is empty.
    last: Ref<Link>,
    pushed: u64,
}

#[managed(name = "daystar.QueuePart")]
pub(crate) struct Link {
    items: Entries,
    /// What comes after it; nothing, if this is the last, and then it is empty.
    next: Option<Ref<Link>>,
}

impl<T: Item> Collection for Queue<T> {
    type Key = ();
    type Value = T;
}

impl<T: Item> Queue<T> {
    /// Makes a queue with nothing in it.
    ///
    /// # Errors
    /// The task has touched as many objects as it may.
    pub fn new(ctx: &Ctx) -> Result<Self> {
        let of = text_of::<Self>().to_string();
        let last = ctx.insert(Link { items: Entries::default(), next: None })?;
        let front = Front { of: of.clone(), items: Entries::default(), next: last, popped: 0 };
        let back = Back { of, items: Entries::default(), last, pushed: 0 };
        let front = ctx.attempt().insert(Space::Object, front)?.to_raw();
        let back = ctx.attempt().insert(Space::Object, back)?.to_raw();
        Ok(Self { front, back, of: PhantomData })
    }

    fn front(&self) -> Ref<Front> {
        Ref::from_id(ObjectId::from_raw(self.front))
    }

    fn back(&self) -> Ref<Back> {
        Ref::from_id(ObjectId::from_raw(self.back))
    }

    /// Appends an item.
    ///
    /// # Errors
    /// [`CollectionError::TooLarge`]. The queue was removed, or was made for another type: since a push does not look,
    /// that may be known only when the task is at its end.
    pub fn push(&self, ctx: &Ctx, item: T) -> Result<()> {
        let item = encode(&item)?;
        let id = self.front().id();
        check_length(id, item.len())?;
        let looks = ctx.attempt().inner_rng().random_ratio(1, PART_ITEMS as u32);
        ctx.update(self.back(), move |back| {
            let form = add_form::<Self>(id, &mut back.of)?;
            back.items.push(&[], Kept { form, bytes: &item });
            back.pushed += 1;
            Ok(())
        })?;
        if looks { self.make_part(ctx) } else { Ok(()) }
    }

    /// Makes a part of what the back holds, if it is enough.
    fn make_part(&self, ctx: &Ctx) -> Result<()> {
        let mut back = ctx.get_mut(self.back())?;
        if back.items.len() < PART_ITEMS && back.items.bytes() < PART_BYTES {
            return Ok(());
        }
        let last = ctx.insert(Link { items: Entries::default(), next: None })?;
        let mut link = ctx.get_mut(back.last)?;
        link.items = std::mem::take(&mut back.items);
        link.next = Some(last);
        back.last = last;
        Ok(())
    }

    /// Takes out the first item, if there is any.
    ///
    /// # Errors
    /// The queue was removed, or was made for another type.
    pub fn pop(&self, ctx: &Ctx) -> Result<Option<T>> {
        if self.check(ctx)? && !self.refill(ctx)? {
            return Ok(None);
        }
        let item = {
            let front = ctx.get(self.front())?;
            self.read(ctx, &front, front.items.value(0))?
        };
        let mut front = ctx.get_mut(self.front())?;
        front.items.remove(0, 1);
        front.popped += 1;
        Ok(Some(item))
    }

    /// That this is a queue of this type; whether there is nothing at its front.
    fn check(&self, ctx: &Ctx) -> Result<bool> {
        let front = ctx.get(self.front())?;
        Forms::of::<Self>(self.front().id(), &front.of)?;
        Ok(front.items.is_empty())
    }

    /// The item that is kept so.
    fn read(&self, ctx: &Ctx, front: &Front, kept: Kept<'_>) -> Result<T> {
        let id = self.front().id();
        if let Some(stored) = Forms::of::<Self>(id, &front.of)?.stored(kept) {
            return stored.read();
        }
        // Of a form that the front has not heard of.
        let of = ctx.get(self.back())?.of.clone();
        let stored = Forms::of::<Self>(id, &of)?.stored(kept);
        stored.ok_or_else(|| damaged(id, FORMLESS))?.read()
    }

    /// Brings items to the front, where there are none; whether there were any.
    fn refill(&self, ctx: &Ctx) -> Result<bool> {
        let link = ctx.get(self.front())?.next;
        let next = ctx.get(link)?.next;
        let items = if let Some(next) = next {
            let items = ctx.get(link)?.items.clone();
            ctx.remove(link)?;
            ctx.get_mut(self.front())?.next = next;
            items
        } else {
            if ctx.get(self.back())?.items.is_empty() {
                return Ok(false);
            }
            std::mem::take(&mut ctx.get_mut(self.back())?.items)
        };
        if items.has_forms() {
            // What is moved to the front is of forms that the back knows of.
            let of = ctx.get(self.back())?.of.clone();
            ctx.get_mut(self.front())?.of = of;
        }
        ctx.get_mut(self.front())?.items = items;
        Ok(true)
    }

    /// The first item, if there is any. It stays where it is.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    pub fn peek(&self, ctx: &Ctx) -> Result<Option<T>> {
        let front = ctx.get(self.front())?;
        let first = |items: &Entries| self.read(ctx, &front, items.value(0)).map(Some);
        if !self.check(ctx)? {
            return first(&front.items);
        }
        let link = ctx.get(ctx.get(self.front())?.next)?;
        if link.next.is_some() {
            return first(&link.items);
        }
        let back = ctx.get(self.back())?;
        if back.items.is_empty() { Ok(None) } else { first(&back.items) }
    }

    /// How many items there are. Conflicts with every push and every pop.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    pub fn len(&self, ctx: &Ctx) -> Result<u64> {
        self.check(ctx)?;
        let (pushed, popped) = (ctx.get(self.back())?.pushed, ctx.get(self.front())?.popped);
        let cause = "more was popped than pushed";
        pushed.checked_sub(popped).ok_or_else(|| damaged(self.front().id(), cause))
    }

    /// Whether there are no items. Conflicts with less than [`len`](Self::len) does.
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    pub fn is_empty(&self, ctx: &Ctx) -> Result<bool> {
        Ok(self.check(ctx)?
            && ctx.get(ctx.get(self.front())?.next)?.next.is_none()
            && ctx.get(self.back())?.items.is_empty())
    }

    /// Calls `visit` with every item, first to last, in a world that is being verified.
    ///
    /// # Errors
    /// What `visit` returns; as [`pop`](Self::pop); a part that is not there or damaged.
    pub fn each_in(&self, world: &World, mut visit: impl FnMut(T) -> Result<()>) -> Result<()> {
        let (store, id) = (world.store(), self.front().id());
        let forms =
            load(store, id, self.back().id(), |back: &Back| Forms::of::<Self>(id, &back.of))?;
        let mut visit_all = |items: &Entries| {
            (0..items.len()).try_for_each(|at| {
                let item = forms.stored(items.value(at)).ok_or_else(|| damaged(id, FORMLESS))?;
                visit(item.read()?)
            })
        };
        let mut next = load(store, id, id, |front: &Front| {
            visit_all(&front.items)?;
            Ok(Some(front.next))
        })?;
        while let Some(link) = next {
            next = load(store, id, link.id(), |link: &Link| {
                visit_all(&link.items)?;
                Ok(link.next)
            })?;
        }
        load(store, id, self.back().id(), |back: &Back| visit_all(&back.items))
    }

    /// Removes all items.
    ///
    /// # Errors
    /// As [`pop`](Self::pop); [`CollectionError::TooMany`], if there are more than one task should remove.
    pub fn clear(&self, ctx: &Ctx) -> Result<()> {
        let entries = self.len(ctx)?;
        if entries > CLEARED_MAX {
            let (id, limit) = (self.front().id(), CLEARED_MAX);
            return Err(CollectionError::TooMany { id, entries, limit }.into());
        }
        self.clear_some(ctx, usize::MAX).map(drop)
    }

    /// Removes the first `most` items, or as many as there are. How many those were: see
    /// [`Map::clear_some`](crate::Map::clear_some).
    ///
    /// # Errors
    /// As [`pop`](Self::pop).
    pub fn clear_some(&self, ctx: &Ctx, most: usize) -> Result<usize> {
        let mut removed = 0;
        while removed < most {
            if self.check(ctx)? && !self.refill(ctx)? {
                break;
            }
            let mut front = ctx.get_mut(self.front())?;
            let count = front.items.len().min(most - removed);
            front.items.remove(0, count);
            front.popped += count as u64;
            removed += count;
        }
        Ok(removed)
    }

    /// Removes the queue and all items. Using it is an error from then on.
    ///
    /// # Errors
    /// As [`clear`](Self::clear).
    pub fn destroy(self, ctx: &Ctx) -> Result<()> {
        self.clear(ctx)?;
        let last = ctx.get(self.back())?.last;
        ctx.remove(last)?;
        ctx.remove(self.back())?;
        ctx.remove(self.front())
    }
}

fn damaged(id: ObjectId, cause: &str) -> Error {
    CollectionError::Damaged { id, cause: cause.to_owned() }.into()
}

/// How many items the back collects before they become a part: about as many, since only one push in so many looks.
const PART_ITEMS: usize = 32;
const PART_BYTES: usize = 4 << 10;

/// The most items that one task removes: a thousand or two parts.
const CLEARED_MAX: u64 = 50_000;
