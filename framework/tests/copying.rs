//! A task that changes an object works on a copy, and the copy is made in the memory of a value that is no longer
//! wanted. Whatever that value was, the copy is the original to the last field; its memory is used again where it
//! suits, and given back where it is far too large.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use daystar::prelude::*;
use daystar_model::Object;
use proptest::collection::{btree_map, btree_set, hash_map, hash_set, vec, vec_deque};
use proptest::option;
use proptest::prelude::*;

#[managed]
#[derive(Debug, PartialEq)]
struct Chest {
    label: String,
    numbers: (u8, i64, [u16; 3]),
    opened: Option<Timestamp>,
    lasts: Duration,
    owner: Option<Ref<Chest>>,
    kinds: Vec<Kind>,
    queue: VecDeque<Option<String>>,
    inner: Box<Kind>,
    by_name: HashMap<String, Kind>,
    by_place: BTreeMap<Place, Vec<u32>>,
    seen: (HashSet<Place>, BTreeSet<String>),
    foreign: (Foreign, Vec<Foreign>),
    found: Foreign,
    #[cfg(any())]
    absent: DoesNotExist,
}

#[managed]
#[derive(Debug, PartialEq)]
enum Kind {
    Nothing,
    Number(u32),
    Pair(#[cfg(any())] DoesNotExist, String, u8),
    Named {
        r#type: String,
        marks: Vec<u64>,
    },
    #[cfg(any())]
    Absent(DoesNotExist),
    Nested(Box<Kind>),
    Many(Vec<Self>),
}

#[managed]
#[derive(Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    x: i32,
    y: i32,
}

#[managed]
#[derive(Debug, PartialEq)]
struct Note {
    text: String,
    marks: Vec<u32>,
    lines: Vec<String>,
}

/// A type that can be stored, but that the framework has never heard of.
#[derive(Clone, Debug, PartialEq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
struct Foreign(String);

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z]{0,8}", "[a-zß]{0,300}"]
}

fn foreign() -> impl Strategy<Value = Foreign> {
    text().prop_map(Foreign)
}

fn place() -> impl Strategy<Value = Place> {
    (-9..9, -9..9).prop_map(|(x, y)| Place { x, y })
}

fn kind() -> impl Strategy<Value = Kind> {
    let leaf = prop_oneof![
        Just(Kind::Nothing),
        any::<u32>().prop_map(Kind::Number),
        (text(), any::<u8>()).prop_map(|(text, number)| Kind::Pair(text, number)),
        (text(), vec(any::<u64>(), 0..40))
            .prop_map(|(r#type, marks)| Kind::Named { r#type, marks }),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|kind| Kind::Nested(Box::new(kind))),
            vec(inner, 0..4).prop_map(Kind::Many),
        ]
    })
}

fn chest() -> impl Strategy<Value = Chest> {
    let plain = (any::<(u8, i64, [u16; 3])>(), option::of(any::<u64>()), any::<Duration>());
    let lists = (vec(kind(), 0..5), vec_deque(option::of(text()), 0..5), kind());
    let maps = (
        hash_map(text(), kind(), 0..5),
        btree_map(place(), vec(any::<u32>(), 0..9), 0..5),
        (hash_set(place(), 0..5), btree_set(text(), 0..5)),
    );
    let foreign = ((foreign(), vec(foreign(), 0..3)), foreign());
    (text(), plain, option::of(any::<u64>()), lists, maps, foreign).prop_map(
        |(label, (numbers, opened, lasts), owner, lists, maps, (foreign, found))| Chest {
            label,
            numbers,
            opened: opened.map(|unix_ms| Timestamp { unix_ms }),
            lasts,
            owner: owner.map(|raw| Ref::from_id(daystar_model::ObjectId::from_raw(raw))),
            kinds: lists.0,
            queue: lists.1,
            inner: Box::new(lists.2),
            by_name: maps.0,
            by_place: maps.1,
            seen: maps.2,
            foreign,
            found,
        },
    )
}

