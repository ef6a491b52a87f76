//! [`Tree`]: entries in the order of their keys, in parts that are objects of their own.
//!
//! A B+ tree. Its root has the id of the collection, and stays where it is: when it is full, what it holds moves into
//! two new parts below it. Entries are in the leaves. What is above the leaves is only read, but for a split, once in
//! dozens of insertions, so tasks at different leaves do not meet. A leaf that has become empty goes, and others are
//! not merged (T. Johnson, D. Shasha, "B-trees with inserts and deletes: why free-at-empty is better than
//! merge-at-half", JCSS 1993).
//!
//! There are no phantoms: a key that is not there, or a range, is looked for in the leaves in which it would be, and a
//! task that read those conflicts with one that changes them. Which leaves those are is read above them, and a split
//! changes that too.
//!
//! How many entries there are is in counters beside the tree, to which insertions add blindly.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::marker::PhantomData;

use daystar_engine::{Error, Read};
use daystar_macros::managed;
use daystar_model::show::{References, Show};
use daystar_model::{Managed, Object, ObjectId, Ref, Space, Store};

use crate::game::collections::counter::Counter;
use crate::game::collections::entries::{Entries, Kept};
use crate::game::collections::forms::{Collection, Forms, Stored, add_form, text_of};
use crate::game::collections::item::{CollectionError, check_length};
use crate::game::ctx::Ctx;
use crate::game::rules::Result;

/// The beginning of a collection.
#[managed(name = "daystar.Collection")]
pub(crate) struct Root {
    /// What the collection was made as, and what has been put in since: see [`Forms`].
    of: String,
    /// The sum of these is the number of entries. None, as long as the root is the only part.
    counts: Vec<Ref<Counter>>,
    top: Node,
}

/// A part of a collection.
#[managed(name = "daystar.Part")]
pub(crate) struct Part {
    node: Node,
}

#[managed(name = "daystar.Node")]
pub(crate) struct Node {
    /// How far above the leaves it is.
    level: u32,
    /// In a leaf, the collection's. Above, the parts below: each under the lowest key that it may have, as the number of
    /// its id. The first has all that is lower too, so its key is never looked at.
    entries: Entries,
}

/// How keys compare as they are stored.
pub(super) trait Order {
    /// A key that is looked for.
    type Key: ?Sized;
    /// A key that was read.
    type Owned: Borrow<Self::Key>;

    /// The key that is stored as `stored`.
    fn read(stored: &[u8]) -> Result<Self::Owned>;

    /// How `stored` compares to `key`.
    fn compare(stored: &[u8], key: &Self::Key) -> Result<Ordering>;

    /// Near which of the `entries` from `from` on the one of `key` is, if that can be guessed.
    fn guess(entries: &Entries, from: usize, key: &Self::Key) -> Option<usize> {
        let _ = (entries, from, key);
        None
    }

    /// What is above `below`, and not above `above`, all as they are stored: it parts the two. The shorter it is, the better.
    fn between<'k>(below: &[u8], above: &'k [u8]) -> &'k [u8] {
        let _ = below;
        above
    }
}

/// Where to go in a tree.
pub(super) enum Seek<'k, K: ?Sized> {
    First,
    Last,
    /// Where this key is, or would be.
    At(&'k K),
    /// Where the greatest key below this one is, or would be.
    Before(&'k K),
}

/// A collection's tree, as one task sees it.
pub(super) struct Tree<'c, 'a, 'e, O> {
    ctx: &'c Ctx<'a, 'e>,
    id: ObjectId,
    /// Where this task counts entries that come and go; `None`, as long as the root is the only part.
    count: Option<Ref<Counter>>,
    forms: RefCell<Forms>,
    /// Finds out which forms there are, and adds the present one.
    find_forms: fn(ObjectId, &str) -> Result<Forms>,
    add_form: fn(ObjectId, &mut String) -> Result<u8>,
    order: PhantomData<O>,
}

