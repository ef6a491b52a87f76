//! The memory of texts, lists, maps and sets.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::{Memory, heap_of_all, suits};

impl Memory for String {
    const HAS_HEAP: bool = true;

    #[inline]
    fn heap_bytes(&self) -> usize {
        self.capacity()
    }

    #[inline]
    fn copy_from(&mut self, other: &Self) {
        if suits(self.capacity(), other.len()) {
            self.clear();
            self.push_str(other);
        } else {
            *self = other.clone();
        }
    }
}

impl<T: Memory> Memory for Vec<T> {
    const HAS_HEAP: bool = true;

    fn heap_bytes(&self) -> usize {
        buffer_bytes::<T>(self.capacity()) + heap_of_all(self)
    }

    fn copy_from(&mut self, other: &Self) {
        if !suits(buffer_bytes::<T>(self.capacity()), buffer_bytes::<T>(other.len())) {
            *self = other.clone();
        } else if T::HAS_HEAP {
            self.truncate(other.len());
            let (shared, rest) = other.split_at(self.len());
            for (element, other) in self.iter_mut().zip(shared) {
                element.copy_from(other);
            }
            self.extend_from_slice(rest);
        } else {
            // The standard library knows how to copy plain elements all at once.
            self.clone_from(other);
        }
    }
}

impl<T: Memory> Memory for VecDeque<T> {
    const HAS_HEAP: bool = true;

    fn heap_bytes(&self) -> usize {
        buffer_bytes::<T>(self.capacity()) + heap_of_all(self)
    }

    fn copy_from(&mut self, other: &Self) {
        if !suits(buffer_bytes::<T>(self.capacity()), buffer_bytes::<T>(other.len())) {
            *self = other.clone();
            return;
        }
        self.truncate(other.len());
        let shared = self.len();
        for (element, other) in self.iter_mut().zip(other) {
            element.copy_from(other);
        }
        self.extend(other.range(shared..).cloned());
    }
}

// Maps and sets hash with keys of their own. A copy takes over the keys and the layout of the other, in `clone` and in
// `clone_from`, and so both are iterated in the same order, in whichever memory the copy lies.

impl<K: Memory, V: Memory, S: Clone> Memory for HashMap<K, V, S> {
    const HAS_HEAP: bool = true;

    fn heap_bytes(&self) -> usize {
        hash_table_bytes::<(K, V)>(self.capacity())
            + heap_of_all(self.keys())
            + heap_of_all(self.values())
    }

    fn copy_from(&mut self, other: &Self) {
        self.clone_from(other);
    }
}

impl<T: Memory, S: Clone> Memory for HashSet<T, S> {
    const HAS_HEAP: bool = true;

    fn heap_bytes(&self) -> usize {
        hash_table_bytes::<T>(self.capacity()) + heap_of_all(self)
    }

    fn copy_from(&mut self, other: &Self) {
        self.clone_from(other);
    }
}

// The nodes of a tree cannot be kept from outside: keys that are equal need not be the same.

impl<K: Memory, V: Memory> Memory for BTreeMap<K, V> {
    const HAS_HEAP: bool = true;

    fn heap_bytes(&self) -> usize {
        tree_bytes::<(K, V)>(self.len()) + heap_of_all(self.keys()) + heap_of_all(self.values())
    }

    fn copy_from(&mut self, other: &Self) {
        *self = other.clone();
    }
}

impl<T: Memory> Memory for BTreeSet<T> {
    const HAS_HEAP: bool = true;

    fn heap_bytes(&self) -> usize {
        tree_bytes::<T>(self.len()) + heap_of_all(self)
    }

    fn copy_from(&mut self, other: &Self) {
        *self = other.clone();
    }
}

fn buffer_bytes<T>(elements: usize) -> usize {
    elements.saturating_mul(size_of::<T>())
}

/// About what the standard library's hash table keeps: a power of two of slots, of which an eighth stays free; a
/// byte beside each slot; and a group of sixteen such bytes at the end.
fn hash_table_bytes<T>(capacity: usize) -> usize {
    if capacity == 0 {
        return 0;
    }
    let slots = capacity.saturating_mul(8).div_ceil(7).next_power_of_two();
    slots.saturating_mul(size_of::<T>() + 1) + 16
}

