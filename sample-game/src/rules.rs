//! The rules that must hold whatever the players do: asked of a stored world by `sample-game verify`, and of the living one by
//! the [`auditor`](crate::auditor).

use daystar::prelude::*;

use crate::bank::Bank;
use crate::creatures::Creature;
use crate::gathering::Source;
use crate::guilds::Guild;
use crate::items::Item;
use crate::leaderboard::Leaderboard;
use crate::market::{Book, Order};
use crate::mint::Ledger;
use crate::players::Player;
use crate::regions::Region;
use crate::remains::Remains;
use crate::trade::Deal;

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
    let all = Census::of(world)?;
    gold::check(world, &all);
    things::check(world, &all);
    places::check(world, &all);
    sources::check(world, &all);
    lives::check(world, &all);
    leaders::check(world, &all)?;
    market::check(world, &all)?;
    guilds::check(world, &all)?;
    deals::check(world, &all);
    Ok(())
}

/// All objects of a type.
pub struct All<T: Managed>(Vec<(Ref<T>, T)>);

impl<T: Managed> All<T> {
    fn of(world: &World) -> Result<Self> {
        let mut all = Vec::new();
        world.each::<T>(|me, one| {
            all.push((me, one.clone()));
            Ok(())
        })?;
        Ok(Self(all))
    }

    /// Each of them, in the order in which they were made.
    pub fn each(&self) -> impl Iterator<Item = (Ref<T>, &T)> {
        self.0.iter().map(|(me, one)| (*me, one))
    }
}

/// Everything that the rules are about. Most of them compare objects of several types, so each type is read once, for all of
/// the rules together.
pub struct Census {
    /// All banks of guilds.
    pub banks: All<Bank>,
    /// All books of the market.
    pub books: All<Book>,
    /// All counters; the mint's are among them.
    pub counters: All<Counter>,
    /// All creatures, alive or dead.
    pub creatures: All<Creature>,
    /// All deals that are about to be made.
    pub deals: All<Deal>,
    /// All guilds.
    pub guilds: All<Guild>,
    /// All things.
    pub items: All<Item>,
    /// All leaderboards, of which there is one.
    pub leaderboards: All<Leaderboard>,
    /// All ledgers of the mint, of which there is one.
    pub ledgers: All<Ledger>,
    /// All orders at the market.
    pub orders: All<Order>,
    /// All players, in the game or not.
    pub players: All<Player>,
    /// All regions.
    pub regions: All<Region>,
    /// All remains.
    pub remains: All<Remains>,
    /// All trees, veins and shoals.
    pub sources: All<Source>,
}

impl Census {
    fn of(world: &World) -> Result<Self> {
        Ok(Self {
            banks: All::of(world)?,
            books: All::of(world)?,
            counters: All::of(world)?,
            creatures: All::of(world)?,
            deals: All::of(world)?,
            guilds: All::of(world)?,
            items: All::of(world)?,
            leaderboards: All::of(world)?,
            ledgers: All::of(world)?,
            orders: All::of(world)?,
            players: All::of(world)?,
            regions: All::of(world)?,
            remains: All::of(world)?,
            sources: All::of(world)?,
        })
    }
}
