//! Giving: gold and items go from one player to another, all of it or nothing.

use daystar::prelude::*;

use crate::items::{self, Item, Kind};
use crate::messages::Event;
use crate::players::{self, Player};
use crate::settings::{PACK_GRAMS_MAX, PACK_ITEMS_MAX};

/// Hands gold to the player called `to`, who need not be in the game just now.
pub fn give_gold(ctx: &Ctx, me: Ref<Player>, to: &str, gold: u64) -> Result<()> {
    let other = recipient(ctx, me, to)?;
    let mut giver = ctx.get_mut(me)?;
    let mut taker = ctx.get_mut(other)?;
    ensure!(gold > 0, "giving no gold is no gift; name an amount");
    ensure!(giver.gold >= gold, "you have only {} gold, and {gold} is more", giver.gold);
    giver.gold -= gold;
    taker.gold += gold;
    players::tell(ctx, &taker, Event::GotGold { from: giver.name.clone(), gold });
    ctx.reply(Event::Purse { gold: giver.gold });
    Ok(())
}

/// Hands an item to the player called `to`, who need not be in the game just now.
pub fn give_item(ctx: &Ctx, me: Ref<Player>, to: &str, item: Ref<Item>) -> Result<()> {
    let other = recipient(ctx, me, to)?;
    let mut giver = ctx.get_mut(me)?;
    let mut taker = ctx.get_mut(other)?;
    // The last place in a pack is its owner's, with room for whatever may be gathered, or others could keep them from ever gathering
    // anything.
    let name = &taker.name;
    let gift = ctx.get(item).map_or(0, |item| item.kind.weight());
    let grams = items::carried(ctx, &taker)? + gift + HEAVIEST_GATHERED.weight();
    ensure!(
        taker.pack.len() + 1 < PACK_ITEMS_MAX && grams <= PACK_GRAMS_MAX,
        "the pack of {name} has room for no more gifts; wait until {name} gives something away"
    );
    items::take_out(&mut giver.pack, item)?;
    let item = items::put_in(ctx, other, &mut taker, item)?;
    players::tell(ctx, &taker, Event::GotItem { from: giver.name.clone(), item });
    ctx.reply(Event::Pack { pack: items::contents(ctx, &giver.pack)? });
    Ok(())
}

fn recipient(ctx: &Ctx, me: Ref<Player>, name: &str) -> Result<Ref<Player>> {
    let other = players::called(ctx, name)?;
    ensure!(other != me, "that is yourself; give it to someone else");
    Ok(other)
}

/// Of what trees, veins and shoals give.
const HEAVIEST_GATHERED: Kind = Kind::Ore;
