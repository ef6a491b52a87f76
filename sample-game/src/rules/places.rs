//! Everybody and everything is in one place, where they can be, and the region there lists them once; no other does.

use std::collections::HashMap;

use daystar::prelude::*;

use crate::creatures::Creature;
use crate::gathering::Source;
use crate::island::Position;
use crate::players::Player;
use crate::regions::{Place, Region};
use crate::remains::Remains;

/// Reports who and what is where it cannot be, or not where it is listed.
pub fn check(world: &World) -> Result<()> {
    // Who is not in the game is in no region, nor is who is dead.
    listed(world, |region| &region.players, |player: &Player| player.session.map(|_| player.at))?;
    listed(world, |region| &region.sources, |source: &Source| Some(source.at))?;
    listed(
        world,
        |region| &region.creatures,
        |creature: &Creature| creature.is_alive().then_some(creature.at),
    )?;
    listed(world, |region| &region.remains, |remains: &Remains| Some(remains.at))?;

    world.each::<Player>(|_, player| {
        let (name, at) = (&player.name, player.at);
        if !at.tile().is_open() {
            world.problem(format!("{name} stands at {at}, where {} is", at.tile()));
        }
        Ok(())
    })?;
    world.each::<Creature>(|me, creature| {
        let species = creature.species;
        for at in [creature.den, creature.at] {
            if !species.lives_on(at.tile()) {
                world.problem(format!("{species} {me} lives at {at}, where {} is", at.tile()));
            }
        }
        Ok(())
    })
}

/// Reports every `T` that is not listed as it should be: `place` says where it is, if anywhere.
fn listed<T: Managed>(
    world: &World,
    list: impl Fn(&Region) -> &Vec<Ref<T>>,
    place: impl Fn(&T) -> Option<Position>,
) -> Result<()> {
    let mut listed_in: HashMap<Ref<T>, Vec<Place>> = HashMap::new();
    world.each::<Region>(|_, region| {
        for &one in list(region) {
            listed_in.entry(one).or_default().push(region.place);
        }
        Ok(())
    })?;
    let what = T::TYPE_NAME;
    world.each::<T>(|me, one| {
        let listed = listed_in.remove(&me).unwrap_or_default();
        let expected = place(one).map(Place::of);
        if !listed.iter().eq(&expected) {
            world.problem(format!("{what} {me} should be in {expected:?}, but is in {listed:?}"));
        }
        Ok(())
    })?;
    for (one, places) in listed_in {
        world.problem(format!("{what} {one} does not exist, but is in {places:?}"));
    }
    Ok(())
}
