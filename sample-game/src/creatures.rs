//! Creatures: what lives on the island beside the players.

use daystar::prelude::*;

use crate::island::Position;

/// A creature.
#[managed]
pub struct Creature {
    /// Where it is.
    pub at: Position,
}

/// A creature, as players see it.
#[message]
#[derive(Copy, PartialEq, Eq)]
pub struct SeenCreature {
    /// Which creature.
    pub creature: Ref<Creature>,
    /// Where.
    pub at: Position,
}

/// Puts the creatures onto the island, in a new world.
pub fn settle(_ctx: &Ctx) -> Result<()> {
    Ok(())
}

/// Those of `creatures` that are within `sight` of `here`.
pub fn in_sight(
    _ctx: &Ctx,
    _creatures: &[Ref<Creature>],
    _here: Position,
    _sight: u16,
) -> Result<Vec<SeenCreature>> {
    Ok(Vec::new())
}
