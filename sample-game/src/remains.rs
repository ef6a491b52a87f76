//! Remains: what lies where somebody died.

use daystar::prelude::*;

use crate::island::Position;
use crate::items::Item;

/// Gold and things that lie on the ground.
#[managed]
pub struct Remains {
    /// Where.
    pub at: Position,
    /// How much gold.
    pub gold: u64,
    /// The things, each of which names these remains as its holder.
    pub things: Vec<Ref<Item>>,
}

/// Remains, as players see them.
#[message]
#[derive(Copy, PartialEq, Eq)]
pub struct SeenRemains {
    /// Which remains.
    pub remains: Ref<Remains>,
    /// Where.
    pub at: Position,
}

/// Those of `lying` that are within `sight` of `here`.
pub fn in_sight(
    _ctx: &Ctx,
    _lying: &[Ref<Remains>],
    _here: Position,
    _sight: u16,
) -> Result<Vec<SeenRemains>> {
    Ok(Vec::new())
}
