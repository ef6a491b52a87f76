//! What `#[managed]` can be told, and how.

use daystar::prelude::*;

#[managed(form = OldPlayer)]
struct Misspelled;

#[managed(from = OldPlayer)]
struct NotYetThere;

#[managed(version = "2")]
struct Quoted;

#[managed(version)]
struct Unfinished;

#[managed(name = Player)]
struct Unquoted;

#[managed(version = 2, version = 3)]
struct Twice;

fn main() {}
