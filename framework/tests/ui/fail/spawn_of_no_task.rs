//! What is spawned is a task.

use daystar::prelude::*;

#[managed]
struct Regrow {
    wood: u32,
}

fn plant(ctx: &Ctx) -> Result<()> {
    ctx.spawn(Regrow { wood: 3 })
}

fn main() {}
