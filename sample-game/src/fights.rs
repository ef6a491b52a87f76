//! Fights: strikes between players and creatures, and what heals the wounds.

use daystar::prelude::*;

use crate::creatures::{self, Creature};
use crate::dying;
use crate::island::{Position, Tile};
use crate::items::{self, Item, Kind};
use crate::leaderboard;
use crate::messages::{Event, PackItem};
use crate::mint::{self, Sink};
use crate::players::{self, Player};
use crate::remains::{self, Remains};
use crate::settings::{BED_GOLD, FISTS, HEALTH_MAX, REACH, SWORD};
use crate::species::Species;
use crate::wild::Wild;

/// What a fighter asks for.
#[message]
#[derive(PartialEq)]
pub enum Ask {
    /// Strike somebody within reach. Answered by [`Told::Struck`].
    Strike {
        /// Whom.
        foe: Foe,
    },
    /// Eat something, which heals. Answered by [`Told::Healed`].
    Eat {
        /// Which of one's items.
        item: Ref<Item>,
    },
    /// Take a bed for the night on the beach, for gold; it heals everything. Answered by [`Told::Healed`].
    Rest,
    /// Take what lies within reach. Answered by [`Told::Looted`].
    Loot {
        /// What; [`Request::Look`](crate::Request::Look) tells.
        remains: Ref<Remains>,
    },
}

/// Who can be struck.
#[message]
#[derive(PartialEq)]
pub enum Foe {
    /// A creature; [`Request::Look`](crate::Request::Look) tells.
    Creature(Ref<Creature>),
    /// The player of that name.
    Player(String),
}

/// What is heard of fights, as an answer or because something happened.
#[message]
#[derive(PartialEq)]
pub enum Told {
    /// You struck.
    Struck {
        /// How much health it took.
        damage: u16,
        /// How much health is left; none if you killed.
        left: u16,
    },
    /// You feel better.
    Healed {
        /// Your health now.
        health: u16,
        /// Your gold now.
        gold: u64,
    },
    /// You took what there was.
    Looted {
        /// The gold that you took.
        gold: u64,
        /// The things that you took.
        things: Vec<PackItem>,
        /// Whether something is left, for which you had no room.
        is_left: bool,
    },

    /// You were struck.
    Hurt {
        /// By whom.
        by: String,
        /// How much health it took.
        damage: u16,
        /// Your health now.
        health: u16,
    },
    /// You died, and woke on the beach.
    Died {
        /// By whose hand.
        by: String,
        /// Where you woke.
        at: Position,
        /// The gold that stayed where you died.
        gold: u64,
        /// The things that stayed there.
        things: Vec<Ref<Item>>,
    },
    /// Somebody near you died.
    Fell {
        /// Who.
        who: String,
        /// By whose hand.
        by: String,
        /// Where.
        at: Position,
    },
    /// A creature near you is now here. Not each of its steps need be told.
    Prowled {
        /// Which creature.
        creature: Ref<Creature>,
        /// What it is.
        species: Species,
        /// Where it is.
        at: Position,
    },
    /// Remains near you are gone.
    Cleared {
        /// Which remains.
        remains: Ref<Remains>,
    },
}

/// Hands a request to what it asks for.
pub fn asked(ctx: &Ctx, me: Ref<Player>, ask: Ask) -> Result<()> {
    match ask {
        Ask::Strike { foe: Foe::Creature(creature) } => strike_creature(ctx, me, creature),
        Ask::Strike { foe: Foe::Player(name) } => strike_player(ctx, me, &name),
        Ask::Eat { item } => eat(ctx, me, item),
        Ask::Rest => rest(ctx, me),
        Ask::Loot { remains } => remains::loot(ctx, me, remains),
    }
}

fn strike_creature(ctx: &Ctx, me: Ref<Player>, foe: Ref<Creature>) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    let mut creature = ctx.get_mut(foe)?;
    let species = creature.species;
    ensure!(creature.is_alive(), "it is dead; Look tells what is left of it");
    let damage = swing(ctx, &mut player, creature.at)?;
    let left = creature.health.hurt(damage, ctx.now(), species.health_max());
    creature.quarry = Some(me);
    if left == 0 {
        creatures::die(ctx, foe, &mut creature, me, &player.name)?;
        leaderboard::praise(ctx, me, &mut player, species.fame())?;
    } else if !creature.is_awake {
        creatures::prowl(ctx, foe, &mut creature, true)?;
    }
    ctx.reply(Event::Fight(Told::Struck { damage, left }));
    Ok(())
}

