//! Items: things that are owned by exactly one player, whose pack lists them.

use daystar::prelude::*;

use crate::messages::{Event, PackItem};
use crate::players::Player;
use crate::settings::PACK_ITEMS_MAX;

/// A thing. Its owner's pack lists it, and no other pack does.
#[managed]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// Whose it is.
    pub owner: Ref<Player>,
}

/// What an item is.
#[managed]
#[message]
#[derive(Copy, PartialEq, Eq)]
pub enum Kind {
    /// What every player finds on the beach at the start.
    Shell,
    /// What a felled tree gives.
    Wood,
}

/// Makes a new item and puts it into its owner's pack.
///
/// # Errors
/// A full pack.
pub fn make(
    ctx: &Ctx,
    kind: Kind,
    owner: Ref<Player>,
    pack: &mut Vec<Ref<Item>>,
) -> Result<PackItem> {
    ensure!(
        pack.len() < PACK_ITEMS_MAX,
        "your pack is full with {PACK_ITEMS_MAX} items; give one away, or throw one away"
    );
    let item = ctx.insert(Item { kind, owner })?;
    pack.push(item);
    Ok(PackItem { item, kind })
}

/// Takes an item out of a pack. Where it goes from there is the caller's duty.
///
/// # Errors
/// The pack does not list it. This is also what a reference that a client made up meets.
pub fn take_out(pack: &mut Vec<Ref<Item>>, item: Ref<Item>) -> Result<()> {
    let Some(index) = pack.iter().position(|listed| *listed == item) else {
        bail!("item {item} is not in your pack; Me tells what is");
    };
    pack.remove(index);
    Ok(())
}

/// Throws one of the player's items into the sea, from where nothing comes back.
pub fn throw_away(ctx: &Ctx, me: Ref<Player>, item: Ref<Item>) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    take_out(&mut player.pack, item)?;
    ctx.remove(item)?;
    ctx.reply(Event::Pack { pack: contents(ctx, &player.pack)? });
    Ok(())
}

/// What a pack holds, as its owner is told.
pub fn contents(ctx: &Ctx, pack: &[Ref<Item>]) -> Result<Vec<PackItem>> {
    pack.iter().map(|&item| Ok(PackItem { item, kind: ctx.get(item)?.kind })).collect()
}
