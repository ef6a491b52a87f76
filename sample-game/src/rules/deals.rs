//! Two players are in a deal, both know of it, and both are in the game.

use std::collections::HashMap;

use daystar::prelude::*;

use crate::players::Player;
use crate::rules::Census;
use crate::trade::Deal;

/// Reports every deal that its players do not agree about.
pub fn check(world: &World, all: &Census) {
    let mut deals_of: HashMap<Ref<Player>, Vec<Ref<Deal>>> = HashMap::new();
    for (me, deal) in all.deals.each() {
        for side in &deal.sides {
            deals_of.entry(side.player).or_default().push(me);
        }
        if deal.sides.iter().all(|side| side.accepted) {
            world.problem(format!("deal {me} is accepted by both, but was not made"));
        }
    }
    for (me, player) in all.players.each() {
        let (name, deals) = (&player.name, deals_of.remove(&me).unwrap_or_default());
        if !deals.iter().eq(&player.offer) {
            world.problem(format!("{name} is in deal {:?}, but listed in {deals:?}", player.offer));
        }
        if !deals.is_empty() && player.session.is_none() {
            world.problem(format!("{name} is in a deal, but not in the game"));
        }
    }
    for (player, deals) in deals_of {
        world.problem(format!("player {player} does not exist, but is in {deals:?}"));
    }
}
