//! The leaderboard: who is the most famous.
//!
//! Fame comes in with nearly everything that anybody does, and one board for all of it would be where all of them meet. So a
//! player's own fame is in the player, and the board is touched only when it passes a step: of ten deeds, nine concern
//! nobody else. Whoever does touch it moves an entry in an ordered map, where only neighbours meet.

use daystar::prelude::*;

use crate::messages::{Event, Leader};
use crate::players::Player;
use crate::settings::{FAME_STEP, LEADERS_TOLD};

/// What the board's object is called.
const NAME: &str = "leaderboard";

/// Everyone who has reached a step, the most famous first.
#[managed]
pub struct Leaderboard {
    /// Who is at which place.
    pub ranks: OrderedMap<Rank, Ref<Player>>,
}

/// A place on the board. The first is that of the most famous; who are equal, stand by their names.
#[managed]
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// By how much the fame is less than the most there can be, so that more of it comes first.
    missing: u64,
    /// The player's name.
    pub name: String,
}

impl Rank {
    /// Where a player belongs, if on the board at all.
    pub fn of(player: &Player) -> Option<Self> {
        let fame = player.fame - player.fame % FAME_STEP;
        (fame > 0).then(|| Self { missing: u64::MAX - fame, name: player.name.clone() })
    }

    /// The step that was reached.
    pub fn fame(&self) -> u64 {
        u64::MAX - self.missing
    }
}

/// Puts up the board, in a new world.
pub fn put_up(ctx: &Ctx) -> Result<()> {
    let board = ctx.insert(Leaderboard { ranks: OrderedMap::new(ctx)? })?;
    ctx.bind(NAME, board)
}

/// Adds to a player's fame.
pub fn praise(ctx: &Ctx, me: Ref<Player>, player: &mut Player, points: u64) -> Result<()> {
    let before = Rank::of(player);
    player.fame = player.fame.saturating_add(points);
    let after = Rank::of(player);
    if after != before {
        let ranks = ctx.get(ctx.lookup::<Leaderboard>(NAME)?)?.ranks;
        if let Some(before) = before {
            ranks.remove(ctx, &before)?;
        }
        if let Some(after) = after {
            ranks.insert(ctx, after, me)?;
        }
    }
    Ok(())
}

/// Tells who is at the top.
pub fn tell(ctx: &Ctx) -> Result<()> {
    let ranks = ctx.get(ctx.lookup::<Leaderboard>(NAME)?)?.ranks;
    let mut leaders = Vec::new();
    for entry in ranks.iter(ctx)?.take(LEADERS_TOLD) {
        let (rank, _) = entry?;
        leaders.push(Leader { fame: rank.fame(), name: rank.name });
    }
    ctx.reply(Event::Leaders(leaders));
    Ok(())
}
