//! What a type is made from is declared as old, else two types would claim the name.

use daystar::prelude::*;

#[managed(name = "Player")]
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
