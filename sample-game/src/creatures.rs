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

/// Brings all creatures into a new world. Their tasks take turns, so that there is never much to do at one moment.
pub fn settle(ctx: &Ctx) -> Result<()> {
    let wild = Wild::of(ctx)?;
    let counts = [wild.crabs, wild.boars, wild.wolves];
    let total = counts.into_iter().map(u32::from).sum::<u32>().max(1);
    let period = wild.prowl_every * DOZING_PERIODS;
    let mut number = 0;
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
            number += 1;
            rise(ctx, ctx.insert(creature)?, period * number / total)?;
        }
    }
    Ok(())
}

/// Lets a dead creature live in its den again, and do something when `first` has passed.
fn rise(ctx: &Ctx, me: Ref<Creature>, first: Duration) -> Result<()> {
    let mut creature = ctx.get_mut(me)?;
    let den = creature.den;
    creature.at = den;
    creature.health = Health::new(creature.species.health_max(), ctx.now());
    creature.quarry = None;
    ctx.get_mut(Place::of(den).region(ctx)?)?.creatures.push(me);
    tell(ctx, me, creature.species, den, den);
    prowl(ctx, me, &mut creature, false, first)
}

/// Lets a creature do something when `first` has passed, and from then on often if it is awake, else only now and then.
pub fn prowl(
    ctx: &Ctx,
    me: Ref<Creature>,
    creature: &mut Creature,
    is_awake: bool,
    first: Duration,
) -> Result<()> {
    if let Some(before) = creature.prowling.take() {
        ctx.cancel(before)?;
    }
    let often = Wild::of(ctx)?.prowl_every;
    let period = if is_awake { often } else { often * DOZING_PERIODS };
    let plan = Plan::every(period).starting_at(ctx.now().after(first));
    creature.prowling = Some(ctx.plan(plan, Prowl { creature: me })?);
    creature.is_awake = is_awake;
    Ok(())
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
    fn run(&self, ctx: &Ctx) -> Result<()> {
        let first = Wild::of(ctx)?.prowl_every.mul_f64(ctx.rng().random_range(0.0..1.0));
        rise(ctx, self.creature, first)
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
