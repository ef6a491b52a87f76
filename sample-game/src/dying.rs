//! Dying: what a player loses, and where they wake.

use std::mem;

use daystar::prelude::*;

use crate::fights::Told;
use crate::health::Health;
use crate::island::{Position, SIDE, Tile};
use crate::messages::Event;
use crate::players::{self, Player};
use crate::regions::{self, Place};
use crate::remains;
use crate::settings::{GOLD_LOST_PERCENT, HEALTH_MAX};
use crate::trade;

/// A player dies: some of their gold and all of their things stay where they stood, and they wake on the beach.
pub fn die(
    ctx: &Ctx,
    me: Ref<Player>,
    player: &mut Player,
    killer: AnyRef,
    by: &str,
) -> Result<()> {
    trade::end_for(ctx, me, player, &format!("{} has died", player.name))?;
    let from = player.at;
    let gold = lost(player.gold);
    let things = mem::take(&mut player.pack);
    player.gold -= gold;
    if gold > 0 || !things.is_empty() {
        let left = remains::leave(ctx, from, &player.name, killer, gold)?;
        for thing in &things {
            remains::put(ctx, left, *thing)?;
        }
    }

    let to = on_the_beach(ctx);
    player.at = to;
    player.health = Health::new(HEALTH_MAX, ctx.now());
    let fell = Told::Fell { who: player.name.clone(), by: by.to_owned(), at: from };
    regions::announce(ctx, from, &Event::Fight(fell));
    if let Some(session) = player.session {
        regions::leave(ctx, session, me, Place::of(from))?;
        regions::enter(ctx, session, me, Place::of(to))?;
    }
    let died = Told::Died { by: by.to_owned(), at: to, gold, things };
    players::tell(ctx, player, Event::Fight(died));
    regions::announce(ctx, to, &Event::Arrived { who: player.name.clone(), at: to });
    Ok(())
}

/// What is lost of so much gold, rounded down.
fn lost(gold: u64) -> u64 {
    gold / 100 * GOLD_LOST_PERCENT + gold % 100 * GOLD_LOST_PERCENT / 100
}

/// Any tile of the beach. There are thousands, so this soon finds one.
fn on_the_beach(ctx: &Ctx) -> Position {
    let mut rng = ctx.rng();
    loop {
        let at = Position { x: rng.random_range(0..SIDE), y: rng.random_range(0..SIDE) };
        if at.tile() == Tile::Sand {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_gold_is_lost_however_much_it_is() {
        assert_eq!(lost(0), 0);
        assert_eq!(lost(1), GOLD_LOST_PERCENT / 100);
        assert_eq!(lost(200), 2 * GOLD_LOST_PERCENT);
        assert_eq!(lost(u64::MAX / 100 * 100), u64::MAX / 100 * GOLD_LOST_PERCENT);
        assert!((0..1_000).all(|gold| lost(gold) <= gold));
    }
}
