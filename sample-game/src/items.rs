//! Items: things that are held by exactly one holder, which lists them.

use std::fmt;

use daystar::prelude::*;

use crate::market::Order;
use crate::messages::{Event, PackItem};
use crate::players::Player;
use crate::remains::Remains;
use crate::settings::{PACK_GRAMS_MAX, PACK_ITEMS_MAX};

/// A thing. Its holder lists it, and nobody else does.
#[managed]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// Who or what has it.
    pub holder: Holder,
}

/// Who or what can have an item.
#[managed]
#[derive(Copy, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A player, in the pack.
    Player(Ref<Player>),
    /// An order at the market: what it sells, or has bought.
    Order(Ref<Order>),
    /// What is left of somebody who died.
    Remains(Ref<Remains>),
}

/// What an item is.
#[managed]
#[message]
#[derive(Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// What every player finds on the beach at the start.
    Shell,
    /// What a felled tree gives.
    Wood,
    /// What a vein gives.
    Ore,
    /// What a shoal gives.
    Fish,
    /// Made of wood.
    Plank,
    /// Ore, molten and cast.
    Bar,
    /// A weapon.
    Sword,
    /// Cooked fish; it heals.
    Stew,
    /// What a creature leaves.
    Pelt,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Shell,
        Self::Wood,
        Self::Ore,
        Self::Fish,
        Self::Plank,
        Self::Bar,
        Self::Sword,
        Self::Stew,
        Self::Pelt,
    ];

    /// What one of it weighs, in grams.
    pub fn weight(self) -> u32 {
        match self {
            Self::Shell => 50,
            Self::Wood => 2_000,
            Self::Ore => 3_000,
            Self::Fish => 800,
            Self::Plank => 1_500,
            Self::Bar => 4_000,
            Self::Sword => 2_500,
            Self::Stew => 600,
            Self::Pelt => 1_000,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shell => "shell",
            Self::Wood => "wood",
            Self::Ore => "ore",
            Self::Fish => "fish",
            Self::Plank => "plank",
            Self::Bar => "bar",
            Self::Sword => "sword",
            Self::Stew => "stew",
            Self::Pelt => "pelt",
        })
    }
}

/// Makes a new item and puts it into a player's pack.
///
/// # Errors
/// A pack without room for it.
pub fn make(ctx: &Ctx, kind: Kind, me: Ref<Player>, player: &mut Player) -> Result<PackItem> {
    room_for(ctx, player, &[kind])?;
    let item = ctx.insert(Item { kind, holder: Holder::Player(me) })?;
    player.pack.push(item);
    Ok(PackItem { item, kind })
}

/// Takes an item out of a player's pack, and out of the world.
///
/// # Errors
/// The pack does not list it.
pub fn destroy(ctx: &Ctx, item: Ref<Item>, player: &mut Player) -> Result<()> {
    take_out(&mut player.pack, item)?;
    ctx.remove(item)
}

/// Takes an item out of a holder's list. Where it goes from there is the caller's duty: [`put_in`] a pack, or to another
/// holder, who lists it and is named in it.
///
/// # Errors
/// The list does not have it. This is also what a reference that a client made up meets.
pub fn take_out(list: &mut Vec<Ref<Item>>, item: Ref<Item>) -> Result<()> {
    let Some(index) = list.iter().position(|listed| *listed == item) else {
        bail!("item {item} is not there; Me tells what is in your pack");
    };
    list.remove(index);
    Ok(())
}

/// Puts an item that was taken out of a list into a player's pack.
///
/// # Errors
/// A pack without room for it.
pub fn put_in(
    ctx: &Ctx,
    me: Ref<Player>,
    player: &mut Player,
    item: Ref<Item>,
) -> Result<PackItem> {
    let kind = ctx.get(item)?.kind;
    room_for(ctx, player, &[kind])?;
    ctx.get_mut(item)?.holder = Holder::Player(me);
    player.pack.push(item);
    Ok(PackItem { item, kind })
}

/// Whether things of these kinds all go into a player's pack as it is.
///
/// # Errors
/// Too many or too heavy: the refusal says which.
pub fn room_for(ctx: &Ctx, player: &Player, kinds: &[Kind]) -> Result<()> {
    let name = &player.name;
    ensure!(
        player.pack.len() + kinds.len() <= PACK_ITEMS_MAX,
        "the pack of {name} is full: it holds {PACK_ITEMS_MAX} items; give one away, or throw one away"
    );
    let carried = carried(ctx, player)?;
    let more: u32 = kinds.iter().map(|kind| kind.weight()).sum();
    ensure!(
        carried + more <= PACK_GRAMS_MAX,
        "that weighs {more} g, and {name} carries {carried} g of {PACK_GRAMS_MAX} already; give something away, or throw \
         something away"
    );
    Ok(())
}

/// What a player's items weigh together, in grams. They are few, so it is calculated when it is asked for.
pub fn carried(ctx: &Ctx, player: &Player) -> Result<u32> {
    player.pack.iter().map(|&item| Ok(ctx.get(item)?.kind.weight())).sum()
}

/// Throws one of the player's items into the sea, from where nothing comes back.
pub fn throw_away(ctx: &Ctx, me: Ref<Player>, item: Ref<Item>) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    destroy(ctx, item, &mut player)?;
    ctx.reply(Event::Pack { pack: contents(ctx, &player.pack)? });
    Ok(())
}

/// What a pack holds, as its owner is told.
pub fn contents(ctx: &Ctx, pack: &[Ref<Item>]) -> Result<Vec<PackItem>> {
    pack.iter().map(|&item| Ok(PackItem { item, kind: ctx.get(item)?.kind })).collect()
}
