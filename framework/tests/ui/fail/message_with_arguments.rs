//! A message takes no arguments.

use daystar::prelude::*;

#[message(version = 2)]
enum Request {
    Ring,
}

fn main() {}
