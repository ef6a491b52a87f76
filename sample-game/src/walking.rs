//! Walking: one step at a time, on open land.

use daystar::prelude::*;

use crate::creatures;
use crate::island::Direction;
use crate::messages::Event;
use crate::players::{self, Player};
use crate::regions::{self, Place};
use crate::trade;

/// Takes one step; `act_every` is the pace at which that can go on.
pub fn walk(
    ctx: &Ctx,
    session: Session,
    me: Ref<Player>,
    direction: Direction,
    act_every: Duration,
) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    players::draw_breath(ctx, &mut player, act_every)?;
    let from = player.at;
    let Some(to) = from.step(direction) else {
        bail!("you are at {from}, and the map ends there; walk another way");
    };
    ensure!(to.tile().is_open(), "at {to} is {}; walk around it", to.tile());
    player.at = to;

    let (old, new) = (Place::of(from), Place::of(to));
    if old != new {
        regions::leave(ctx, session, me, old)?;
        regions::enter(ctx, session, me, new)?;
        creatures::wake(ctx, new)?;
    }
    let moved = Event::Moved { who: player.name.clone(), at: to };
    for place in Place::in_sight_of_step(from, to) {
        ctx.channel(&place.to_string()).send(moved.clone());
    }
    trade::walked(ctx, me, &mut player)?;
    ctx.reply(Event::Walked { at: to });
    Ok(())
}
