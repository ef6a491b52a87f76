//! The types inside a managed type are managed too, also those in its lists.

use daystar::prelude::*;

#[derive(Clone)]
struct Item {
    weight: u32,
}

#[managed]
struct Player {
    pack: Vec<Item>,
}

fn main() {}
