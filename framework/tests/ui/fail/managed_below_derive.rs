//! `#[managed]` stands above the derives, so that it sees them.

use daystar::prelude::*;

#[derive(Clone)]
#[managed]
struct Player;

fn main() {}