fn strike_player(ctx: &Ctx, me: Ref<Player>, name: &str) -> Result<()> {
    let foe = players::called(ctx, name)?;
    ensure!(foe != me, "that is yourself; strike someone else");
    let at = {
        let foe = ctx.get(foe)?;
        // Who leaves in the middle of a fight is out of reach until they come back, as hurt as they were but for the time.
        ensure!(foe.session.is_some(), "{name} is not in the game; wait until they come back");
        foe.at
    };
    // Only for so long, since whoever dies ends their trade, which may be with this one.
    let (damage, by) = {
        let mut player = ctx.get_mut(me)?;
        for place in [at, player.at] {
            ensure!(place.tile() != Tile::Sand, "there is peace on the beach; strike inland");
        }
        (swing(ctx, &mut player, at)?, player.name.clone())
    };
    let left = hurt(ctx, foe, damage, me.into(), &by)?;
    ctx.reply(Event::Fight(Told::Struck { damage, left }));
    Ok(())
}

/// Strikes at `at`, if that can be; the damage.
fn swing(ctx: &Ctx, player: &mut Player, at: Position) -> Result<u16> {
    ensure!(at.distance(player.at) <= REACH, "your foe at {at} is out of reach; walk next to it");
    let ready = player.struck.after(Wild::of(ctx)?.strike_every);
    let wait = ready.since(ctx.now());
    ensure!(wait.is_zero(), "your arm is still tired; strike again in {:.1} s", wait.as_secs_f32());
    player.struck = ctx.now();

    let mut damage = FISTS;
    for &item in &player.pack {
        if ctx.get(item)?.kind == Kind::Sword {
            damage = SWORD;
        }
    }
    Ok(ctx.rng().random_range(damage))
}

/// Takes health from a player who is in the game, and their life if none is left; the health that is.
pub fn hurt(ctx: &Ctx, victim: Ref<Player>, damage: u16, killer: AnyRef, by: &str) -> Result<u16> {
    let mut player = ctx.get_mut(victim)?;
    let left = player.health.hurt(damage, ctx.now(), HEALTH_MAX);
    let hurt = Told::Hurt { by: by.to_owned(), damage, health: left };
    players::tell(ctx, &player, Event::Fight(hurt));
    if left == 0 {
        dying::die(ctx, victim, &mut player, killer, by)?;
    }
    Ok(left)
}

fn eat(ctx: &Ctx, me: Ref<Player>, item: Ref<Item>) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    ensure!(player.pack.contains(&item), "item {item} is not in your pack; Me tells what is");
    let kind = ctx.get(item)?.kind;
    let Some(points) = nourishes(kind) else {
        bail!("{kind} cannot be eaten; Fish can, and Stew is better");
    };
    ensure_hurt(ctx, &player)?;
    items::destroy(ctx, item, &mut player)?;
    let health = player.health.heal(points, ctx.now(), HEALTH_MAX);
    ctx.reply(Event::Fight(Told::Healed { health, gold: player.gold }));
    Ok(())
}

/// How much health eating it gives back, if it can be eaten.
fn nourishes(kind: Kind) -> Option<u16> {
    match kind {
        Kind::Fish => Some(10),
        Kind::Stew => Some(40),
        _ => None,
    }
}

fn rest(ctx: &Ctx, me: Ref<Player>) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    ensure!(player.at.tile() == Tile::Sand, "there are beds on the beach only; walk there");
    ensure!(player.gold >= BED_GOLD, "a bed costs {BED_GOLD} gold, and you have {}", player.gold);
    ensure_hurt(ctx, &player)?;
    player.gold -= BED_GOLD;
    mint::burn(ctx, Sink::Tavern, BED_GOLD)?;
    let health = player.health.heal(HEALTH_MAX, ctx.now(), HEALTH_MAX);
    ctx.reply(Event::Fight(Told::Healed { health, gold: player.gold }));
    Ok(())
}

fn ensure_hurt(ctx: &Ctx, player: &Player) -> Result<()> {
    ensure!(player.health.by(ctx.now(), HEALTH_MAX) < HEALTH_MAX, "you are well; nothing to heal");
    Ok(())
}
