//! Looking: who and what is near.

use daystar::prelude::*;

use crate::messages::{Event, SeenPlayer, SeenTree};
use crate::players::Player;
use crate::regions::Place;
use crate::settings::SIGHT;
use crate::trees::Tree;

/// Answers with everyone and every tree in sight.
pub fn look(ctx: &Ctx, me: Ref<Player>) -> Result<()> {
    let here = ctx.get(me)?.at;
    let mut players = Vec::new();
    let mut trees = Vec::new();
    for place in Place::in_sight_of(here) {
        let region = ctx.get(place.region(ctx)?)?;
        for other in region.players.iter().filter(|other| **other != me) {
            let other = ctx.get(*other)?;
            if other.at.distance(here) <= SIGHT {
                players.push(SeenPlayer { name: other.name.clone(), at: other.at });
            }
        }
        for &tree in &region.trees {
            let Tree { at, strokes_left } = *ctx.get(tree)?;
            if at.distance(here) <= SIGHT {
                trees.push(SeenTree { tree, at, strokes_left });
            }
        }
    }
    ctx.reply(Event::Seen { players, trees });
    Ok(())
}
