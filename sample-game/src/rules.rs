//! The rules that must hold whatever the players do, checked on a stored world by `sample-game verify`.

use std::collections::{HashMap, HashSet};

use daystar::prelude::*;

use crate::island::{Position, Tile};
use crate::items::Item;
use crate::players::Player;
use crate::regions::{Place, Region};
use crate::settings::{PACK_ITEMS_MAX, START_GOLD, TREE_STROKES};
use crate::trees::Tree;

/// Reports every broken rule.
pub fn check(world: &World) -> Result<()> {
    gold_is_conserved(world)?;
    every_item_has_one_owner(world)?;
    everyone_is_in_one_region(world)?;
    every_tree_is_where_it_is_drawn(world)
}

/// All gold was minted for new players, and none of it was lost or copied since.
fn gold_is_conserved(world: &World) -> Result<()> {
    let (mut players, mut gold) = (0_u64, 0_u128);
    world.each::<Player>(|_, player| {
        players += 1;
        gold += u128::from(player.gold);
        Ok(())
    })?;
    let minted = u128::from(players) * u128::from(START_GOLD);
    if gold != minted {
        world.problem(format!("{players} players have {gold} gold, but {minted} was minted"));
    }
    Ok(())
}

/// An item is in the pack of its owner, once, and in no other.
fn every_item_has_one_owner(world: &World) -> Result<()> {
    let mut listed_by: HashMap<Ref<Item>, Vec<Ref<Player>>> = HashMap::new();
    world.each::<Player>(|me, player| {
        for &item in &player.pack {
            listed_by.entry(item).or_default().push(me);
        }
        if player.pack.len() > PACK_ITEMS_MAX {
            world.problem(format!("{} carries {} items", player.name, player.pack.len()));
        }
        Ok(())
    })?;
    world.each::<Item>(|me, item| {
        let packs = listed_by.remove(&me).unwrap_or_default();
        if packs != [item.owner] {
            world.problem(format!(
                "item {me} of player {} is in the packs of {packs:?}",
                item.owner
            ));
        }
        Ok(())
    })?;
    for (item, packs) in listed_by {
        world.problem(format!("item {item} does not exist, but is in the packs of {packs:?}"));
    }
    Ok(())
}

/// Who is in the game is listed by the region they stand in and by no other, who is not by none, and
/// nobody stands in the sea.
fn everyone_is_in_one_region(world: &World) -> Result<()> {
    let mut listed_in: HashMap<Ref<Player>, Vec<Place>> = HashMap::new();
    world.each::<Region>(|_, region| {
        for &player in &region.players {
            listed_in.entry(player).or_default().push(region.place);
        }
        Ok(())
    })?;
    world.each::<Player>(|me, player| {
        let (name, at) = (&player.name, player.at);
        if !at.tile().is_open() {
            world.problem(format!("{name} stands at {at}, where {} is", at.tile()));
        }
        let listed = listed_in.remove(&me).unwrap_or_default();
        let expected = player.session.map(|_| Place::of(at));
        if !listed.iter().eq(&expected) {
            world
                .problem(format!("{name} at {at} should be in {expected:?}, but is in {listed:?}"));
        }
        Ok(())
    })?;
    for (player, places) in listed_in {
        world.problem(format!("player {player} does not exist, but is in {places:?}"));
    }
    Ok(())
}

/// Each tree stands where the map shows one, alone, and its region lists it.
fn every_tree_is_where_it_is_drawn(world: &World) -> Result<()> {
    let mut listed_in: HashMap<Ref<Tree>, Vec<Place>> = HashMap::new();
    world.each::<Region>(|_, region| {
        for &tree in &region.trees {
            listed_in.entry(tree).or_default().push(region.place);
        }
        Ok(())
    })?;
    let mut taken: HashSet<Position> = HashSet::new();
    world.each::<Tree>(|me, tree| {
        let at = tree.at;
        if at.tile() != Tile::Tree || !taken.insert(at) {
            world.problem(format!("tree {me} at {at} is not on the map, or not alone there"));
        }
        let listed = listed_in.remove(&me).unwrap_or_default();
        if listed != [Place::of(at)] {
            world.problem(format!("tree {me} at {at} is listed in {listed:?}"));
        }
        if tree.strokes_left > TREE_STROKES {
            world.problem(format!("tree {me} at {at} stands {} strokes", tree.strokes_left));
        }
        Ok(())
    })?;
    for (tree, places) in listed_in {
        world.problem(format!("tree {tree} does not exist, but is in {places:?}"));
    }
    Ok(())
}
