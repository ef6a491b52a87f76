//! Managed types made of everything that a type may be made of, to be read from bytes that nobody wrote.
//!
//! But for lists of values without a size, of which four bytes may rightly claim to be billions.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::num::NonZeroU16;

use daystar::prelude::*;

/// Its name is that of version 2 of the type below, of which this is the first.
#[managed(name = "Chest", version = 1, old)]
pub struct ChestV1 {
    label: String,
    kinds: Vec<Kind>,
}

#[managed(version = 2, from = ChestV1)]
#[derive(Debug, PartialEq)]
pub struct Chest {
    pub label: String,
    pub numbers: (u8, i64, [u16; 3], bool, char, Option<NonZeroU16>),
    pub fraction: f64,
    pub opened: Option<Timestamp>,
    pub lasts: Duration,
    pub owner: Option<Ref<Chest>>,
    pub kinds: Vec<Kind>,
    pub queue: VecDeque<Option<String>>,
    pub inner: Box<Kind>,
    pub by_name: HashMap<String, Kind>,
    pub by_place: BTreeMap<Place, Vec<u32>>,
    pub seen: (HashSet<Place>, BTreeSet<String>),
}

#[managed]
#[derive(Debug, PartialEq)]
pub enum Kind {
    Nothing,
    Number(u32),
    Named { name: String, marks: Vec<u64> },
    Nested(Box<Kind>),
    Many(Vec<Kind>),
}

#[managed]
#[derive(Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub x: i32,
    pub y: i32,
}

impl ChestV1 {
    /// The least that one can be.
    pub fn empty() -> Self {
        Self { label: String::new(), kinds: Vec::new() }
    }
}

impl From<ChestV1> for Chest {
    fn from(before: ChestV1) -> Self {
        Self {
            label: before.label,
            numbers: (0, 0, [0; 3], false, 'a', None),
            fraction: 0.0,
            opened: None,
            lasts: Duration::ZERO,
            owner: None,
            kinds: before.kinds,
            queue: VecDeque::new(),
            inner: Box::new(Kind::Nothing),
            by_name: HashMap::new(),
            by_place: BTreeMap::new(),
            seen: (HashSet::new(), BTreeSet::new()),
        }
    }
}
