//! An old version is read, never written.

use daystar::prelude::*;

#[managed(name = "Player", version = 1, old)]
struct PlayerV1 {
    gold: u32,
}

fn make(ctx: &Ctx) -> Result<Ref<PlayerV1>> {
    ctx.insert(PlayerV1 { gold: 0 })
}

fn main() {}
