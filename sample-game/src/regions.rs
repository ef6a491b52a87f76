//! Regions: the squares that the map is divided into. Each is an object that lists who and what is in it.
//!
//! Walking inside a region changes only the player, so thousands can walk at once without disturbing each
//! other; only a step across a border changes the two regions' lists.

use std::fmt;

use daystar::prelude::*;

use crate::creatures::Creature;
use crate::gathering::Source;
use crate::island::{Position, SIDE};
use crate::messages::Event;
use crate::players::Player;
use crate::remains::Remains;
use crate::settings::{REGION_SIDE, SIGHT};

/// Who and what is in one square of the map.
#[managed]
pub struct Region {
    /// Where it is.
    pub place: Place,
    /// The players who are in the game and stand here.
    pub players: Vec<Ref<Player>>,
    /// The trees, veins and shoals that are here, those included that have nothing left.
    pub sources: Vec<Ref<Source>>,
    /// The creatures that are alive and here.
    pub creatures: Vec<Ref<Creature>>,
    /// What lies here of those who died.
    pub remains: Vec<Ref<Remains>>,
}

/// Which region. Shown, it is the name of the region's object and of its channel: `region 3,4`.
#[managed]
#[derive(Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Regions from the west edge.
    pub column: u16,
    /// Regions from the north edge.
    pub row: u16,
}

impl Place {
    /// The region around `at`.
    pub fn of(at: Position) -> Self {
        Self { column: at.x / REGION_SIDE, row: at.y / REGION_SIDE }
    }

    /// The regions of which something can be seen from `at`; that of `at` is one of them.
    pub fn in_sight_of(at: Position) -> impl Iterator<Item = Self> {
        let west_north = Position { x: at.x.saturating_sub(SIGHT), y: at.y.saturating_sub(SIGHT) };
        let east_south =
            Position { x: (at.x + SIGHT).min(SIDE - 1), y: (at.y + SIGHT).min(SIDE - 1) };
        Self::rectangle(Self::of(west_north), Self::of(east_south))
    }

    /// The regions of which something can be seen from either end of a step. Those whom a step takes out of sight
    /// must hear of it, too.
    pub fn in_sight_of_step(from: Position, to: Position) -> impl Iterator<Item = Self> {
        let left_behind = Self::in_sight_of(from)
            .filter(move |place| !Self::in_sight_of(to).any(|seen| seen == *place));
        Self::in_sight_of(to).chain(left_behind)
    }

    /// Every region of the map.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::rectangle(Self { column: 0, row: 0 }, Self::of(Position { x: SIDE - 1, y: SIDE - 1 }))
    }

    fn rectangle(first: Self, last: Self) -> impl Iterator<Item = Self> {
        (first.row..=last.row).flat_map(move |row| {
            (first.column..=last.column).map(move |column| Self { column, row })
        })
    }

    /// The region's object.
    ///
    /// # Errors
    /// A place that is not on the map.
    pub fn region(self, ctx: &Ctx) -> Result<Ref<Region>> {
        ctx.lookup(&self.to_string())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "region {},{}", self.column, self.row)
    }
}

/// Makes all regions, empty, in a new world.
pub fn lay_out(ctx: &Ctx) -> Result<()> {
    for place in Place::all() {
        let region = ctx.insert(Region {
            place,
            players: Vec::new(),
            sources: Vec::new(),
            creatures: Vec::new(),
            remains: Vec::new(),
        })?;
        ctx.bind(&place.to_string(), region)?;
    }
    Ok(())
}

/// Lists `player` where they stand; from now on `session` hears what happens there.
pub fn enter(ctx: &Ctx, session: Session, player: Ref<Player>, place: Place) -> Result<()> {
    ctx.get_mut(place.region(ctx)?)?.players.push(player);
    ctx.channel(&place.to_string()).join(session);
    Ok(())
}

/// Undoes [`enter`].
pub fn leave(ctx: &Ctx, session: Session, player: Ref<Player>, place: Place) -> Result<()> {
    ctx.get_mut(place.region(ctx)?)?.players.retain(|listed| *listed != player);
    ctx.channel(&place.to_string()).leave(session);
    Ok(())
}

/// Tells everyone near `at`.
pub fn announce(ctx: &Ctx, at: Position, event: &Event) {
    for place in Place::in_sight_of(at) {
        ctx.channel(&place.to_string()).send(event.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sight_reaches_over_borders_and_ends_at_the_edge_of_the_map() {
        let end = SIDE - 1;
        for (x, y) in [(0, 0), (REGION_SIDE, REGION_SIDE), (100, 3), (end, 70), (end, end)] {
            let at = Position { x, y };
            let listed: Vec<Place> = Place::in_sight_of(at).collect();
            let in_sight = || crate::island::everywhere().filter(|tile| tile.distance(at) <= SIGHT);
            assert!(in_sight().all(|tile| listed.contains(&Place::of(tile))), "{at} sees farther");
            for place in listed {
                assert!(in_sight().any(|tile| Place::of(tile) == place), "{at} sees no {place}");
            }
        }
    }
}
