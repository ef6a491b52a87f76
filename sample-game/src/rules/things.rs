//! Every thing has one holder, which lists it once, and nobody else does. Nobody carries too much.

use std::collections::HashMap;

use daystar::prelude::*;

use crate::items::{Holder, Item};
use crate::market::Order;
use crate::players::Player;
use crate::remains::Remains;
use crate::settings::{PACK_GRAMS_MAX, PACK_ITEMS_MAX};

/// Reports things that are listed wrongly, and packs that nobody could carry.
pub fn check(world: &World) -> Result<()> {
    let mut lists: Lists = HashMap::new();
    world.each::<Player>(|me, player| list(&mut lists, Holder::Player(me), &player.pack))?;
    world.each::<Order>(|me, order| list(&mut lists, Holder::Order(me), &order.things))?;
    world.each::<Remains>(|me, remains| list(&mut lists, Holder::Remains(me), &remains.things))?;

    let mut carried: HashMap<Ref<Player>, (usize, u64)> = HashMap::new();
    world.each::<Item>(|me, item| {
        let listed_by = lists.remove(&me).unwrap_or_default();
        if listed_by != [item.holder] {
            world.problem(format!("item {me} of {:?} is listed by {listed_by:?}", item.holder));
        }
        if let Holder::Player(player) = item.holder {
            let (items, grams) = carried.entry(player).or_default();
            *items += 1;
            *grams += u64::from(item.kind.weight());
        }
        Ok(())
    })?;
    for (item, listed_by) in lists {
        world.problem(format!("item {item} does not exist, but is listed by {listed_by:?}"));
    }
    for (player, (items, grams)) in carried {
        if items > PACK_ITEMS_MAX || grams > u64::from(PACK_GRAMS_MAX) {
            world.problem(format!("player {player} carries {items} items that weigh {grams} g"));
        }
    }
    Ok(())
}

/// Who lists which thing.
type Lists = HashMap<Ref<Item>, Vec<Holder>>;

fn list(lists: &mut Lists, holder: Holder, things: &[Ref<Item>]) -> Result<()> {
    for thing in things {
        lists.entry(*thing).or_default().push(holder);
    }
    Ok(())
}
