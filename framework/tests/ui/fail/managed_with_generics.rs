//! A managed type has one stored form, so it has no parameters.

use daystar::prelude::*;

#[managed]
struct Chest<T> {
    content: Vec<T>,
}

#[managed]
struct Sign<'a> {
    text: &'a str,
}

fn main() {}
