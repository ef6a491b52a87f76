//! [`Range`]: a walk over the entries of a tree, leaf by leaf, from either end.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::ops::Bound;

use crate::game::collections::entries::Entries;
use crate::game::collections::forms::Stored;
use crate::game::collections::tree::{Order, Seek, Tree};
use crate::game::rules::Result;

/// Between which keys.
pub(super) type Bounds<K> = (Bound<K>, Bound<K>);

/// A walk over the entries between two keys. `T` is what is made of each.
pub(super) struct Range<'c, 'a, 'e, O: Order, T> {
    tree: Tree<'c, 'a, 'e, O>,
    /// What has not been read yet lies between these; nothing, when it is over.
    rest: Option<Bounds<O::Owned>>,
    front: VecDeque<T>,
    back: VecDeque<T>,
    read: fn(&[u8], Stored<'_>) -> Result<T>,
}

impl<'c, 'a, 'e, O: Order, T> Range<'c, 'a, 'e, O, T> {
    pub(super) fn new(
        tree: Tree<'c, 'a, 'e, O>,
        bounds: Bounds<O::Owned>,
        read: fn(&[u8], Stored<'_>) -> Result<T>,
    ) -> Self {
        let (front, back) = (VecDeque::new(), VecDeque::new());
        Self { tree, rest: Some(bounds), front, back, read }
    }

    /// Reads the first leaf of what is left.
    fn load_front(&mut self) -> Result<()> {
        let Some((from, to)) = self.rest.take() else { return Ok(()) };
        let leaf = self.tree.leaf(&match &from {
            Bound::Unbounded => Seek::First,
            Bound::Included(key) | Bound::Excluded(key) => Seek::At(key.borrow()),
        })?;
        let (read, front, tree) = (self.read, &mut self.front, &self.tree);
        tree.look_in_leaf(leaf.id, |entries| {
            let (first, after) = between::<O>(entries, &from, &to)?;
            for at in first..after {
                front.push_back(read(entries.key(at), tree.stored(entries.value(at))?)?);
            }
            Ok(())
        })?;
        if let Some(next) = leaf.next {
            let is_beyond = match &to {
                Bound::Unbounded => false,
                Bound::Included(key) => O::compare(&next, key.borrow())?.is_gt(),
                Bound::Excluded(key) => O::compare(&next, key.borrow())?.is_ge(),
            };
            if !is_beyond {
                self.rest = Some((Bound::Included(O::read(&next)?), to));
            }
        }
        Ok(())
    }

    /// Reads the last leaf of what is left.
    fn load_back(&mut self) -> Result<()> {
        let Some((from, to)) = self.rest.take() else { return Ok(()) };
        let leaf = self.tree.leaf(&match &to {
            Bound::Unbounded => Seek::Last,
            Bound::Included(key) => Seek::At(key.borrow()),
            Bound::Excluded(key) => Seek::Before(key.borrow()),
        })?;
        let (read, back, tree) = (self.read, &mut self.back, &self.tree);
        tree.look_in_leaf(leaf.id, |entries| {
            let (first, after) = between::<O>(entries, &from, &to)?;
            for at in (first..after).rev() {
                back.push_front(read(entries.key(at), tree.stored(entries.value(at))?)?);
            }
            Ok(())
        })?;
        if let Some(lowest) = leaf.lowest {
            let is_beyond = match &from {
                Bound::Unbounded => false,
                Bound::Included(key) | Bound::Excluded(key) => {
                    O::compare(&lowest, key.borrow())?.is_le()
                }
            };
            if !is_beyond {
                self.rest = Some((from, Bound::Excluded(O::read(&lowest)?)));
            }
        }
        Ok(())
    }
}

/// Which of the entries lie between the two.
fn between<O: Order>(
    entries: &Entries,
    from: &Bound<O::Owned>,
    to: &Bound<O::Owned>,
) -> Result<(usize, usize)> {
    let below = |key: &O::Owned, and_equal: bool| {
        let guess = O::guess(entries, 0, key.borrow());
        entries.partition(0, guess, |stored| {
            let ordering = O::compare(stored, key.borrow())?;
            Ok(ordering.is_lt() || (and_equal && ordering.is_eq()))
        })
    };
    let first = match from {
        Bound::Unbounded => 0,
        Bound::Included(key) => below(key, false)?,
        Bound::Excluded(key) => below(key, true)?,
    };
    let after = match to {
        Bound::Unbounded => entries.len(),
        Bound::Included(key) => below(key, true)?,
        Bound::Excluded(key) => below(key, false)?,
    };
    Ok((first, after))
}

impl<O: Order, T> Iterator for Range<'_, '_, '_, O, T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.front.pop_front() {
                return Some(Ok(entry));
            }
            if self.rest.is_none() {
                return self.back.pop_front().map(Ok);
            }
            if let Err(cause) = self.load_front() {
                self.front.clear();
                self.back.clear();
                return Some(Err(cause));
            }
        }
    }
}

impl<O: Order, T> DoubleEndedIterator for Range<'_, '_, '_, O, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.back.pop_back() {
                return Some(Ok(entry));
            }
            if self.rest.is_none() {
                return self.front.pop_back().map(Ok);
            }
            if let Err(cause) = self.load_back() {
                self.front.clear();
                self.back.clear();
                return Some(Err(cause));
            }
        }
    }
}
