//! Arbitrary values of the kinds.

use std::num::NonZeroU16;
use std::time::Duration;

use daystar::{Ref, Timestamp};
use daystar_model::ObjectId;
use proptest::collection::{btree_map, btree_set, hash_map, hash_set, vec, vec_deque};
use proptest::option;
use proptest::prelude::*;

use crate::kinds::{Chest, Kind, Place};

fn place() -> impl Strategy<Value = Place> {
    (-9..9, -9..9).prop_map(|(x, y)| Place { x, y })
}

fn kind() -> impl Strategy<Value = Kind> {
    let leaf = prop_oneof![
        Just(Kind::Nothing),
        any::<u32>().prop_map(Kind::Number),
        ("[a-z]{0,20}", vec(any::<u64>(), 0..5))
            .prop_map(|(name, marks)| Kind::Named { name, marks }),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|kind| Kind::Nested(Box::new(kind))),
            vec(inner, 0..4).prop_map(Kind::Many),
        ]
    })
}

/// Any chest.
pub(crate) fn chest() -> impl Strategy<Value = Chest> {
    let plain =
        ("[a-zß]{0,20}", any::<(u8, i64, [u16; 3], bool, char, Option<NonZeroU16>)>(), -1e9..1e9);
    let times = (option::of(any::<u64>()), any::<Duration>(), option::of(any::<u64>()));
    let lists = (vec(kind(), 0..4), vec_deque(option::of("[a-z]{0,12}"), 0..4), kind());
    let maps =
        (hash_map("[a-z]{0,9}", kind(), 0..4), btree_map(place(), vec(any::<u32>(), 0..4), 0..9));
    let sets = (hash_set(place(), 0..5), btree_set("[a-z]{0,9}", 0..5));
    (plain, times, lists, maps, sets).prop_map(
        |((label, numbers, fraction), (opened, lasts, owner), lists, maps, seen)| Chest {
            label,
            numbers,
            fraction,
            opened: opened.map(|unix_ms| Timestamp { unix_ms }),
            lasts,
            owner: owner.map(|raw| Ref::from_id(ObjectId::from_raw(raw))),
            kinds: lists.0,
            queue: lists.1,
            inner: Box::new(lists.2),
            by_name: maps.0,
            by_place: maps.1,
            seen,
        },
    )
}