/// A leaf, and between which keys it lies, as they are stored; without one it is the first or the last.
pub(super) struct Leaf {
    pub(super) id: ObjectId,
    pub(super) lowest: Option<Vec<u8>>,
    pub(super) next: Option<Vec<u8>>,
}

/// A new collection of the type `C`, with nothing in it.
pub(super) fn create<C: Collection>(ctx: &Ctx) -> Result<ObjectId> {
    let of = text_of::<C>().to_string();
    let top = Node { level: 0, entries: Entries::default() };
    Ok(ctx.attempt().insert(Space::Object, Root { of, counts: Vec::new(), top })?)
}

/// What is called with each key and value.
pub(super) type Visit<'v> = dyn FnMut(&[u8], Stored<'_>) -> Result<()> + 'v;

/// Visits every entry of the collection `id`, which must be of type `C`, in a store.
///
/// # Errors
/// There is no such collection, or it was made as something else; those of `visit`.
pub(super) fn each_in<C: Collection>(
    store: &dyn Store,
    id: ObjectId,
    visit: &mut Visit<'_>,
) -> Result<()> {
    load::<Root, _>(store, id, id, |root| {
        let forms = Forms::of::<C>(id, &root.of)?;
        each_below(store, id, &forms, &root.top, visit)
    })
}

fn each_below(
    store: &dyn Store,
    id: ObjectId,
    forms: &Forms,
    node: &Node,
    visit: &mut Visit<'_>,
) -> Result<()> {
    for at in 0..node.entries.len() {
        if node.level == 0 {
            let value = forms.stored(node.entries.value(at));
            visit(node.entries.key(at), value.ok_or_else(|| damaged(id, FORMLESS))?)?;
            continue;
        }
        load::<Part, _>(store, id, below(id, &node.entries, at)?, |part| {
            if part.node.level >= node.level {
                return Err(damaged(id, NOWHERE));
            }
            each_below(store, id, forms, &part.node, visit)
        })?;
    }
    Ok(())
}

/// What `value` refers to, if it is a part of a tree: that alone knows which of its entries are parts.
pub(crate) fn refer(value: &dyn Object, found: &mut References) -> bool {
    let value = value.as_any();
    let node = match (value.downcast_ref::<Root>(), value.downcast_ref::<Part>()) {
        (Some(root), _) => {
            root.counts.refer(found);
            &root.top
        }
        (_, Some(part)) => &part.node,
        _ => return false,
    };
    if node.level == 0 {
        node.entries.refer(found);
        return true;
    }
    for at in 0..node.entries.len() {
        match node.entries.value(at).bytes.first_chunk() {
            Some(raw) => found.object(ObjectId::from_raw(u64::from_le_bytes(*raw))),
            None => found.unreadable(),
        }
    }
    true
}

/// What `look` finds in the object `part` of the collection `id`.
pub(super) fn load<T: Managed, R>(
    store: &dyn Store,
    id: ObjectId,
    part: ObjectId,
    look: impl FnOnce(&T) -> Result<R>,
) -> Result<R> {
    let stored = store.load(part)?;
    let value = stored.as_ref().and_then(|(_, value)| value.as_any().downcast_ref::<T>());
    look(value.ok_or_else(|| damaged(id, &format!("its part {part} is not there")))?)
}

/// The part to which the entry at `at` leads.
#[inline]
fn below(id: ObjectId, entries: &Entries, at: usize) -> Result<ObjectId> {
    let below = entries.value(at).bytes.try_into().map(u64::from_le_bytes);
    below.map(ObjectId::from_raw).map_err(|_| damaged(id, NOWHERE))
}

fn damaged(id: ObjectId, cause: &str) -> Error {
    CollectionError::Damaged { id, cause: cause.to_owned() }.into()
}

const NOWHERE: &str = "one of its parts leads nowhere";
pub(super) const FORMLESS: &str = "an entry is of a form that it does not know";

