//! [`Entries`]: what one part of a collection holds, packed into one piece of memory.
//!
//! A part is copied whenever a task changes it. So keys and values lie in it as the bytes that they are stored as: a
//! copy is one of memory, however many entries there are and whatever they are made of.

use std::cmp::Ordering;
use std::hint::black_box;

use daystar_model::layout::{Layout, Parts};
use daystar_model::memory::Memory;
use daystar_model::show::{References, Show, Value, named};

use crate::game::rules::Result;

/// Pairs of keys and values, as bytes.
#[derive(Debug, Default, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub(crate) struct Entries {
    /// Where the first key ends, where its value ends, and so on. The highest bit of a value's end says that the first of its
    /// bytes is its form.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

/// A value as it is kept: its bytes, and which of the forms that the collection knows of they have. The first form, 0, takes no
/// room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kept<'b> {
    pub(crate) form: u8,
    pub(crate) bytes: &'b [u8],
}

impl<'b> Kept<'b> {
    /// In the first form.
    pub(crate) fn first(bytes: &'b [u8]) -> Self {
        Self { form: 0, bytes }
    }

    fn mark(&self) -> &[u8] {
        if self.form == 0 { &[] } else { std::slice::from_ref(&self.form) }
    }

    fn len(&self) -> usize {
        self.mark().len() + self.bytes.len()
    }

    fn write(&self, to: &mut [u8]) {
        let (mark, bytes) = to.split_at_mut(self.mark().len());
        mark.copy_from_slice(self.mark());
        bytes.copy_from_slice(self.bytes);
    }
}

/// Set in a value's end if it has a form of its own.
const HAS_FORM: u32 = 1 << 31;

impl Entries {
    /// How many entries there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.ends.len() / 2
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Has the processor fetch all of it at once, or of what is long the first `bytes_max`. A search goes from one place to the next
    /// by what it finds there, and would wait for memory at each.
    #[inline]
    pub(super) fn fetch(&self, bytes_max: usize) {
        let ends = self.ends.iter().step_by(LINE_BYTES / size_of::<u32>());
        let bytes = self.bytes.iter().take(bytes_max).step_by(LINE_BYTES);
        // Nobody wants the outcome, but it has to be worked out.
        black_box((ends.fold(0, |all, end| all ^ end), bytes.fold(0, |all, byte| all ^ byte)));
    }

    /// How many bytes the keys and values take.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Whether values are of forms other than the first.
    pub(super) fn has_forms(&self) -> bool {
        (0..self.len()).any(|at| self.has_form(at))
    }

    #[inline]
    pub(super) fn key(&self, at: usize) -> &[u8] {
        self.piece(at * 2)
    }

