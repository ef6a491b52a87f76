//! Nobody lives without health or has more than they can, and whoever left remains was killed by somebody.

use std::collections::HashSet;

use daystar::prelude::*;

use crate::rules::Census;
use crate::settings::HEALTH_MAX;

/// Reports health that is out of bounds, and remains that cannot be.
pub fn check(world: &World, all: &Census) {
    let mut killers: HashSet<AnyRef> = HashSet::new();
    for (me, player) in all.players.each() {
        let (name, health) = (&player.name, player.health.points);
        // Who dies wakes in the same task.
        if !(1..=HEALTH_MAX).contains(&health) {
            world.problem(format!("{name} has {health} points of health"));
        }
        killers.insert(me.into());
    }
    for (me, creature) in all.creatures.each() {
        let (species, health) = (creature.species, creature.health.points);
        if health > species.health_max() || creature.is_alive() != (health > 0) {
            let is_alive = creature.is_alive();
            world.problem(format!("{species} {me} has {health} health; alive: {is_alive}"));
        }
        killers.insert(me.into());
    }
    for (me, remains) in all.remains.each() {
        if remains.gold == 0 && remains.things.is_empty() {
            world.problem(format!("there is nothing in remains {me} of {}", remains.of));
        }
        if !killers.contains(&remains.killed_by) {
            let (of, killer) = (&remains.of, remains.killed_by);
            world.problem(format!("{of}, whose remains are {me}, was killed by {killer:?}"));
        }
    }
}
