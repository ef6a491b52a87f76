//! Lists, maps and sets, shown.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use super::{References, Show, Value};

impl<T: Show> Show for Vec<T> {
    fn show(&self) -> Value {
        list(self)
    }

    fn refer(&self, found: &mut References) {
        self.iter().for_each(|element| element.refer(found));
    }
}

impl<T: Show> Show for VecDeque<T> {
    fn show(&self) -> Value {
        list(self)
    }

    fn refer(&self, found: &mut References) {
        self.iter().for_each(|element| element.refer(found));
    }
}

impl<T: Show, const N: usize> Show for [T; N] {
    fn show(&self) -> Value {
        list(self)
    }

    fn refer(&self, found: &mut References) {
        self.iter().for_each(|element| element.refer(found));
    }
}

impl<T: Show> Show for BTreeSet<T> {
    fn show(&self) -> Value {
        list(self)
    }

    fn refer(&self, found: &mut References) {
        self.iter().for_each(|element| element.refer(found));
    }
}

impl<K: Show, V: Show> Show for BTreeMap<K, V> {
    fn show(&self) -> Value {
        map(self.iter().map(|(key, value)| (key.show(), value.show())), K::IS_TEXT)
    }

    fn refer(&self, found: &mut References) {
        refer_all(self, found);
    }
}

// What is hashed comes in another order in each process. It is shown in one that stays, so that two looks at a world
// can be compared.

impl<T: Show, S> Show for HashSet<T, S> {
    fn show(&self) -> Value {
        let mut elements: Vec<Value> = self.iter().map(T::show).collect();
        elements.sort_by(order);
        Value::Array(elements)
    }

    fn refer(&self, found: &mut References) {
        self.iter().for_each(|element| element.refer(found));
    }
}

impl<K: Show, V: Show, S> Show for HashMap<K, V, S> {
    fn show(&self) -> Value {
        let mut entries: Vec<(Value, Value)> =
            self.iter().map(|(key, value)| (key.show(), value.show())).collect();
        entries.sort_by(|(one, _), (other, _)| order(one, other));
        map(entries, K::IS_TEXT)
    }

    fn refer(&self, found: &mut References) {
        refer_all(self, found);
    }
}

fn refer_all<'a, K: Show + 'a, V: Show + 'a>(
    entries: impl IntoIterator<Item = (&'a K, &'a V)>,
    found: &mut References,
) {
    for (key, value) in entries {
        key.refer(found);
        value.refer(found);
    }
}

fn list<'a, T: Show + 'a>(elements: impl IntoIterator<Item = &'a T>) -> Value {
    Value::Array(elements.into_iter().map(T::show).collect())
}

/// An object if the keys are texts, which are then all different as the keys are; else a list of pairs.
fn map(entries: impl IntoIterator<Item = (Value, Value)>, keys_are_text: bool) -> Value {
    if !keys_are_text {
        return entries.into_iter().map(|(key, value)| Value::Array(vec![key, value])).collect();
    }
    let named = entries.into_iter().map(|(key, value)| match key {
        Value::String(key) => (key, value),
        other => (other.to_string(), value),
    });
    Value::Object(named.collect())
}

/// Whole numbers by their size, everything else as it is written.
fn order(one: &Value, other: &Value) -> Ordering {
    if let (Some(one), Some(other)) = (one.as_u64(), other.as_u64()) {
        return one.cmp(&other);
    }
    if let (Some(one), Some(other)) = (one.as_i64(), other.as_i64()) {
        return one.cmp(&other);
    }
    one.to_string().cmp(&other.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_map_with_texts_for_keys_is_an_object_and_any_other_a_list_of_pairs() {
        let by_name = BTreeMap::from([("b".to_owned(), 1), ("a".to_owned(), 2)]);
        assert_eq!(by_name.show(), json!({"a": 2, "b": 1}));
        let by_number = BTreeMap::from([(7, "x".to_owned()), (-3, "y".to_owned())]);
        assert_eq!(by_number.show(), json!([[-3, "y"], [7, "x"]]));
        assert_eq!(BTreeMap::<String, u8>::new().show(), json!({}));
        assert_eq!(BTreeMap::<u8, u8>::new().show(), json!([]));
        assert_eq!(BTreeMap::from([('x', 1)]).show(), json!({"x": 1}));
    }

    #[test]
    fn what_is_hashed_is_shown_in_order() {
        let numbers: HashSet<i64> = (-60..60).collect();
        let sorted: Vec<i64> = (-60..60).collect();
        assert_eq!(numbers.show(), json!(sorted));
        let map: HashMap<u64, u64> = (0..60).map(|n| (n, n)).collect();
        let sorted: Vec<[u64; 2]> = (0..60).map(|n| [n, n]).collect();
        assert_eq!(map.show(), json!(sorted));
        let mut names: Vec<String> = (0..60).map(|n| format!("n{n}")).collect();
        let set: HashSet<String> = names.iter().cloned().collect();
        names.sort();
        assert_eq!(set.show(), json!(names));
    }

    #[test]
    fn lists_are_shown_in_their_order() {
        assert_eq!(vec![Some(2), None].show(), json!([2, null]));
        assert_eq!(VecDeque::from([2_u8, 1]).show(), json!([2, 1]));
        assert_eq!([[1_u8, 2], [3, 4]].show(), json!([[1, 2], [3, 4]]));
        assert_eq!(BTreeSet::from([2_u8, 1]).show(), json!([1, 2]));
    }
}
