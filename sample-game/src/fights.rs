//! Fights: players and creatures strike each other.

use daystar::prelude::*;

use crate::players::Player;

/// What a player asks for.
#[message]
#[derive(PartialEq)]
pub enum Ask {}

/// What a player is told.
#[message]
#[derive(PartialEq)]
pub enum Told {}

/// A player asks for something.
pub fn asked(_ctx: &Ctx, _session: Session, _me: Ref<Player>, ask: Ask) -> Result<()> {
    match ask {}
}
