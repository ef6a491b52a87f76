//! Gold is conserved: all that there is was minted, and none of it was lost or copied since.

use daystar::prelude::*;

use crate::bank::Bank;
use crate::market::Order;
use crate::mint::{self, Ledger};
use crate::players::Player;
use crate::remains::Remains;
use crate::settings::START_GOLD;

/// Reports gold that nobody minted, and minted gold that is nowhere.
pub fn check(world: &World) -> Result<()> {
    let (mut gold, mut players) = (0_i128, 0_i128);
    world.each::<Player>(|_, player| {
        gold += i128::from(player.gold);
        players += 1;
        Ok(())
    })?;
    world.each::<Order>(|_, order| {
        gold += i128::from(order.gold);
        Ok(())
    })?;
    world.each::<Bank>(|_, bank| {
        gold += i128::from(bank.gold);
        Ok(())
    })?;
    world.each::<Remains>(|_, remains| {
        gold += i128::from(remains.gold);
        Ok(())
    })?;
    let minted = mint::in_circulation(world)?;
    if gold != minted {
        world.problem(format!("there are {gold} gold, but {minted} was minted and not burnt"));
    }
    newcomers_got_what_they_should(world, players)
}

fn newcomers_got_what_they_should(world: &World, players: i128) -> Result<()> {
    let mut newcomers = None;
    world.each::<Ledger>(|_, ledger| {
        newcomers = Some(ledger.newcomers);
        Ok(())
    })?;
    let due = players * i128::from(START_GOLD);
    world.each::<Counter>(|me, counter| {
        if Some(me) == newcomers && i128::from(counter.value()) != due {
            let minted = counter.value();
            world.problem(format!("{minted} gold was minted for {players} players, not {due}"));
        }
        Ok(())
    })
}
