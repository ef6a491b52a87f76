//! The market: a book of orders for each good.

use daystar::prelude::*;

use crate::players::Player;

/// An order to buy or to sell.
#[managed]
pub struct Order {
    /// Whose it is.
    pub owner: Ref<Player>,
}

/// What a player asks for.
#[message]
#[derive(PartialEq)]
pub enum Ask {}

/// What a player is told.
#[message]
#[derive(PartialEq)]
pub enum Told {}

/// Opens the market, in a new world.
pub fn open(_ctx: &Ctx) -> Result<()> {
    Ok(())
}

/// A player asks for something.
pub fn asked(_ctx: &Ctx, _me: Ref<Player>, ask: Ask) -> Result<()> {
    match ask {}
}
