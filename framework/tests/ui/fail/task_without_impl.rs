//! A task says what it does.

use daystar::prelude::*;

#[task]
struct Regrow {
    wood: u32,
}

fn main() {}