fn note() -> impl Strategy<Value = Note> {
    let parts = (text(), vec(any::<u32>(), 0..300), vec(text(), 0..30));
    parts.prop_map(|(text, marks, lines)| Note { text, marks, lines })
}

proptest! {
    #[test]
    fn a_struct_becomes_its_original(mut copy in chest(), original in chest()) {
        copy.copy_from(&original);
        prop_assert_eq!(copy, original);
    }

    #[test]
    fn an_enum_becomes_its_original(mut copy in kind(), original in kind()) {
        copy.copy_from(&original);
        prop_assert_eq!(copy, original);
    }

    #[test]
    fn a_copy_keeps_at_most_twice_what_it_needs_and_a_little(mut copy in note(), original in note()) {
        copy.copy_from(&original);
        let (needed, buffers) = (original.clone().heap_bytes(), 3 + original.lines.len());
        prop_assert!(copy.heap_bytes() <= 2 * needed + 64 * buffers);
        prop_assert_eq!(copy, original);
    }
}

#[test]
fn fields_of_equal_length_stay_where_they_are() {
    let note = |letter: &str| Note {
        text: letter.repeat(30),
        marks: std::vec![letter.len() as u32; 50],
        lines: std::vec![letter.repeat(70), letter.repeat(90)],
    };
    let buffers = |note: &Note| {
        let lines = (note.lines.as_ptr(), note.lines[0].as_ptr(), note.lines[1].as_ptr());
        (note.text.as_ptr(), note.marks.as_ptr(), lines, note.heap_bytes())
    };
    let (mut copy, original) = (note("a"), note("b"));
    let before = buffers(&copy);
    copy.copy_from(&original);
    assert_eq!(copy, original);
    assert_eq!(buffers(&copy), before);
}

#[test]
fn the_same_variant_stays_where_it_is_and_another_is_cloned() {
    let named = |letter: &str| Kind::Named { r#type: letter.repeat(30), marks: std::vec![1; 9] };
    let buffers = |kind: &Kind| match kind {
        Kind::Named { r#type, marks } => Some((r#type.as_ptr(), marks.as_ptr())),
        _ => None,
    };
    let mut copy = Kind::Nested(Box::new(named("a")));
    let Kind::Nested(inner) = &copy else { unreachable!() };
    let before = buffers(inner);
    copy.copy_from(&Kind::Nested(Box::new(named("b"))));
    let Kind::Nested(inner) = &copy else { unreachable!() };
    assert_eq!((&**inner, buffers(inner)), (&named("b"), before));
    copy.copy_from(&named("c"));
    assert_eq!(copy, named("c"));
}

#[test]
fn a_field_that_is_far_too_large_is_given_back() {
    let mut copy = Note {
        text: "x".repeat(10_000),
        marks: std::vec![1; 10_000],
        lines: std::vec![String::new(); 10_000],
    };
    let original = Note { text: "short".to_owned(), marks: std::vec![2], lines: Vec::new() };
    copy.copy_from(&original);
    assert_eq!(copy, original);
    assert_eq!((copy.text.capacity(), copy.marks.capacity(), copy.lines.capacity()), (5, 1, 0));
}

#[test]
fn bytes_are_those_of_the_value_and_of_its_heap() {
    let mut marks = Vec::with_capacity(7);
    marks.push(1_u32);
    let lines = std::vec![String::with_capacity(11), String::new()];
    let note = Note { text: String::with_capacity(100), marks, lines };
    let heap = 100 + 7 * 4 + 2 * size_of::<String>() + 11;
    assert_eq!(note.heap_bytes(), heap);
    assert_eq!(Object::bytes(&note), size_of::<Note>() + heap);

    let nested = Kind::Nested(Box::new(Kind::Pair(String::with_capacity(9), 1)));
    assert_eq!(nested.heap_bytes(), size_of::<Kind>() + 9);
    assert_eq!(Place { x: 1, y: 2 }.heap_bytes(), 0);
    assert_eq!(Kind::Nothing.heap_bytes(), 0);
}
