//! The rules that must hold whatever the players do, checked on a stored world by `sample-game verify`.

use std::collections::{HashMap, HashSet};

use daystar::prelude::*;

use crate::bank::Bank;
use crate::gathering::{Source, yields};
use crate::island::Position;
use crate::items::{Holder, Item};
use crate::market::Order;
use crate::mint;
use crate::players::Player;
use crate::regions::{Place, Region};
use crate::settings::{PACK_GRAMS_MAX, PACK_ITEMS_MAX};

pub mod deals;
pub mod guilds;
pub mod leaders;
pub mod market;

/// Reports every broken rule.
pub fn check(world: &World) -> Result<()> {
    gold_is_conserved(world)?;
    every_item_has_one_holder(world)?;
    nobody_carries_too_much(world)?;
    everyone_is_in_one_region(world)?;
    every_source_is_where_it_is_drawn(world)?;
    leaders::check(world)?;
    market::check(world)?;
    guilds::check(world)?;
    deals::check(world)
}

/// All gold was minted, and none of it was lost or copied since.
fn gold_is_conserved(world: &World) -> Result<()> {
    let mut gold = 0_i128;
    world.each::<Player>(|_, player| {
        gold += i128::from(player.gold);
        Ok(())
    })?;
    world.each::<Order>(|_, order| {
        gold += i128::from(order.gold);
        Ok(())
    })?;
    world.each::<Bank>(|_, bank| {
        gold += i128::from(bank.gold);
        Ok(())
    })?;
    let minted = mint::in_circulation(world)?;
    if gold != minted {
        world.problem(format!("there are {gold} gold, but {minted} was minted and not burnt"));
    }
    Ok(())
}

/// An item is listed by its holder, once, and by nobody else.
fn every_item_has_one_holder(world: &World) -> Result<()> {
    let mut listed_by: HashMap<Ref<Item>, Vec<Holder>> = HashMap::new();
    world.each::<Player>(|me, player| {
        for &item in &player.pack {
            listed_by.entry(item).or_default().push(Holder::Player(me));
        }
        Ok(())
    })?;
    world.each::<Order>(|me, order| {
        for &item in &order.things {
            listed_by.entry(item).or_default().push(Holder::Order(me));
        }
        Ok(())
    })?;
    world.each::<Item>(|me, item| {
        let lists = listed_by.remove(&me).unwrap_or_default();
        if lists != [item.holder] {
            world.problem(format!("item {me} of {:?} is listed by {lists:?}", item.holder));
        }
        Ok(())
    })?;
    for (item, lists) in listed_by {
        world.problem(format!("item {item} does not exist, but is listed by {lists:?}"));
    }
    Ok(())
}

/// Nobody has more in the pack, or carries more, than one can.
fn nobody_carries_too_much(world: &World) -> Result<()> {
    let mut carried: HashMap<Ref<Player>, (usize, u32)> = HashMap::new();
    world.each::<Item>(|_, item| {
        if let Holder::Player(player) = item.holder {
            let (items, grams) = carried.entry(player).or_default();
            *items += 1;
            *grams += item.kind.weight();
        }
        Ok(())
    })?;
    for (player, (items, grams)) in carried {
        if items > PACK_ITEMS_MAX || grams > PACK_GRAMS_MAX {
            world.problem(format!("player {player} carries {items} items that weigh {grams} g"));
        }
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

/// Each source is where the map shows one of its kind, alone, and its region lists it.
fn every_source_is_where_it_is_drawn(world: &World) -> Result<()> {
    let mut listed_in: HashMap<Ref<Source>, Vec<Place>> = HashMap::new();
    world.each::<Region>(|_, region| {
        for &source in &region.sources {
            listed_in.entry(source).or_default().push(region.place);
        }
        Ok(())
    })?;
    let mut taken: HashSet<Position> = HashSet::new();
    world.each::<Source>(|me, source| {
        let (at, kind) = (source.at, source.kind);
        let drawn = yields(at.tile()).filter(|(drawn, _)| *drawn == kind);
        if drawn.is_none() || !taken.insert(at) {
            world.problem(format!("{kind} {me} at {at} is not on the map, or not alone there"));
        }
        let listed = listed_in.remove(&me).unwrap_or_default();
        if listed != [Place::of(at)] {
            world.problem(format!("{kind} {me} at {at} is listed in {listed:?}"));
        }
        if drawn.is_some_and(|(_, strokes)| source.left > strokes) {
            world.problem(format!("{kind} {me} at {at} takes {} strokes", source.left));
        }
        Ok(())
    })?;
    for (source, places) in listed_in {
        world.problem(format!("source {source} does not exist, but is in {places:?}"));
    }
    Ok(())
}
