//! Nobody could tell what a union holds when it arrives.

use daystar::prelude::*;

#[message]
union Number {
    whole: u64,
    fraction: f64,
}

fn main() {}
