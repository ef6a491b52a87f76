//! A version that is made from an older one needs the conversion.

use daystar::prelude::*;

#[managed(name = "Player", version = 1, old)]
struct PlayerV1 {
    gold: u32,
}

#[managed(version = 2, from = PlayerV1)]
struct Player {
    gold: u64,
}

fn main() {}
