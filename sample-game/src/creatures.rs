//! Creatures: where they live, how they die, and how they come back. What they do in between is [`prowling`](crate::prowling).

use daystar::prelude::*;

use crate::fights::Told;
use crate::health::Health;
use crate::island::{self, Position};
use crate::messages::Event;
use crate::mint::{self, Source};
use crate::players::Player;
use crate::prowling::Prowl;
use crate::regions::{self, Place};
use crate::remains;
use crate::settings::DOZING_PERIODS;
use crate::species::Species;
use crate::wild::Wild;

/// A creature, alive or dead. A dead one is in no region, and waits to come back.
#[managed]
pub struct Creature {
    /// What it is.
    pub species: Species,
    /// Where it comes back to.
    pub den: Position,
    /// Where it is, or died; always on what its species lives on.
    pub at: Position,
    /// Its health.
    pub health: Health,
    /// Who struck it last, as long as it has them in sight.
    pub quarry: Option<Ref<Player>>,
    /// The task that moves it; `None` while it is dead.
    pub prowling: Option<TaskHandle>,
    /// Whether that task runs often, since somebody is near.
    pub is_awake: bool,
}

impl Creature {
    /// Whether it lives.
    pub fn is_alive(&self) -> bool {
        self.prowling.is_some()
    }

    /// Its health by now.
    pub fn health_by(&self, now: Timestamp) -> u16 {
        self.health.by(now, self.species.health_max())
    }
}

/// A creature, as players see it.
#[message]
#[derive(Copy, PartialEq, Eq)]
pub struct SeenCreature {
    /// Which creature, to be named in [`Ask::Strike`](crate::fights::Ask::Strike).
    pub creature: Ref<Creature>,
    /// What it is.
    pub species: Species,
    /// Where.
    pub at: Position,
    /// How healthy it is.
    pub health: u16,
}

/// Where the creatures of a species live when there are `count` of them: spread evenly over all that they can live on.
pub fn dens(species: Species, count: u16) -> Vec<Position> {
    let home: Vec<Position> =
        island::everywhere().filter(|at| species.lives_on(at.tile())).collect();
    let count = usize::from(count);
    (0..count).filter_map(|number| home.get(number * home.len() / count).copied()).collect()
}

/// Brings all creatures into a new world. They doze until somebody comes near.
pub fn settle(ctx: &Ctx) -> Result<()> {
    let wild = Wild::of(ctx)?;
    let counts = [wild.crabs, wild.boars, wild.wolves];
    for (species, count) in Species::ALL.into_iter().zip(counts) {
        for den in dens(species, count) {
            let creature = Creature {
                species,
                den,
                at: den,
                health: Health::new(0, ctx.now()),
                quarry: None,
                prowling: None,
                is_awake: false,
            };
            rise(ctx, ctx.insert(creature)?, false)?;
        }
    }
    Ok(())
}

/// Lets a dead creature live in its den again, awake or dozing.
fn rise(ctx: &Ctx, me: Ref<Creature>, is_awake: bool) -> Result<()> {
    let mut creature = ctx.get_mut(me)?;
    let den = creature.den;
    creature.at = den;
    creature.health = Health::new(creature.species.health_max(), ctx.now());
    creature.quarry = None;
    ctx.get_mut(Place::of(den).region(ctx)?)?.creatures.push(me);
    tell(ctx, me, creature.species, den, den);
    prowl(ctx, me, &mut creature, is_awake)
}

/// Has a creature take its turns from now on: often if it is awake, else only now and then.
pub fn prowl(ctx: &Ctx, me: Ref<Creature>, creature: &mut Creature, is_awake: bool) -> Result<()> {
    if let Some(before) = creature.prowling.take() {
        ctx.cancel(before)?;
    }
    let often = Wild::of(ctx)?.prowl_every;
    let plan = if is_awake {
        // By chance, so that they are not all at it at one moment.
        let first = often.mul_f64(ctx.rng().random_range(0.5..1.5));
        Plan::every(often).starting_at(ctx.now().after(first))
    } else {
        let period = often * DOZING_PERIODS;
        Plan::every(period).starting_at(next_stir(ctx.now(), period))
    };
    creature.prowling = Some(ctx.plan(plan, Prowl { creature: me })?);
    creature.is_awake = is_awake;
    Ok(())
}

