//! Trade: two players who stand near each other swap things and gold.

use daystar::prelude::*;

use crate::players::Player;

/// What two players are about to swap.
#[managed]
pub struct Deal {
    /// Who swaps.
    pub between: [Ref<Player>; 2],
}

/// What a player asks for.
#[message]
#[derive(PartialEq)]
pub enum Ask {}

/// What a player is told.
#[message]
#[derive(PartialEq)]
pub enum Told {}

/// A player asks for something.
pub fn asked(_ctx: &Ctx, _me: Ref<Player>, ask: Ask) -> Result<()> {
    match ask {}
}

/// A player took a step, perhaps away from the other.
pub fn walked(_ctx: &Ctx, _me: Ref<Player>, _player: &mut Player) -> Result<()> {
    Ok(())
}

/// Ends the deal that a player is in, if any.
pub fn end_for(_ctx: &Ctx, _me: Ref<Player>, _player: &mut Player, _reason: &str) -> Result<()> {
    Ok(())
}
