//! Looking: who and what is near. At night one does not see as far.

use daystar::prelude::*;

use crate::messages::{Event, SeenPlayer};
use crate::players::Player;
use crate::regions::Place;
use crate::{creatures, daylight, gathering, remains};

/// Answers with everyone and everything in sight.
pub fn look(ctx: &Ctx, me: Ref<Player>) -> Result<()> {
    let here = ctx.get(me)?.at;
    let sight = daylight::sight(ctx)?;
    let (mut players, mut sources) = (Vec::new(), Vec::new());
    let (mut creatures, mut lying) = (Vec::new(), Vec::new());
    for place in Place::in_sight_of(here) {
        let region = ctx.get(place.region(ctx)?)?;
        for other in region.players.iter().filter(|other| **other != me) {
            let other = ctx.get(*other)?;
            if other.at.distance(here) <= sight {
                players.push(SeenPlayer { name: other.name.clone(), at: other.at });
            }
        }
        sources.extend(gathering::in_sight(ctx, &region.sources, here, sight)?);
        creatures.extend(creatures::in_sight(ctx, &region.creatures, here, sight)?);
        lying.extend(remains::in_sight(ctx, &region.remains, here, sight)?);
    }
    ctx.reply(Event::Seen { players, sources, creatures, remains: lying });
    Ok(())
}
