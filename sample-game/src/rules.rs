//! The rules that must hold whatever the players do: asked of a stored world by `sample-game verify`, and of the living one by
//! the [`auditor`](crate::auditor).

use daystar::prelude::*;

pub mod deals;
pub mod gold;
pub mod guilds;
pub mod leaders;
pub mod lives;
pub mod market;
pub mod places;
pub mod sources;
pub mod things;

/// Reports every broken rule.
pub fn check(world: &World) -> Result<()> {
    gold::check(world)?;
    things::check(world)?;
    places::check(world)?;
    sources::check(world)?;
    lives::check(world)?;
    leaders::check(world)?;
    market::check(world)?;
    guilds::check(world)?;
    deals::check(world)
}
