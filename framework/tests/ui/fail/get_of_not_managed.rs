//! What is got or inserted is managed.

use daystar::prelude::*;

struct Player {
    gold: u64,
}

fn gold(ctx: &Ctx, player: Ref<Player>) -> Result<u64> {
    Ok(ctx.get(player)?.gold)
}

fn make(ctx: &Ctx) -> Result<Ref<Player>> {
    ctx.insert(Player { gold: 0 })
}

fn main() {}
