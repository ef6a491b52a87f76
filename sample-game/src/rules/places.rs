//! Everybody and everything is in one place, where they can be, and the region there lists them once; no other does.

use std::collections::HashMap;

use daystar::prelude::*;

use crate::creatures::Creature;
use crate::island::Position;
use crate::players::Player;
use crate::regions::{Place, Region};
use crate::rules::{All, Census};

/// Reports who and what is where it cannot be, or not where it is listed.
pub fn check(world: &World, all: &Census) {
    // Who is not in the game is in no region, nor is who is dead.
    let place_of_player = |player: &Player| player.session.map(|_| player.at);
    let place_of_creature = |creature: &Creature| creature.is_alive().then_some(creature.at);
    let regions = &all.regions;
    listed(world, regions, |region| &region.players, &all.players, place_of_player);
    listed(world, regions, |region| &region.sources, &all.sources, |source| Some(source.at));
    listed(world, regions, |region| &region.creatures, &all.creatures, place_of_creature);
    listed(world, regions, |region| &region.remains, &all.remains, |remains| Some(remains.at));

    for (_, player) in all.players.each() {
        let (name, at) = (&player.name, player.at);
        if !at.tile().is_open() {
            world.problem(format!("{name} stands at {at}, where {} is", at.tile()));
        }
    }
    for (me, creature) in all.creatures.each() {
        let species = creature.species;
        for at in [creature.den, creature.at] {
            if !species.lives_on(at.tile()) {
                world.problem(format!("{species} {me} lives at {at}, where {} is", at.tile()));
            }
        }
    }
}

/// Reports every `T` that is not listed as it should be: `place` says where it is, if anywhere.
fn listed<T: Managed>(
    world: &World,
    regions: &All<Region>,
    list: impl Fn(&Region) -> &Vec<Ref<T>>,
    all: &All<T>,
    place: impl Fn(&T) -> Option<Position>,
) {
    let mut listed_in: HashMap<Ref<T>, Vec<Place>> = HashMap::new();
    for (_, region) in regions.each() {
        for &one in list(region) {
            listed_in.entry(one).or_default().push(region.place);
        }
    }
    let what = T::TYPE_NAME;
    for (me, one) in all.each() {
        let listed = listed_in.remove(&me).unwrap_or_default();
        let expected = place(one).map(Place::of);
        if !listed.iter().eq(&expected) {
            world.problem(format!("{what} {me} should be in {expected:?}, but is in {listed:?}"));
        }
    }
    for (one, places) in listed_in {
        world.problem(format!("{what} {one} does not exist, but is in {places:?}"));
    }
}