    #[inline]
    pub(super) fn value(&self, at: usize) -> Kept<'_> {
        let bytes = self.piece(at * 2 + 1);
        match bytes.split_first() {
            Some((form, bytes)) if self.has_form(at) => Kept { form: *form, bytes },
            _ => Kept::first(bytes),
        }
    }

    #[inline]
    fn has_form(&self, at: usize) -> bool {
        self.ends.get(at * 2 + 1).is_some_and(|end| end & HAS_FORM != 0)
    }

    /// Keys and values, in turn. Of entries that make no sense, empty: nobody can read that as anything else.
    #[inline]
    fn piece(&self, piece: usize) -> &[u8] {
        self.bytes.get(self.start(piece)..self.end(piece)).unwrap_or_default()
    }

    #[inline]
    fn start(&self, piece: usize) -> usize {
        piece.checked_sub(1).map_or(0, |before| self.end(before))
    }

    #[inline]
    fn end(&self, piece: usize) -> usize {
        self.ends.get(piece).map_or(0, |end| (end & !HAS_FORM) as usize)
    }

    /// How many of the entries, from the front, have a key that `is_before`. Of the first `from` that is known. Looks near the
    /// `guess` first, if there is one, and then farther and farther away.
    ///
    /// # Errors
    /// Those of `is_before`.
    pub(super) fn partition(
        &self,
        from: usize,
        guess: Option<usize>,
        mut is_before: impl FnMut(&[u8]) -> Result<bool>,
    ) -> Result<usize> {
        let (mut low, mut high) = (from, self.len());
        let (mut near, mut step) = (guess, 1);
        while low < high {
            let at = near.map_or(low.midpoint(high), |near| near.clamp(low, high - 1));
            // Once it lies between two that were looked at, the rest is halved.
            if is_before(self.key(at))? {
                low = at + 1;
                near = near.filter(|_| high == self.len()).map(|_| at + step);
            } else {
                high = at;
                near = near.filter(|_| low == from).map(|_| at.saturating_sub(step));
            }
            step *= 2;
        }
        Ok(low)
    }

    /// Where the entry is whose key compares as equal; else where it would have to be. Looks near the `guess` first.
    ///
    /// # Errors
    /// Those of `compare`, which compares a stored key with the one that is looked for.
    pub(super) fn search(
        &self,
        guess: Option<usize>,
        mut compare: impl FnMut(&[u8]) -> Result<Ordering>,
    ) -> Result<Result<usize, usize>> {
        let mut is_there = false;
        let at = self.partition(0, guess, |stored| {
            let ordering = compare(stored)?;
            is_there |= ordering.is_eq();
            Ok(ordering.is_lt())
        })?;
        // The first one that is not before it was compared with it, if there is any.
        Ok(if is_there { Ok(at) } else { Err(at) })
    }

    /// Puts an entry before the one at `at`. Lengths beyond what 32 bits hold are refused before they get here.
    pub(super) fn insert(&mut self, at: usize, key: &[u8], value: Kept<'_>) {
        let start = self.start(at * 2);
        let added = key.len() + value.len();
        self.open_gap(start, start, added);
        self.bytes[start..start + key.len()].copy_from_slice(key);
        value.write(&mut self.bytes[start + key.len()..start + added]);
        let (place, pieces) = (at * 2, self.ends.len());
        self.ends.resize(pieces + 2, 0);
        self.ends.copy_within(place..pieces, place + 2);
        self.ends[place + 2..].iter_mut().for_each(|end| *end += added as u32);
        self.ends[place] = (start + key.len()) as u32;
        self.ends[place + 1] = end_of((start + added) as u32, value);
    }

    /// Appends an entry.
    pub(super) fn push(&mut self, key: &[u8], value: Kept<'_>) {
        self.insert(self.len(), key, value);
    }

    /// Gives the entry at `at` another value.
    pub(super) fn replace(&mut self, at: usize, value: Kept<'_>) {
        let start = self.start(at * 2 + 1);
        let before = self.piece(at * 2 + 1).len();
        self.open_gap(start, start + before, value.len());
        value.write(&mut self.bytes[start..start + value.len()]);
        let ends = self.ends[at * 2 + 1..].iter_mut();
        ends.for_each(|end| *end = *end - before as u32 + value.len() as u32);
        let end = self.end(at * 2 + 1) as u32;
        self.ends[at * 2 + 1] = end_of(end, value);
    }

    /// Takes out the entries `from..to`.
    pub(super) fn remove(&mut self, from: usize, to: usize) {
        let (start, end) = (self.start(from * 2), self.start(to * 2));
        self.bytes.drain(start..end);
        self.ends.drain(from * 2..to * 2);
        self.ends[from * 2..].iter_mut().for_each(|place| *place -= (end - start) as u32);
    }

    /// Takes out all from `at` on.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let start = self.start(at * 2);
        let bytes = self.bytes.split_off(start);
        let mut ends = self.ends.split_off(at * 2);
        ends.iter_mut().for_each(|end| *end -= start as u32);
        Self { ends, bytes }
    }

    /// Makes the bytes `from..to` into `length` bytes of any content.
    fn open_gap(&mut self, from: usize, to: usize, length: usize) {
        let all = self.bytes.len();
        if from + length == to {
            return;
        }
        if from + length > to {
            self.bytes.resize(all + (from + length - to), 0);
        }
        self.bytes.copy_within(to..all, from + length);
        self.bytes.truncate(all - (to - from) + length);
    }
}

/// Where a value ends, and whether it has a form of its own.
fn end_of(end: u32, value: Kept<'_>) -> u32 {
    if value.form == 0 { end } else { end | HAS_FORM }
}

// By hand, because a copy is mostly made to have an entry put in: with room for it, it is not moved at once.

impl Clone for Entries {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.copy_from(self);
        copy
    }
}

