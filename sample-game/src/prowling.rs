//! Prowling: what a creature does when its turn comes.

use daystar::prelude::*;

use crate::creatures::{self, Creature};
use crate::daylight;
use crate::fights;
use crate::island::{Direction, Position};
use crate::players::Player;
use crate::regions::Place;
use crate::settings::{REACH, SIGHT, WEAK_PERCENT};
use crate::species::Species;

/// A creature's turn. It comes again and again, also after a restart, until the creature is dead.
#[task]
pub struct Prowl {
    /// Which creature.
    pub creature: Ref<Creature>,
}

impl Task for Prowl {
    // Set aside, it would be missing for good.
    const RETRY: Retry = Retry::FOREVER;

    fn run(&self, ctx: &Ctx) -> Result<()> {
        let me = self.creature;
        let here = ctx.get(me)?.at;
        let near = near(ctx, here)?;
        // Where nobody is near, nothing changes. So of most creatures a turn costs a look at the few regions around, and a note of
        // when the next one is due.
        let (was_awake, is_awake) = (ctx.get(me)?.is_awake, !near.is_empty());
        if !was_awake && !is_awake {
            return Ok(());
        }
        let mut creature = ctx.get_mut(me)?;
        if was_awake != is_awake {
            creatures::prowl(ctx, me, &mut creature, is_awake)?;
        }
        creature.quarry = creature.quarry.filter(|quarry| near.iter().any(|s| s.player == *quarry));

        let species = creature.species;
        let is_weak = creature.health_by(ctx.now()) * 100 < species.health_max() * WEAK_PERCENT;
        let is_night = daylight::is_night(ctx)?;
        let steps = steps(species, here);
        let to = match intent(species, is_weak, is_night, creature.quarry, &near) {
            Intent::Strike(player) => {
                let damage = ctx.rng().random_range(species.bite());
                let left = fights::hurt(ctx, player, damage, me.into(), &species.to_string())?;
                // Who is dead is forgotten, even if they wake near.
                creature.quarry = creature.quarry.filter(|_| left > 0);
                None
            }
            Intent::Approach(at) => steps.into_iter().min_by_key(|step| apart(*step, at)),
            Intent::Flee(at) => steps.into_iter().max_by_key(|step| apart(*step, at)),
            // Any of the four ways, and none where that one is closed.
            Intent::Wander => {
                let way = Direction::ALL[ctx.rng().random_range(0..Direction::ALL.len())];
                here.step(way).filter(|to| steps.contains(to))
            }
        };
        to.map_or(Ok(()), |to| creatures::step(ctx, me, &mut creature, to))
    }
}

/// A player near a creature.
struct Seen {
    distance: u16,
    player: Ref<Player>,
    at: Position,
}

/// What a creature is about to do.
#[derive(Debug, PartialEq, Eq)]
enum Intent {
    Wander,
    Approach(Position),
    Flee(Position),
    Strike(Ref<Player>),
}

/// Everybody in the regions that can be seen from `here`, the nearest first.
fn near(ctx: &Ctx, here: Position) -> Result<Vec<Seen>> {
    let mut near = Vec::new();
    for place in Place::in_sight_of(here) {
        for &player in &ctx.get(place.region(ctx)?)?.players {
            let at = ctx.get(player)?.at;
            near.push(Seen { distance: at.distance(here), player, at });
        }
    }
    near.sort_by_key(|seen| (seen.distance, seen.player));
    Ok(near)
}

fn intent(
    species: Species,
    is_weak: bool,
    is_night: bool,
    quarry: Option<Ref<Player>>,
    near: &[Seen],
) -> Intent {
    let mut in_sight = near.iter().filter(|seen| seen.distance <= SIGHT);
    let foe = if species.hunts_at_night() && is_night {
        in_sight.next()
    } else {
        in_sight.find(|seen| Some(seen.player) == quarry)
    };
    match foe {
        None => Intent::Wander,
        Some(foe) if is_weak || !species.strikes_back() => Intent::Flee(foe.at),
        Some(foe) if foe.distance <= REACH => Intent::Strike(foe.player),
        Some(foe) => Intent::Approach(foe.at),
    }
}

/// Where a creature can go from `here` with one step.
fn steps(species: Species, here: Position) -> Vec<Position> {
    let around = Direction::ALL.into_iter().filter_map(|way| here.step(way));
    around.filter(|to| species.lives_on(to.tile())).collect()
}

/// How many steps it is from one place to another where all is open land.
fn apart(one: Position, other: Position) -> u16 {
    one.x.abs_diff(other.x) + one.y.abs_diff(other.y)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player(number: u64) -> Ref<Player> {
        // Only the framework makes references; those of a message may be any.
        serde_json::from_value(number.into()).expect("a reference")
    }

    fn seen(number: u64, distance: u16) -> Seen {
        Seen { distance, player: player(number), at: Position { x: 100 + distance, y: 100 } }
    }

    #[test]
    fn wolves_hunt_at_night_and_the_others_only_who_struck_them() {
        let near = [seen(1, REACH), seen(2, SIGHT), seen(3, SIGHT + 1)];
        let far = near[1].at;
        for (species, is_night, quarry, expected) in [
            (Species::Wolf, true, None, Intent::Strike(player(1))),
            (Species::Wolf, false, None, Intent::Wander),
            (Species::Wolf, false, Some(2), Intent::Approach(far)),
            (Species::Boar, true, None, Intent::Wander),
            (Species::Boar, true, Some(1), Intent::Strike(player(1))),
            (Species::Boar, true, Some(2), Intent::Approach(far)),
            (Species::Boar, true, Some(3), Intent::Wander),
            (Species::Crab, true, None, Intent::Wander),
            (Species::Crab, false, Some(2), Intent::Flee(far)),
        ] {
            let told = format!("{species} at night: {is_night}, struck by {quarry:?}");
            let found = intent(species, false, is_night, quarry.map(player), &near);
            assert_eq!(found, expected, "{told}");
        }
    }

    #[test]
    fn who_is_weak_flees_from_a_foe_and_from_nobody_else() {
        let near = [seen(1, REACH)];
        let flight = Intent::Flee(near[0].at);
        assert_eq!(intent(Species::Wolf, true, true, None, &near), flight);
        assert_eq!(intent(Species::Boar, true, false, Some(player(1)), &near), flight);
        assert_eq!(intent(Species::Boar, true, false, None, &near), Intent::Wander);
    }

    #[test]
    fn nobody_leaves_what_they_live_on() {
        for species in Species::ALL {
            for den in creatures::dens(species, 30) {
                assert!(species.lives_on(den.tile()));
                assert!(steps(species, den).iter().all(|to| species.lives_on(to.tile())));
            }
        }
    }
}
