//! A task is managed without saying so.

use daystar::prelude::*;

#[task]
#[managed]
struct Regrow;

#[managed]
#[task]
struct Wither;

fn main() {}
