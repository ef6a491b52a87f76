//! What `#[managed]` can be told, and how.

use daystar::prelude::*;

#[managed(form = OldPlayer)]
struct Misspelled;

#[managed(from = OldPlayer)]
struct FromWithoutVersion;

#[managed(version = 2, from = "PlayerV1")]
struct FromInQuotes;

#[managed(version = 1, old)]
struct OldWithoutName;

#[managed(name = "Player", old)]
struct OldWithoutVersion;

#[managed(name = "Player", version = 1, old = true)]
struct OldWithValue;

#[managed(version = "2")]
struct Quoted;

#[managed(version)]
struct Unfinished;

#[managed(name = Player)]
struct Unquoted;

#[managed(version = 2, version = 3)]
struct Twice;

fn main() {}
