//! `#[managed]` stands on the type itself.

use daystar::prelude::*;

struct Player;

#[managed]
impl Player {}

fn main() {}
