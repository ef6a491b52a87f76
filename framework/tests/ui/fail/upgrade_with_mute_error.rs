//! What a conversion refuses, it must be able to explain.

use daystar::prelude::*;

#[managed(name = "Player", version = 1, old)]
struct PlayerV1 {
    gold: i32,
}

#[managed(version = 2, from = PlayerV1)]
struct Player {
    gold: u32,
}

impl TryFrom<PlayerV1> for Player {
    type Error = ();

    fn try_from(before: PlayerV1) -> std::result::Result<Self, ()> {
        Ok(Self { gold: before.gold.try_into().map_err(drop)? })
    }
}

fn main() {}