/// About what the standard library's tree keeps: nodes with room for eleven entries, of which seven are usually
/// taken, and with links to one another.
fn tree_bytes<T>(entries: usize) -> usize {
    entries.div_ceil(7) * (11 * size_of::<T>() + 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_in_its_buffer_unless_that_is_too_small_or_far_too_large() {
        let copied = |capacity: usize, other: &str| {
            let mut text = String::with_capacity(capacity);
            let buffer = text.as_ptr();
            text.copy_from(&other.to_owned());
            assert_eq!(text, other);
            (text.as_ptr() == buffer, text.capacity())
        };
        let name = "x".repeat(100);
        assert_eq!(copied(100, &name), (true, 100));
        assert_eq!(copied(264, &name), (true, 264));
        assert_eq!(copied(265, &name).1, 100);
        assert_eq!(copied(99, &name).1, 100);
    }

    #[test]
    fn a_list_keeps_its_elements_memory() {
        let mut list = vec!["a".repeat(20), "b".repeat(20), "c".repeat(20)];
        let before: Vec<_> = list.iter().map(|text| text.as_ptr()).collect();
        let other = vec!["d".repeat(20), "e".repeat(19)];
        list.copy_from(&other);
        assert_eq!(list, other);
        assert_eq!(list.iter().map(|text| text.as_ptr()).collect::<Vec<_>>(), before[..2]);
        assert_eq!(list.capacity(), 3);
        let other = vec![String::new(), "f".repeat(500), "g".to_owned()];
        list.copy_from(&other);
        assert_eq!(list, other);
        assert_eq!(list[0].as_ptr(), before[0]);
    }

    #[test]
    fn a_list_gives_back_what_is_far_too_large() {
        let mut list: Vec<u64> = Vec::with_capacity(1_000);
        list.copy_from(&vec![1, 2]);
        assert_eq!((list.capacity(), &list[..]), (2, &[1, 2][..]));
        let mut queue: VecDeque<u64> = VecDeque::with_capacity(1_000);
        queue.copy_from(&VecDeque::from([1, 2]));
        assert_eq!(queue, [1, 2]);
        assert!(queue.capacity() < 10);
    }

    #[test]
    fn a_queue_that_goes_round_its_buffer_is_copied_in_order() {
        let round = |start: u8, length: u8| {
            let mut queue = VecDeque::with_capacity(8);
            queue.extend(vec![Vec::new(); 6]);
            while queue.pop_front().is_some() {}
            queue.extend((start..start + length).map(|number| vec![number]));
            queue
        };
        for (own, others) in [(0, 7), (3, 7), (7, 3), (7, 0), (8, 8)] {
            let (mut queue, other) = (round(100, own), round(1, others));
            queue.copy_from(&other);
            assert_eq!(queue, other);
        }
    }

    #[test]
    fn a_copied_map_is_iterated_as_its_original() {
        let original: HashMap<u32, String> = (0..50).map(|n| (n, n.to_string())).collect();
        for own in [0, 10, 50, 400] {
            let mut map: HashMap<u32, String> = (0..own).map(|n| (n + 7, String::new())).collect();
            map.copy_from(&original);
            assert!(map.iter().eq(&original), "a map of {own} that became a copy");
            assert_eq!(map.capacity(), original.capacity());
        }
        let set: HashSet<u32> = (0..50).collect();
        let mut copy: HashSet<u32> = (100..150).collect();
        copy.copy_from(&set);
        assert!(copy.iter().eq(&set));
    }

    #[test]
    fn heaps_are_counted_by_capacity_and_with_their_contents() {
        let mut list: Vec<String> = Vec::with_capacity(4);
        list.push(String::with_capacity(30));
        assert_eq!(list.heap_bytes(), 4 * size_of::<String>() + 30);
        assert_eq!(Vec::<u32>::with_capacity(9).heap_bytes(), 36);
        assert_eq!(Vec::<()>::from([(); 9]).heap_bytes(), 0);
        assert_eq!(VecDeque::<u16>::with_capacity(9).heap_bytes(), 18);
        assert_eq!(HashMap::<u64, String>::new().heap_bytes(), 0);
        assert_eq!(BTreeMap::<u64, String>::new().heap_bytes(), 0);
    }

    #[test]
    fn a_map_is_estimated_at_what_it_holds_and_not_much_more() {
        let entries = || (0..1_000_u64).map(|n| (n, "x".repeat(10)));
        let least = 1_000 * (size_of::<(u64, String)>() + 10);
        let estimates = [
            entries().collect::<HashMap<_, _>>().heap_bytes(),
            entries().collect::<BTreeMap<_, _>>().heap_bytes(),
            entries().collect::<HashSet<_>>().heap_bytes(),
            entries().collect::<BTreeSet<_>>().heap_bytes(),
        ];
        for estimate in estimates {
            assert!((least..3 * least).contains(&estimate), "{estimate}, at least {least}");
        }
    }
}
