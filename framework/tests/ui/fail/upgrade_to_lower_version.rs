//! Versions rise.

use daystar::prelude::*;

#[managed(name = "Player", version = 2, old)]
struct PlayerV2 {
    gold: u32,
}

#[managed(version = 2, from = PlayerV2)]
struct Player {
    gold: u64,
}

impl From<PlayerV2> for Player {
    fn from(before: PlayerV2) -> Self {
        Self { gold: before.gold.into() }
    }
}

fn main() {}
