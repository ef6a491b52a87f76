//! The key of a map can be compared.

use std::collections::BTreeMap;

use daystar::prelude::*;

#[managed]
struct Place {
    x: i32,
    y: i32,
}

#[managed]
struct Region {
    trees: BTreeMap<Place, u32>,
}

fn main() {}
