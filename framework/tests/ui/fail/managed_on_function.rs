//! `#[managed]` makes types, not functions.

use daystar::prelude::*;

#[managed]
fn player() {}

fn main() {}
