//! Guilds: players who stand together.

use daystar::prelude::*;

use crate::players::Player;

/// A guild.
#[managed]
pub struct Guild {
    /// What it is called.
    pub name: String,
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
pub fn asked(_ctx: &Ctx, _session: Session, _me: Ref<Player>, ask: Ask) -> Result<()> {
    match ask {}
}

/// A player, of a guild or not, has come into the game.
pub fn come(_ctx: &Ctx, _session: Session, _player: &Player) -> Result<()> {
    Ok(())
}

/// A player, of a guild or not, leaves the game.
pub fn go(_ctx: &Ctx, _session: Session, _player: &Player) -> Result<()> {
    Ok(())
}
