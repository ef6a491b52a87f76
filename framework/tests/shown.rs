//! Every object can be shown as JSON, and every type's layout told, whatever it is made of.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use daystar::prelude::*;
use daystar_model::{Object, ObjectId, Record};
use serde_json::json;

#[managed]
struct Chest {
    label: String,
    gold: u64,
    weights: (u8, f32, [i16; 2]),
    opened: Option<Timestamp>,
    lasts: Duration,
    owner: Option<Ref<Chest>>,
    kinds: Vec<Kind>,
    queue: VecDeque<Option<String>>,
    inner: Box<Kind>,
    by_name: HashMap<String, Kind>,
    by_place: BTreeMap<Place, Vec<u32>>,
    by_side: BTreeMap<Side, bool>,
    by_owner: HashMap<Ref<Chest>, u8>,
    seen: HashSet<Place>,
    unit: Unit,
    code: Code,
    pair: Pair,
    found: Foreign,
    foreign: Vec<Foreign>,
    r#type: Side,
    #[cfg(any())]
    absent: DoesNotExist,
}

#[managed]
enum Kind {
    Nothing,
    Number(u32),
    Pair(String, u8),
    Named {
        r#type: String,
        marks: Vec<u64>,
    },
    #[cfg(any())]
    Absent(DoesNotExist),
    Many(Vec<Self>),
}

#[managed]
#[derive(Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    x: i32,
    y: i32,
}

#[managed]
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Left,
    Right,
}

#[managed]
struct Unit;

#[managed]
struct Code(String);

#[managed]
struct Pair(u8, Code);

/// A type that can be stored, but that the framework has never heard of.
#[derive(Clone, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
struct Foreign(String);

fn chest() -> Chest {
    let other = Ref::from_id(ObjectId::from_raw(17));
    let place = Place { x: 1, y: -2 };
    Chest {
        label: "a \"chest\"".to_owned(),
        gold: u64::MAX,
        weights: (1, 0.1, [-1, 2]),
        opened: Some(Timestamp { unix_ms: 5 }),
        lasts: Duration::from_millis(20),
        owner: Some(other),
        kinds: vec![
            Kind::Nothing,
            Kind::Number(3),
            Kind::Pair("x".to_owned(), 4),
            Kind::Named { r#type: "oak".to_owned(), marks: vec![1] },
            Kind::Many(vec![Kind::Nothing]),
        ],
        queue: VecDeque::from([None, Some("q".to_owned())]),
        inner: Box::new(Kind::Nothing),
        by_name: HashMap::from([
            ("b".to_owned(), Kind::Nothing),
            ("a".to_owned(), Kind::Number(1)),
        ]),
        by_place: BTreeMap::from([(place, vec![1, 2])]),
        by_side: BTreeMap::from([(Side::Right, true), (Side::Left, false)]),
        by_owner: HashMap::from([(other, 9)]),
        seen: HashSet::from([place]),
        unit: Unit,
        code: Code("c".to_owned()),
        pair: Pair(1, Code("d".to_owned())),
        found: Foreign("f".to_owned()),
        foreign: vec![Foreign("g".to_owned())],
        r#type: Side::Left,
    }
}

#[test]
fn everything_is_shown() {
    let mut shown = chest().to_json();
    // These say the full path of their type.
    for name in ["found", "foreign"] {
        let unknown = shown.as_object_mut().unwrap().shift_remove(name).unwrap();
        let text = unknown.as_str().unwrap();
        assert!(text.contains("Foreign") && text.contains("not shown"), "{text}");
    }
    let expected = json!({
        "label": "a \"chest\"",
        "gold": u64::MAX,
        "weights": [1, 0.1, [-1, 2]],
        "opened": {"unix_ms": 5},
        "lasts": "20ms",
        "owner": "Chest#17",
        "kinds": [
            "Nothing",
            {"Number": 3},
            {"Pair": ["x", 4]},
            {"Named": {"type": "oak", "marks": [1]}},
            {"Many": ["Nothing"]},
        ],
        "queue": [null, "q"],
        "inner": "Nothing",
        "by_name": {"a": {"Number": 1}, "b": "Nothing"},
        "by_place": [[{"x": 1, "y": -2}, [1, 2]]],
        "by_side": {"Left": false, "Right": true},
        "by_owner": {"Chest#17": 9},
        "seen": [{"x": 1, "y": -2}],
        "unit": null,
        "code": "c",
        "pair": [1, "d"],
        "type": "Left",
    });
    // As texts, because the order of the fields is part of it.
    assert_eq!(shown.to_string(), expected.to_string());
}

#[test]
fn everything_has_a_layout() {
    let expected = "Chest { label: String, gold: u64, weights: (u8, f32, [i16; 2]), \
        opened: Option<Timestamp>, lasts: Duration, owner: Option<Ref<Chest>>, kinds: Vec<Kind>, \
        queue: VecDeque<Option<String>>, inner: Box<Kind>, by_name: HashMap<String, Kind>, \
        by_place: BTreeMap<Place, Vec<u32>>, by_side: BTreeMap<Side, bool>, \
        by_owner: HashMap<Ref<Chest>, u8>, seen: HashSet<Place>, unit: Unit, code: Code, pair: Pair, \
        found: ?, foreign: ?, type: Side }; \
        Kind Nothing | Number(u32) | Pair(String, u8) | Named{ type: String, marks: Vec<u64> } | \
        Many(Vec<Kind>); \
        Place { x: i32, y: i32 }; Side Left | Right; Unit ; Code (String); Pair (u8, Code)";
    assert_eq!(Chest::layout(1).as_deref(), Some(expected));
}

#[test]
fn a_loaded_object_is_shown_without_knowing_its_type() {
    let payload = Managed::encode(&Code("secret".to_owned())).unwrap();
    let commit = daystar_model::CommitNumber(1);
    let record = Record { type_name: "Code", version: 1, commit, payload: &payload };
    assert_eq!(record.value().unwrap().to_json(), json!("secret"));
}
