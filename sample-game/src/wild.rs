//! How wild an island is: the numbers with which it was made, kept in it.

use daystar::prelude::*;

use crate::settings::{
    BOARS, COMES_BACK_AFTER, CRABS, PROWL_EVERY, REMAINS_LAST, STRIKE_EVERY, WOLVES,
};

/// How many creatures there are, and how quick everything about them is.
///
/// A creature's tasks know their world and not the program that runs it, so the world keeps these numbers, under the name
/// `wild`. They are taken from [`Tideland`](crate::Tideland) when a world is made; a program with others does not change a
/// world that there is.
#[managed]
#[derive(Debug, PartialEq, Eq)]
pub struct Wild {
    /// How many crabs there are.
    pub crabs: u16,
    /// How many boars there are.
    pub boars: u16,
    /// How many wolves there are.
    pub wolves: u16,
    /// How often a creature does something while somebody is near.
    pub prowl_every: Duration,
    /// How soon a dead creature may come back. It takes up to half as long again, by chance.
    pub comes_back_after: Duration,
    /// How soon a player can strike again.
    pub strike_every: Duration,
    /// How long remains lie before they decay.
    pub remains_last: Duration,
}

impl Default for Wild {
    fn default() -> Self {
        Self {
            crabs: CRABS,
            boars: BOARS,
            wolves: WOLVES,
            prowl_every: PROWL_EVERY,
            comes_back_after: COMES_BACK_AFTER,
            strike_every: STRIKE_EVERY,
            remains_last: REMAINS_LAST,
        }
    }
}

impl Wild {
    /// An island on which nothing bites.
    pub fn tame() -> Self {
        Self { crabs: 0, boars: 0, wolves: 0, ..Self::default() }
    }

    /// Keeps these numbers in a new world.
    pub fn keep(&self, ctx: &Ctx) -> Result<()> {
        let wild = ctx.insert(self.clone())?;
        ctx.bind(NAME, wild)
    }

    /// This world's numbers.
    ///
    /// # Errors
    /// A world in which they were not kept.
    pub fn of<'c>(ctx: &'c Ctx) -> Result<Read<'c, Self>> {
        ctx.get(ctx.lookup(NAME)?)
    }
}

/// Under which name a world keeps them.
const NAME: &str = "wild";
