//! [`Entries`]: what one part of a collection holds, packed into one piece of memory.
//!
//! A part is copied whenever a task changes it. So keys and values lie in it as the bytes that they are stored as: a
//! copy is one of memory, however many entries there are and whatever they are made of.

use std::cmp::Ordering;

use daystar_model::layout::{Layout, Parts};
use daystar_model::memory::Memory;
use daystar_model::show::{References, Show, Value, named};

use crate::game::rules::Result;

/// Pairs of keys and values, as bytes.
#[derive(Debug, Default, PartialEq, Eq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
pub(crate) struct Entries {
    /// Where the first key ends, where its value ends, and so on.
    ends: Vec<u32>,
    bytes: Vec<u8>,
}

impl Entries {
    /// How many entries there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len() / 2
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes the keys and values take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn key(&self, at: usize) -> &[u8] {
        self.piece(at * 2)
    }

    pub(super) fn value(&self, at: usize) -> &[u8] {
        self.piece(at * 2 + 1)
    }

    /// Keys and values, in turn. Of entries that make no sense, empty: nobody can read that as anything else.
    fn piece(&self, piece: usize) -> &[u8] {
        let end = self.ends.get(piece).map_or(0, |end| *end as usize);
        self.bytes.get(self.start(piece)..end).unwrap_or_default()
    }

    fn start(&self, piece: usize) -> usize {
        piece.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize)
    }

    /// How many of the entries, from the front, have a key that `is_before`. Of the first `from` that is known.
    ///
    /// # Errors
    /// Those of `is_before`.
    pub(super) fn partition(
        &self,
        from: usize,
        mut is_before: impl FnMut(&[u8]) -> Result<bool>,
    ) -> Result<usize> {
        let (mut low, mut high) = (from, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if is_before(self.key(middle))? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Where the entry is whose key compares as equal; else where it would have to be.
    ///
    /// # Errors
    /// Those of `compare`, which compares a stored key with the one that is looked for.
    pub(super) fn search(
        &self,
        mut compare: impl FnMut(&[u8]) -> Result<Ordering>,
    ) -> Result<Result<usize, usize>> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match compare(self.key(middle))? {
                Ordering::Less => low = middle + 1,
                Ordering::Equal => return Ok(Ok(middle)),
                Ordering::Greater => high = middle,
            }
        }
        Ok(Err(low))
    }

    /// Puts an entry before the one at `at`. Lengths beyond what 32 bits hold are refused before they get here.
    pub(super) fn insert(&mut self, at: usize, key: &[u8], value: &[u8]) {
        let start = self.start(at * 2);
        let added = key.len() + value.len();
        self.open_gap(start, start, added);
        self.bytes[start..start + key.len()].copy_from_slice(key);
        self.bytes[start + key.len()..start + added].copy_from_slice(value);
        self.ends[at * 2..].iter_mut().for_each(|end| *end += added as u32);
        let ends = [(start + key.len()) as u32, (start + added) as u32];
        self.ends.splice(at * 2..at * 2, ends);
    }

    /// Appends an entry.
    pub(super) fn push(&mut self, key: &[u8], value: &[u8]) {
        self.insert(self.len(), key, value);
    }

    /// Gives the entry at `at` another value.
    pub(super) fn replace(&mut self, at: usize, value: &[u8]) {
        let start = self.start(at * 2 + 1);
        let before = self.value(at).len();
        self.open_gap(start, start + before, value.len());
        self.bytes[start..start + value.len()].copy_from_slice(value);
        let ends = self.ends[at * 2 + 1..].iter_mut();
        ends.for_each(|end| *end = *end - before as u32 + value.len() as u32);
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
        if from + length > to {
            self.bytes.resize(all + (from + length - to), 0);
        }
        self.bytes.copy_within(to..all, from + length);
        self.bytes.truncate(all - (to - from) + length);
    }
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
        (0..self.len()).for_each(|at| found.entry(self.key(at), self.value(at)));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What may be done to entries: at which place, with which key and value.
    type Step = (u8, prop::sample::Index, Vec<u8>, Vec<u8>);

    fn all(entries: &Entries) -> Vec<(Vec<u8>, Vec<u8>)> {
        (0..entries.len())
            .map(|at| (entries.key(at).to_vec(), entries.value(at).to_vec()))
            .collect()
    }

    proptest! {
        #[test]
        fn entries_are_a_list_of_pairs(steps in prop::collection::vec(any::<Step>(), 0..40)) {
            let (mut entries, mut model) = (Entries::default(), Vec::new());
            for (kind, place, key, value) in steps {
                match kind % 4 {
                    0 | 1 => {
                        let at = place.index(model.len() + 1);
                        entries.insert(at, &key, &value);
                        model.insert(at, (key, value));
                    }
                    2 if !model.is_empty() => {
                        let at = place.index(model.len());
                        entries.replace(at, &value);
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
                let bytes = model.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
                prop_assert_eq!(entries.bytes(), bytes);
            }
        }

        #[test]
        fn a_key_is_found_where_it_is_or_would_be(
            keys in prop::collection::btree_set(any::<u8>(), 0..40), wanted: u8,
        ) {
            let keys = Vec::from_iter(keys);
            let mut entries = Entries::default();
            keys.iter().for_each(|key| entries.push(&[*key], &[]));
            let found = entries.search(|key| Ok(key.cmp(&[wanted]))).unwrap();
            prop_assert_eq!(found, keys.binary_search(&wanted));
            let before = entries.partition(0, |key| Ok(key < &[wanted][..])).unwrap();
            prop_assert_eq!(before, keys.partition_point(|key| *key < wanted));
        }
    }
}
