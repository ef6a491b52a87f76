//! Crafting: things are used up, and a new one is made of them, all of it or nothing.

use std::fmt;

use daystar::prelude::*;

use crate::items::{self, Item, Kind};
use crate::leaderboard;
use crate::messages::Event;
use crate::players::Player;

/// What can be made.
#[message]
#[derive(Copy, PartialEq, Eq)]
pub enum Recipe {
    /// Of two pieces of wood.
    Plank,
    /// Of two pieces of ore, and one of wood for the fire.
    Bar,
    /// Of a bar for the blade, and a plank for the hilt.
    Sword,
    /// Of two fish, and a piece of wood for the fire.
    Stew,
}

impl Recipe {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Plank, Self::Bar, Self::Sword, Self::Stew];

    /// What is used up, and how much of each.
    pub fn needs(self) -> &'static [(Kind, usize)] {
        match self {
            Self::Plank => &[(Kind::Wood, 2)],
            Self::Bar => &[(Kind::Ore, 2), (Kind::Wood, 1)],
            Self::Sword => &[(Kind::Bar, 1), (Kind::Plank, 1)],
            Self::Stew => &[(Kind::Fish, 2), (Kind::Wood, 1)],
        }
    }

    /// What is made.
    pub fn gives(self) -> Kind {
        match self {
            Self::Plank => Kind::Plank,
            Self::Bar => Kind::Bar,
            Self::Sword => Kind::Sword,
            Self::Stew => Kind::Stew,
        }
    }

    /// The fame of having made it.
    pub fn fame(self) -> u64 {
        match self {
            Self::Plank | Self::Stew => 1,
            Self::Bar => 3,
            Self::Sword => 10,
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.gives().fmt(f)
    }
}

/// Makes one thing of others that the player has. Of those that are alike, it takes what has been in the pack longest.
pub fn craft(ctx: &Ctx, me: Ref<Player>, recipe: Recipe) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    let mut used = Vec::new();
    for &(kind, needed) in recipe.needs() {
        let mut found = all_of(ctx, &player.pack, kind)?;
        ensure!(
            found.len() >= needed,
            "for a {recipe} you need {needed} {kind}, and have {}; gather or buy the rest",
            found.len()
        );
        found.truncate(needed);
        used.append(&mut found);
    }
    for &item in &used {
        items::destroy(ctx, item, &mut player)?;
    }
    let made = items::make(ctx, recipe.gives(), me, &mut player)?;
    leaderboard::praise(ctx, me, &mut player, recipe.fame())?;
    ctx.reply(Event::Crafted { made, used });
    Ok(())
}

/// The items of a kind in a pack, in its order.
fn all_of(ctx: &Ctx, pack: &[Ref<Item>], kind: Kind) -> Result<Vec<Ref<Item>>> {
    let mut found = Vec::new();
    for &item in pack {
        if ctx.get(item)?.kind == kind {
            found.push(item);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_made_is_heavier_than_what_it_is_made_of() {
        // Else a thing could not be made where its parts are carried.
        for recipe in Recipe::ALL {
            let parts: u32 =
                recipe.needs().iter().flat_map(|(kind, count)| vec![kind.weight(); *count]).sum();
            assert!(recipe.gives().weight() <= parts, "{recipe}");
        }
    }
}