impl<'c, 'a, 'e, O: Order> Tree<'c, 'a, 'e, O> {
    /// The tree of the collection `id`, which must be of type `C`.
    ///
    /// # Errors
    /// There is no such collection, or it was made as something else.
    pub(super) fn open<C: Collection>(ctx: &'c Ctx<'a, 'e>, id: ObjectId) -> Result<Self> {
        let root = ctx.attempt().get::<Root>(id)?;
        let forms = RefCell::new(Forms::of::<C>(id, &root.of)?);
        let (find_forms, add_form) = (Forms::of::<C>, add_form::<C>);
        // It does not matter which, only their sum is looked at; so not one that another core has just had.
        let count = ctx.attempt().stripe().checked_rem(root.counts.len());
        let count = count.map(|count| root.counts[count]);
        Ok(Self { ctx, id, count, forms, find_forms, add_form, order: PhantomData })
    }

    fn root(&self) -> Result<Read<'a, Root>> {
        Ok(self.ctx.attempt().get::<Root>(self.id)?)
    }

    /// The value that is kept so.
    pub(super) fn stored<'b>(&self, kept: Kept<'b>) -> Result<Stored<'b>> {
        if let Some(stored) = self.forms.borrow().stored(kept) {
            return Ok(stored);
        }
        // The task has put in the first one of a new form since it began to walk.
        *self.forms.borrow_mut() = (self.find_forms)(self.id, &self.root()?.of)?;
        let stored = self.forms.borrow().stored(kept);
        stored.ok_or_else(|| damaged(self.id, FORMLESS))
    }

    /// In which form values are put in.
    fn present_form(&self) -> Result<u8> {
        if let Some(form) = self.forms.borrow().present() {
            return Ok(form);
        }
        // Once for each version that the values' type has had since the collection was made.
        let mut root = self.ctx.attempt().get_mut::<Root>(self.id)?;
        let form = (self.add_form)(self.id, &mut root.of)?;
        *self.forms.borrow_mut() = (self.find_forms)(self.id, &root.of)?;
        Ok(form)
    }

    fn look<T>(&self, id: ObjectId, look: impl FnOnce(&Node) -> Result<T>) -> Result<T> {
        if id == self.id {
            return look(&self.root()?.top);
        }
        look(&self.ctx.attempt().get::<Part>(id)?.node)
    }

    /// What `look` finds in a leaf.
    pub(super) fn look_in_leaf<T>(
        &self,
        id: ObjectId,
        look: impl FnOnce(&Entries) -> Result<T>,
    ) -> Result<T> {
        self.look(id, |node| {
            let entries = &self.leaf_of(node)?.entries;
            // What is above is mostly in the cache, leaves mostly are not.
            entries.fetch(PART_BYTES);
            look(entries)
        })
    }

    /// The node, which must be a leaf's.
    fn leaf_of<N: Borrow<Node>>(&self, node: N) -> Result<N> {
        if node.borrow().level > 0 {
            return Err(damaged(self.id, NOWHERE));
        }
        Ok(node)
    }

    fn change<T>(&self, id: ObjectId, change: impl FnOnce(&mut Node) -> Result<T>) -> Result<T> {
        if id == self.id {
            return change(&mut self.ctx.attempt().get_mut::<Root>(id)?.top);
        }
        change(&mut self.ctx.attempt().get_mut::<Part>(id)?.node)
    }

    fn new_part(&self, level: u32, entries: Entries) -> Result<ObjectId> {
        let part = Part { node: Node { level, entries } };
        Ok(self.ctx.attempt().insert(Space::Object, part)?)
    }

    /// The leaf to which `seek` leads. `visit` is shown each part on the way, and which of those below it was taken.
    fn descend(
        &self,
        seek: &Seek<'_, O::Key>,
        mut visit: impl FnMut(ObjectId, &Entries, usize),
    ) -> Result<ObjectId> {
        let (mut id, mut above) = (self.id, u32::MAX);
        // What is below the first level is a leaf, which is looked at by who wants something in it.
        while above > 1 {
            let below = self.look(id, |Node { level, entries }| {
                if *level == 0 && id == self.id {
                    return Ok(None);
                }
                if *level == 0 || *level >= above || entries.is_empty() {
                    return Err(damaged(self.id, NOWHERE));
                }
                above = *level;
                let at = child::<O>(entries, seek)?;
                visit(id, entries, at);
                below(self.id, entries, at).map(Some)
            })?;
            let Some(below) = below else { break };
            id = below;
        }
        Ok(id)
    }

    /// The parts above the leaf of `key`, top down, each with the place of the next; and the leaf.
    fn path(&self, key: &O::Key) -> Result<(Vec<(ObjectId, usize)>, ObjectId)> {
        let mut path = Vec::new();
        let leaf = self.descend(&Seek::At(key), |id, _, at| path.push((id, at)))?;
        Ok((path, leaf))
    }

    /// The leaf to which `seek` leads, and between which keys it lies.
    pub(super) fn leaf(&self, seek: &Seek<'_, O::Key>) -> Result<Leaf> {
        let (mut lowest, mut next) = (None, None);
        let id = self.descend(seek, |_, entries, at| {
            // The lower a part, the nearer its keys.
            if at > 0 {
                lowest = Some(entries.key(at).to_vec());
            }
            if at + 1 < entries.len() {
                next = Some(entries.key(at + 1).to_vec());
            }
        })?;
        Ok(Leaf { id, lowest, next })
    }

    /// What `read` makes of the value of `key`, if there is one.
    pub(super) fn get<T>(
        &self,
        key: &O::Key,
        read: impl FnOnce(Stored<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let leaf = self.descend(&Seek::At(key), |_, _, _| {})?;
        self.look_in_leaf(leaf, |entries| match search::<O>(entries, key)? {
            Ok(at) => read(self.stored(entries.value(at))?).map(Some),
            Err(_) => Ok(None),
        })
    }

    /// What `read` makes of the first or the last entry, if there is any.
    pub(super) fn end<T>(
        &self,
        seek: &Seek<'_, O::Key>,
        read: impl FnOnce(&[u8], Stored<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let leaf = self.descend(seek, |_, _, _| {})?;
        self.look_in_leaf(leaf, |entries| {
            let Some(last) = entries.len().checked_sub(1) else { return Ok(None) };
            let at = if matches!(seek, Seek::First) { 0 } else { last };
            read(entries.key(at), self.stored(entries.value(at))?).map(Some)
        })
    }

    /// Puts in an entry; `stored` is `key` as it is stored. What `read` makes of the value that was there.
    pub(super) fn insert<T>(
        &self,
        key: &O::Key,
        stored: &[u8],
        value: &[u8],
        read: impl FnOnce(Stored<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        check_length(self.id, stored.len() + value.len())?;
        let leaf = self.descend(&Seek::At(key), |_, _, _| {})?;
        let value = Kept { form: self.present_form()?, bytes: value };
        let (before, is_full) = self.change(leaf, |node| {
            let entries = &mut self.leaf_of(node)?.entries;
            let before = match search::<O>(entries, key)? {
                Ok(at) => {
                    let before = read(self.stored(entries.value(at))?)?;
                    entries.replace(at, value);
                    Some(before)
                }
                Err(at) => {
                    entries.insert(at, stored, value);
                    None
                }
            };
            Ok((before, is_full(0, entries)))
        })?;
        if before.is_none() {
            self.count(1)?;
        }
        if is_full {
            self.split(key)?;
        }
        Ok(before)
    }

    /// Takes out an entry. What `read` makes of its value, if there was one.
    pub(super) fn remove<T>(
        &self,
        key: &O::Key,
        read: impl FnOnce(Stored<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        let leaf = self.descend(&Seek::At(key), |_, _, _| {})?;
        // A part that is not changed is not copied.
        let Ok(at) = self.look_in_leaf(leaf, |entries| search::<O>(entries, key))? else {
            return Ok(None);
        };
        let (before, is_empty) = self.change(leaf, |node| {
            let before = read(self.stored(node.entries.value(at))?)?;
            node.entries.remove(at, at + 1);
            Ok((before, node.entries.is_empty()))
        })?;
        self.count(-1)?;
        if is_empty {
            self.prune(key)?;
        }
        Ok(Some(before))
    }

    /// Takes out entries from the front, `most` of them or as many as there are. How many those were.
    pub(super) fn remove_first(&self, most: usize) -> Result<usize> {
        let mut removed = 0;
        while removed < most {
            let leaf = self.descend(&Seek::First, |_, _, _| {})?;
            let found = self.look_in_leaf(leaf, |entries| {
                let count = entries.len().min(most - removed);
                let first = (count > 0).then(|| O::read(entries.key(0))).transpose()?;
                Ok(first.map(|first| (first, count)))
            })?;
            let Some((first, count)) = found else { break };
            let is_empty = self.change(leaf, |node| {
                node.entries.remove(0, count);
                Ok(node.entries.is_empty())
            })?;
            self.count(-(count as i64))?;
            if is_empty {
                self.prune(first.borrow())?;
            }
            removed += count;
        }
        Ok(removed)
    }

    /// How many entries there are.
    pub(super) fn len(&self) -> Result<u64> {
        let root = self.root()?;
        if root.counts.is_empty() {
            return Ok(root.top.entries.len() as u64);
        }
        let mut sum = 0;
        for count in &root.counts {
            sum += self.ctx.attempt().get::<Counter>(count.id())?.value();
        }
        u64::try_from(sum).map_err(|_| damaged(self.id, "its number of entries is below zero"))
    }

    pub(super) fn is_empty(&self) -> Result<bool> {
        // Leaves that are empty go, so this looks at one part, which only the last entry's removal changes.
        Ok(self.root()?.top.entries.is_empty())
    }

    /// Removes all entries.
    ///
    /// # Errors
    /// There are more than one task should remove.
    pub(super) fn clear(&self) -> Result<()> {
        let entries = self.len()?;
        if entries > CLEARED_MAX {
            let (id, limit) = (self.id, CLEARED_MAX);
            return Err(CollectionError::TooMany { id, entries, limit }.into());
        }
        self.remove_first(usize::MAX).map(drop)
    }

    /// Removes all entries, and the collection with them.
    ///
    /// # Errors
    /// There are more than one task should remove.
    pub(super) fn destroy(&self) -> Result<()> {
        self.clear()?;
        let counts = self.root()?.counts.clone();
        for count in counts {
            self.ctx.attempt().remove::<Counter>(count.id())?;
        }
        Ok(self.ctx.attempt().remove::<Root>(self.id)?)
    }

    /// Learns that there are so many more entries.
    fn count(&self, more: i64) -> Result<()> {
        let Some(count) = self.count else { return Ok(()) };
        self.ctx.attempt().update::<Counter>(count.id(), move |count| count.add(more))
    }

    /// Splits the leaf of `key`, which is full, and what becomes full by that.
    fn split(&self, key: &O::Key) -> Result<()> {
        let (mut path, mut id) = self.path(key)?;
        loop {
            let (level, lowest, right) = self.change(id, |node| {
                let entries = &mut node.entries;
                let last = entries.len() - 1;
                // Keys that only grow leave parts behind that are fuller than half; but not full, or each of them would
                // be split at once by whoever comes later.
                let grows = node.level == 0 && O::compare(entries.key(last), key)?.is_le();
                let at = if grows { entries.len() * 3 / 4 } else { entries.len() / 2 };
                let right = entries.split_off(at);
                let lowest = match node.level {
                    0 => O::between(entries.key(at - 1), right.key(0)),
                    _ => right.key(0),
                };
                Ok((node.level, lowest.to_vec(), right))
            })?;
            let right_count = right.len();
            let right = self.new_part(level, right)?;
            let Some((above, at)) = path.pop() else {
                return self.grow(level, right_count, &lowest, right);
            };
            let is_full = self.change(above, |node| {
                node.entries.insert(at + 1, &lowest, Kept::first(&right.to_raw().to_le_bytes()));
                Ok(is_full(node.level, &node.entries))
            })?;
            if !is_full {
                return Ok(());
            }
            id = above;
        }
    }

    /// Gives the root, whose upper half has gone into the part `right`, a level of its own above the two.
    fn grow(&self, level: u32, right_count: usize, lowest: &[u8], right: ObjectId) -> Result<()> {
        let left = self.change(self.id, |node| Ok(std::mem::take(&mut node.entries)))?;
        let left_count = left.len();
        let left = self.new_part(level, left)?;
        let mut root = self.ctx.attempt().get_mut::<Root>(self.id)?;
        root.top.level = level + 1;
        root.top.entries.push(&[], Kept::first(&left.to_raw().to_le_bytes()));
        root.top.entries.push(lowest, Kept::first(&right.to_raw().to_le_bytes()));
        if !root.counts.is_empty() {
            return Ok(());
        }
        for number in 0..COUNTS {
            let first = if number == 0 { left_count + right_count } else { 0 };
            let count = Counter::new(first as i64);
            let count = self.ctx.attempt().insert(Space::Object, count)?;
            root.counts.push(Ref::from_id(count));
        }
        Ok(())
    }

    /// Removes the leaf of `key`, which is empty, and what becomes empty by that.
    fn prune(&self, key: &O::Key) -> Result<()> {
        let (mut path, mut id) = self.path(key)?;
        while let Some((above, at)) = path.pop() {
            self.ctx.attempt().remove::<Part>(id)?;
            let is_empty = self.change(above, |node| {
                node.entries.remove(at, at + 1);
                let is_empty = node.entries.is_empty();
                if is_empty && above == self.id {
                    node.level = 0;
                }
                Ok(is_empty)
            })?;
            if !is_empty {
                break;
            }
            id = above;
        }
        Ok(())
    }
}

/// Where the entry of `key` is; else where it would have to be.
fn search<O: Order>(entries: &Entries, key: &O::Key) -> Result<Result<usize, usize>> {
    let guess = O::guess(entries, 0, key);
    entries.search(guess, |stored| O::compare(stored, key))
}

/// Which of the parts below is meant.
fn child<O: Order>(entries: &Entries, seek: &Seek<'_, O::Key>) -> Result<usize> {
    // Of the first one the key is not looked at.
    let before = |key: &O::Key, is_before: fn(Ordering) -> bool| {
        let guess = O::guess(entries, 1, key);
        entries.partition(1, guess, |stored| Ok(is_before(O::compare(stored, key)?)))
    };
    let after = match seek {
        Seek::First => 1,
        Seek::Last => entries.len(),
        Seek::At(key) => before(key, Ordering::is_le)?,
        Seek::Before(key) => before(key, Ordering::is_lt)?,
    };
    Ok(after - 1)
}

fn is_full(level: u32, entries: &Entries) -> bool {
    let (most, least) =
        if level == 0 { (LEAF_ENTRIES, 1) } else { (INNER_ENTRIES, INNER_ENTRIES_LEAST) };
    entries.len() > most || (entries.bytes() > PART_BYTES && entries.len() > least)
}

/// What is in a leaf is copied at each change, and the smaller leaves are, the less tasks meet in them; but each is an
/// object, which has its own price.
const LEAF_ENTRIES: usize = 24;
/// What is above is seldom changed, and is to be seldom met when it is.
const INNER_ENTRIES: usize = 128;
/// However long the keys are: a tree that hardly branches is no tree.
const INNER_ENTRIES_LEAST: usize = 8;
const PART_BYTES: usize = 4 << 10;

/// How many counters share the number of entries: more than there will be cores that add to one collection at once.
const COUNTS: usize = 16;

/// The most entries that one task removes: a thousand or two parts.
const CLEARED_MAX: u64 = 50_000;