impl Memory for Entries {
    const HAS_HEAP: bool = true;

    fn heap_bytes(&self) -> usize {
        self.ends.heap_bytes() + self.bytes.heap_bytes()
    }

    fn copy_from(&mut self, other: &Self) {
        fill(&mut self.ends, &other.ends, 2);
        fill(&mut self.bytes, &other.bytes, ROOM_BYTES);
    }
}

/// Makes `list` equal to `other`, with room for so many more. Its memory stays if it suits.
fn fill<T: Copy>(list: &mut Vec<T>, other: &[T], room: usize) {
    let needed = other.len() + room;
    list.clear();
    // Far too much of it would never be given back otherwise.
    if list.capacity() < needed || list.capacity() > needed * 2 + ROOM_BYTES {
        *list = Vec::with_capacity(needed);
    }
    list.extend_from_slice(other);
}

/// What processors fetch together.
const LINE_BYTES: usize = 64;

/// More than most entries take.
const ROOM_BYTES: usize = 64;

impl Layout for Entries {
    fn describe(_: &mut Parts) -> String {
        "Entries".to_owned()
    }
}

impl Show for Entries {
    fn show(&self) -> Value {
        let (entries, bytes) = (Value::from(self.len()), Value::from(self.bytes()));
        named(["entries", "bytes"], [entries, bytes])
    }

    fn refer(&self, found: &mut References) {
        (0..self.len()).for_each(|at| found.entry(self.key(at), self.value(at).bytes));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What may be done to entries: at which place, with which key and value, of which form.
    type Step = (u8, prop::sample::Index, Vec<u8>, (u8, Vec<u8>));

    /// A key, and a value with its form.
    type Pair = (Vec<u8>, (u8, Vec<u8>));

    fn all(entries: &Entries) -> Vec<Pair> {
        let value = |at| entries.value(at);
        (0..entries.len())
            .map(|at| (entries.key(at).to_vec(), (value(at).form, value(at).bytes.to_vec())))
            .collect()
    }

    proptest! {
        #[test]
        fn entries_are_a_list_of_pairs(steps in prop::collection::vec(any::<Step>(), 0..40)) {
            let (mut entries, mut model) = (Entries::default(), Vec::new());
            for (kind, place, key, (form, bytes)) in steps {
                // Most have the first form.
                let value = (form.saturating_sub(200), bytes);
                let kept = Kept { form: value.0, bytes: &value.1.clone() };
                match kind % 4 {
                    0 | 1 => {
                        let at = place.index(model.len() + 1);
                        entries.insert(at, &key, kept);
                        model.insert(at, (key, value));
                    }
                    2 if !model.is_empty() => {
                        let at = place.index(model.len());
                        entries.replace(at, kept);
                        model[at].1 = value;
                    }
                    3 if kind < 200 && !model.is_empty() => {
                        let at = place.index(model.len());
                        entries.remove(at, at + 1);
                        model.remove(at);
                    }
                    _ => {
                        let at = place.index(model.len() + 1);
                        let rest = entries.split_off(at);
                        prop_assert_eq!(all(&rest), model.split_off(at));
                    }
                }
                prop_assert_eq!(all(&entries), model.clone());
                let bytes = model.iter().map(|(key, (form, value))| {
                    key.len() + value.len() + usize::from(*form > 0)
                });
                let bytes = bytes.sum::<usize>();
                prop_assert_eq!(entries.bytes(), bytes);
            }
        }

        #[test]
        fn a_key_is_found_where_it_is_or_would_be(
            keys in prop::collection::btree_set(any::<u8>(), 0..40), wanted: u8,
            guess in prop::option::of(0..50_usize),
        ) {
            let keys = Vec::from_iter(keys);
            let mut entries = Entries::default();
            keys.iter().for_each(|key| entries.push(&[*key], Kept::first(&[])));
            let found = entries.search(guess, |key| Ok(key.cmp(&[wanted]))).unwrap();
            prop_assert_eq!(found, keys.binary_search(&wanted));
            let point = keys.partition_point(|key| *key < wanted);
            for from in [0, point] {
                let before = entries.partition(from, guess, |key| Ok(key < &[wanted][..])).unwrap();
                prop_assert_eq!(before, point);
            }
        }
    }
}
