//! The world is the same on every machine, and `usize` is not.

use daystar::prelude::*;

#[managed]
struct Player {
    steps: Option<usize>,
    marks: [u8; 4],
}

fn main() {}
