//! Gold is conserved: all that there is was minted, and none of it was lost or copied since.

use daystar::prelude::*;

use crate::mint::Ledger;
use crate::rules::Census;
use crate::settings::START_GOLD;

/// Reports gold that nobody minted, and minted gold that is nowhere.
pub fn check(world: &World, all: &Census) {
    let players = all.players.each().map(|(_, player)| player.gold);
    let orders = all.orders.each().map(|(_, order)| order.gold);
    let banks = all.banks.each().map(|(_, bank)| bank.gold);
    let remains = all.remains.each().map(|(_, remains)| remains.gold);
    let gold: i128 = players.chain(orders).chain(banks).chain(remains).map(i128::from).sum();
    let minted = in_circulation(all);
    if gold != minted {
        world.problem(format!("there are {gold} gold, but {minted} was minted and not burnt"));
    }
    newcomers_got_what_they_should(world, all);
}

/// What must be in the world: all that was minted, less all that was burnt.
fn in_circulation(all: &Census) -> i128 {
    let ledgers = || all.ledgers.each().map(|(_, ledger)| ledger);
    let minted: i128 = ledgers().flat_map(Ledger::minted).map(|counter| count(all, counter)).sum();
    let burnt: i128 = ledgers().flat_map(Ledger::burnt).map(|counter| count(all, counter)).sum();
    minted - burnt
}

fn newcomers_got_what_they_should(world: &World, all: &Census) {
    let players = all.players.each().count();
    let due = players as i128 * i128::from(START_GOLD);
    for (_, ledger) in all.ledgers.each() {
        let minted = count(all, ledger.newcomers);
        if minted != due {
            world.problem(format!("{minted} gold was minted for {players} players, not {due}"));
        }
    }
}

/// What a counter says; nothing if it is gone.
fn count(all: &Census, counter: Ref<Counter>) -> i128 {
    let found = all.counters.each().find(|(me, _)| *me == counter);
    found.map_or(0, |(_, counter)| i128::from(counter.value()))
}
