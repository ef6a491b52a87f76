//! Giving: gold and items go from one player to another, all of it or nothing.

use daystar::prelude::*;

use crate::items::{self, Item};
use crate::messages::{Event, PackItem};
use crate::players::{self, Player};
use crate::settings::PACK_ITEMS_MAX;

/// Hands gold to the player called `to`, who need not be in the game just now.
pub fn give_gold(ctx: &Ctx, me: Ref<Player>, to: &str, gold: u64) -> Result<()> {
    let other = recipient(ctx, me, to)?;
    let mut giver = ctx.get_mut(me)?;
    let mut taker = ctx.get_mut(other)?;
    ensure!(gold > 0, "giving no gold is no gift; name an amount");
    ensure!(giver.gold >= gold, "you have only {} gold, and {gold} is more", giver.gold);
    giver.gold -= gold;
    taker.gold += gold;
    if let Some(session) = taker.session {
        ctx.send(session, Event::GotGold { from: giver.name.clone(), gold });
    }
    ctx.reply(Event::Purse { gold: giver.gold });
    Ok(())
}

/// Hands an item to the player called `to`, who need not be in the game just now.
pub fn give_item(ctx: &Ctx, me: Ref<Player>, to: &str, item: Ref<Item>) -> Result<()> {
    let other = recipient(ctx, me, to)?;
    let mut giver = ctx.get_mut(me)?;
    let mut taker = ctx.get_mut(other)?;
    ensure!(taker.pack.len() < PACK_ITEMS_MAX, "the pack of {to} is full; give them gold instead");
    items::take_out(&mut giver.pack, item)?;
    taker.pack.push(item);

    let mut given = ctx.get_mut(item)?;
    given.owner = other;
    if let Some(session) = taker.session {
        let item = PackItem { item, kind: given.kind };
        ctx.send(session, Event::GotItem { from: giver.name.clone(), item });
    }
    drop(given);
    ctx.reply(Event::Pack { pack: items::contents(ctx, &giver.pack)? });
    Ok(())
}

fn recipient(ctx: &Ctx, me: Ref<Player>, name: &str) -> Result<Ref<Player>> {
    let Some(other) = players::find(ctx, name)? else {
        bail!("nobody on the island is called {name:?}; Look tells who is near");
    };
    ensure!(other != me, "that is yourself; give it to someone else");
    Ok(other)
}
