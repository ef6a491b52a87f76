//! Remains: what is left where somebody died, until it is taken or decays.

use std::mem;

use daystar::prelude::*;

use crate::creatures::Creature;
use crate::fights::Told;
use crate::island::Position;
use crate::items::{self, Holder, Item, Kind};
use crate::messages::Event;
use crate::mint::{self, Sink};
use crate::players::Player;
use crate::regions::{self, Place};
use crate::settings::REACH;
use crate::wild::Wild;

/// What is left of somebody. They hold gold and things, as players do, and there are none that hold nothing.
#[managed]
pub struct Remains {
    /// Where they lie.
    pub at: Position,
    /// Whose they are.
    pub of: String,
    /// Who killed them: a player or a creature.
    pub killed_by: AnyRef,
    /// The gold in them.
    pub gold: u64,
    /// The things in them.
    pub things: Vec<Ref<Item>>,
}

impl OnRemove for Remains {
    fn on_remove(&self, ctx: &Ctx) -> Result<()> {
        self.things.iter().try_for_each(|thing| ctx.remove(*thing))
    }
}

/// Remains, as players see them.
#[message]
#[derive(PartialEq, Eq)]
pub struct SeenRemains {
    /// Which remains, to be named in [`Ask::Loot`](crate::fights::Ask::Loot).
    pub remains: Ref<Remains>,
    /// Where.
    pub at: Position,
    /// Whose they are.
    pub of: String,
    /// Who killed them.
    pub killed_by: String,
}

/// Leaves remains with so much gold, which the caller takes from elsewhere, and plans their decay.
pub fn leave(
    ctx: &Ctx,
    at: Position,
    of: &str,
    killed_by: AnyRef,
    gold: u64,
) -> Result<Ref<Remains>> {
    let left = Remains { at, of: of.to_owned(), killed_by, gold, things: Vec::new() };
    let remains = ctx.insert(left)?;
    ctx.get_mut(Place::of(at).region(ctx)?)?.remains.push(remains);
    ctx.schedule(Wild::of(ctx)?.remains_last, Decay { remains })?;
    Ok(remains)
}

/// Puts a thing into remains that nobody holds any more.
pub fn put(ctx: &Ctx, remains: Ref<Remains>, thing: Ref<Item>) -> Result<()> {
    ctx.get_mut(thing)?.holder = Holder::Remains(remains);
    ctx.get_mut(remains)?.things.push(thing);
    Ok(())
}

/// Puts a thing into remains that was not there before.
pub fn put_new(ctx: &Ctx, remains: Ref<Remains>, kind: Kind) -> Result<()> {
    let thing = ctx.insert(Item { kind, holder: Holder::Remains(remains) })?;
    ctx.get_mut(remains)?.things.push(thing);
    Ok(())
}

/// Takes all the gold, and those things for which there is room. When nothing is left, the remains are gone.
pub fn loot(ctx: &Ctx, me: Ref<Player>, remains: Ref<Remains>) -> Result<()> {
    ensure!(ctx.exists(remains)?, "those remains are gone; Look tells what lies near");
    let mut player = ctx.get_mut(me)?;
    let mut left = ctx.get_mut(remains)?;
    let at = left.at;
    ensure!(at.distance(player.at) <= REACH, "what lies at {at} is out of reach; walk next to it");

    let gold = mem::take(&mut left.gold);
    player.gold += gold;
    let (mut things, mut no_room) = (Vec::new(), Ok(()));
    for thing in mem::take(&mut left.things) {
        let kind = ctx.get(thing)?.kind;
        match items::room_for(ctx, &player, &[kind]) {
            Ok(()) => things.push(items::put_in(ctx, me, &mut player, thing)?),
            Err(too_much) => {
                left.things.push(thing);
                no_room = Err(too_much);
            }
        }
    }
    if gold == 0 && things.is_empty() {
        return no_room;
    }
    let is_left = !left.things.is_empty();
    drop(left);
    if !is_left {
        clear_away(ctx, remains, at)?;
    }
    ctx.reply(Event::Fight(Told::Looted { gold, things, is_left }));
    Ok(())
}

/// Remains that nobody took decay: their things are destroyed, and their gold is burnt.
#[task]
pub struct Decay {
    /// Which remains.
    pub remains: Ref<Remains>,
}

impl Task for Decay {
    // Set aside, it would be missing for good.
    const RETRY: Retry = Retry::FOREVER;

    fn run(&self, ctx: &Ctx) -> Result<()> {
        if !ctx.exists(self.remains)? {
            return Ok(());
        }
        let (at, gold) = {
            let left = ctx.get(self.remains)?;
            (left.at, left.gold)
        };
        mint::burn(ctx, Sink::Remains, gold)?;
        clear_away(ctx, self.remains, at)
    }
}

/// Removes remains, with what is in them.
fn clear_away(ctx: &Ctx, remains: Ref<Remains>, at: Position) -> Result<()> {
    ctx.get_mut(Place::of(at).region(ctx)?)?.remains.retain(|listed| *listed != remains);
    ctx.remove(remains)?;
    regions::announce(ctx, at, &Event::Fight(Told::Cleared { remains }));
    Ok(())
}

/// Those of `lying` that are within `sight` of `here`.
pub fn in_sight(
    ctx: &Ctx,
    lying: &[Ref<Remains>],
    here: Position,
    sight: u16,
) -> Result<Vec<SeenRemains>> {
    let mut seen = Vec::new();
    for &remains in lying {
        let left = ctx.get(remains)?;
        if left.at.distance(here) <= sight {
            let (at, of, killed_by) = (left.at, left.of.clone(), name_of(ctx, left.killed_by)?);
            seen.push(SeenRemains { remains, at, of, killed_by });
        }
    }
    Ok(seen)
}

/// What a player or a creature is called.
fn name_of(ctx: &Ctx, killer: AnyRef) -> Result<String> {
    if let Some(player) = ctx.downcast::<Player>(killer)? {
        return Ok(ctx.get(player)?.name.clone());
    }
    match ctx.downcast::<Creature>(killer)? {
        Some(creature) => Ok(ctx.get(creature)?.species.to_string()),
        None => bail!("{killer:?} is neither a player nor a creature, and killed somebody"),
    }
}
