//! The types inside a message are messages too.

use daystar::prelude::*;

#[derive(Clone, Debug)]
struct Item {
    weight: u32,
}

#[message]
enum Event {
    Found { items: Vec<Item> },
    At(std::time::Instant),
}

fn main() {}