/// Wakes all who doze in a region: somebody has come.
pub fn wake(ctx: &Ctx, place: Place) -> Result<()> {
    for &me in &ctx.get(place.region(ctx)?)?.creatures {
        if !ctx.get(me)?.is_awake {
            prowl(ctx, me, &mut *ctx.get_mut(me)?, true)?;
        }
    }
    Ok(())
}

/// The next moment at which those who doze with this period stir. It is the same for all of them: where nobody is, they have
/// next to nothing to do, and what all of them write is then written in one go.
fn next_stir(now: Timestamp, period: Duration) -> Timestamp {
    let period_ms = u64::try_from(period.as_millis()).unwrap_or(u64::MAX).max(1);
    Timestamp { unix_ms: (now.unix_ms / period_ms + 1).saturating_mul(period_ms) }
}

/// One step.
pub fn step(ctx: &Ctx, me: Ref<Creature>, creature: &mut Creature, to: Position) -> Result<()> {
    let from = creature.at;
    creature.at = to;
    let (old, new) = (Place::of(from), Place::of(to));
    if old != new {
        ctx.get_mut(old.region(ctx)?)?.creatures.retain(|listed| *listed != me);
        ctx.get_mut(new.region(ctx)?)?.creatures.push(me);
    }
    tell(ctx, me, creature.species, from, to);
    Ok(())
}

/// Tells those near where a creature is now. Whoever reads slowly hears only the newest of each creature.
fn tell(ctx: &Ctx, me: Ref<Creature>, species: Species, from: Position, at: Position) {
    let prowled = Event::Fight(Told::Prowled { creature: me, species, at });
    for place in Place::in_sight_of_step(from, at) {
        ctx.channel(&place.to_string()).latest(("prowled", me)).send(prowled.clone());
    }
}

/// A creature that has no health left leaves what it leaves, with the bounty, and plans its return.
pub fn die(
    ctx: &Ctx,
    me: Ref<Creature>,
    creature: &mut Creature,
    killer: Ref<Player>,
    by: &str,
) -> Result<()> {
    let (species, at) = (creature.species, creature.at);
    if let Some(prowling) = creature.prowling.take() {
        ctx.cancel(prowling)?;
    }
    ctx.get_mut(Place::of(at).region(ctx)?)?.creatures.retain(|listed| *listed != me);

    mint::mint(ctx, Source::Bounty, species.bounty())?;
    let left = remains::leave(ctx, at, &species.to_string(), killer.into(), species.bounty())?;
    remains::put_new(ctx, left, species.leaves())?;

    let delay = Wild::of(ctx)?.comes_back_after.mul_f64(ctx.rng().random_range(1.0..1.5));
    ctx.schedule(delay, Revive { creature: me })?;
    let died = Told::Fell { who: species.to_string(), by: by.to_owned(), at };
    regions::announce(ctx, at, &Event::Fight(died));
    Ok(())
}

/// A dead creature comes back. Runs when its time has come, also after a restart.
#[task]
pub struct Revive {
    /// Which creature.
    pub creature: Ref<Creature>,
}

impl Task for Revive {
    // Set aside, it would be missing for good.
    const RETRY: Retry = Retry::FOREVER;

    fn run(&self, ctx: &Ctx) -> Result<()> {
        // Whoever killed it may be near; if not, it dozes off at its first turn.
        rise(ctx, self.creature, true)
    }
}

/// Those of `creatures` that are within `sight` of `here`.
pub fn in_sight(
    ctx: &Ctx,
    creatures: &[Ref<Creature>],
    here: Position,
    sight: u16,
) -> Result<Vec<SeenCreature>> {
    let mut seen = Vec::new();
    for &creature in creatures {
        let found = ctx.get(creature)?;
        let (species, at, health) = (found.species, found.at, found.health_by(ctx.now()));
        if at.distance(here) <= sight {
            seen.push(SeenCreature { creature, species, at, health });
        }
    }
    Ok(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_doze_stir_at_the_same_moments_and_soon() {
        let period = Duration::from_millis(700);
        for now in (6_999..7_700).map(|unix_ms| Timestamp { unix_ms }) {
            let next = next_stir(now, period);
            assert_eq!(next.unix_ms % 700, 0);
            assert!(next > now && next.since(now) <= period, "{next:?} after {now:?}");
        }
    }
}
