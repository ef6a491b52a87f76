//! Both versions are stored under one name.

use daystar::prelude::*;

#[managed(name = "Character", version = 1, old)]
struct PlayerV1 {
    gold: u32,
}

#[managed(version = 2, from = PlayerV1)]
struct Player {
    gold: u64,
}

impl From<PlayerV1> for Player {
    fn from(before: PlayerV1) -> Self {
        Self { gold: before.gold.into() }
    }
}

fn main() {}
