//! The types inside a managed type are managed too.

use daystar::prelude::*;

#[derive(Clone)]
struct Item {
    weight: u32,
}

#[managed]
struct Player {
    holds: Item,
}

fn main() {}
