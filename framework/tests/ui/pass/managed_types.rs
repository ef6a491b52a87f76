//! Everything that a managed type may hold comes back from its bytes as it was, and bytes that were not written
//! by it are refused, never taken for a value.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use daystar::prelude::*;

#[managed]
#[derive(Debug, PartialEq)]
struct Everything {
    name: String,
    numbers: (u8, u16, u32, u64, u128, i8, i16, i32, i64, i128),
    fractions: [f64; 2],
    letter: char,
    is_open: bool,
    since: Timestamp,
    lasts: Duration,
    other: Option<Ref<Everything>>,
    list: Vec<Kind>,
    queue: VecDeque<u8>,
    inner: Box<Kind>,
    by_name: HashMap<String, Kind>,
    by_place: BTreeMap<Place, Vec<u8>>,
    seen: HashSet<Place>,
    marked: BTreeSet<Place>,
    unit: Unit,
    tuple: Tuple,
    #[cfg(any())]
    absent: DoesNotExist,
}

#[managed]
#[derive(Clone, Debug, PartialEq, Default)]
enum Kind {
    #[default]
    Nothing,
    Number(u32),
    Named {
        r#type: String,
    },
    Nested(Box<Kind>),
    Many(Vec<Self>),
}

#[managed]
#[derive(Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Place {
    x: i32,
    side: Side,
}

#[managed]
#[derive(Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Side {
    Left,
    Right,
}

#[managed]
#[derive(Debug, PartialEq)]
struct Unit;

#[managed]
#[derive(Debug, PartialEq)]
struct Tuple(u8, String);

/// Two types that contain each other.
#[managed]
#[derive(Debug, PartialEq)]
struct Rule {
    conditions: Vec<Condition>,
}

#[managed]
#[derive(Debug, PartialEq)]
enum Condition {
    Always,
    Not(Box<Rule>),
}

#[managed(version = 3, name = "village.Bell")]
struct Bell {
    rings: u64,
}

fn main() {
    let place = Place { x: -1, side: Side::Right };
    let everything = Everything {
        name: "Ann".to_owned(),
        numbers: (1, 2, 3, 4, 5, -1, -2, -3, -4, i128::MIN),
        fractions: [0.5, -0.0],
        letter: 'ß',
        is_open: true,
        since: Timestamp { unix_ms: 7 },
        lasts: Duration::from_nanos(9),
        other: None,
        list: vec![Kind::Nothing, Kind::Many(vec![Kind::Number(3)])],
        queue: VecDeque::from([1, 2]),
        inner: Box::new(Kind::Nested(Box::new(Kind::Named { r#type: "oak".to_owned() }))),
        by_name: HashMap::from([("a".to_owned(), Kind::Number(1))]),
        by_place: BTreeMap::from([(place, vec![1, 2, 3])]),
        seen: HashSet::from([place]),
        marked: BTreeSet::from([place, Place { x: 4, side: Side::Left }]),
        unit: Unit,
        tuple: Tuple(1, "one".to_owned()),
    };
    let bytes = everything.encode().expect("it can be written");
    assert_eq!(Everything::decode(1, &bytes).expect("it can be read"), everything);

    let rule = Rule {
        conditions: vec![Condition::Not(Box::new(Rule { conditions: vec![Condition::Always] }))],
    };
    assert_eq!(
        Rule::decode(1, &rule.encode().expect("it can be written")).expect("it can be read"),
        rule
    );

    assert_eq!((Bell::TYPE_NAME, Bell::VERSION), ("village.Bell", 3));
    assert_eq!((Everything::TYPE_NAME, Everything::VERSION), ("Everything", 1));
    assert_eq!(Bell::descriptor().name, "village.Bell");
    assert!(daystar_model::TypeDescriptor::find("village.Bell").is_some());

    let bell = Bell { rings: 4 }.encode().expect("it can be written");
    assert_eq!(Bell::decode(3, &bell).expect("it was written just now").rings, 4);
    let error = Bell::decode(2, &bell).map(|_| ()).expect_err("it must be refused").to_string();
    assert!(
        error.contains("`village.Bell` of version 2") && error.contains("version 3"),
        "{error}"
    );

    // Bytes cut short, and bytes with one bit turned: an error or some other value, but never a panic or worse.
    for length in 0..bytes.len() {
        let _ = Everything::decode(1, &bytes[..length]);
    }
    let error = Everything::decode(1, &bytes[..bytes.len() - 4])
        .expect_err("it must be refused")
        .to_string();
    assert!(error.contains("not a valid `Everything`"), "{error}");
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let _ = Everything::decode(1, &damaged);
    }
}
