//! Every thing has one holder, which lists it once, and nobody else does. Nobody carries too much.

use std::collections::HashMap;

use daystar::prelude::*;

use crate::items::{Holder, Item};
use crate::players::Player;
use crate::rules::Census;
use crate::settings::{PACK_GRAMS_MAX, PACK_ITEMS_MAX};

/// Reports things that are listed wrongly, and packs that nobody could carry.
pub fn check(world: &World, all: &Census) {
    let mut lists: Lists = HashMap::new();
    for (me, player) in all.players.each() {
        list(&mut lists, Holder::Player(me), &player.pack);
    }
    for (me, order) in all.orders.each() {
        list(&mut lists, Holder::Order(me), &order.things);
    }
    for (me, remains) in all.remains.each() {
        list(&mut lists, Holder::Remains(me), &remains.things);
    }

    let mut carried: HashMap<Ref<Player>, (usize, u64)> = HashMap::new();
    for (me, item) in all.items.each() {
        let listed_by = lists.remove(&me).unwrap_or_default();
        if listed_by != [item.holder] {
            world.problem(format!("item {me} of {:?} is listed by {listed_by:?}", item.holder));
        }
        if let Holder::Player(player) = item.holder {
            let (items, grams) = carried.entry(player).or_default();
            *items += 1;
            *grams += u64::from(item.kind.weight());
        }
    }
    for (item, listed_by) in lists {
        world.problem(format!("item {item} does not exist, but is listed by {listed_by:?}"));
    }
    for (player, (items, grams)) in carried {
        if items > PACK_ITEMS_MAX || grams > u64::from(PACK_GRAMS_MAX) {
            world.problem(format!("player {player} carries {items} items that weigh {grams} g"));
        }
    }
}

/// Who lists which thing.
type Lists = HashMap<Ref<Item>, Vec<Holder>>;

fn list(lists: &mut Lists, holder: Holder, things: &[Ref<Item>]) {
    for thing in things {
        lists.entry(*thing).or_default().push(holder);
    }
}
