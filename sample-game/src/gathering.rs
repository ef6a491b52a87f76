//! Gathering: trees, veins and shoals give wood, ore and fish, and come back by themselves.

use daystar::prelude::*;

use crate::island::{self, Position, Tile};
use crate::items::{self, Kind};
use crate::leaderboard;
use crate::messages::{Event, SeenSource};
use crate::players::{self, Player};
use crate::regions::{self, Place};
use crate::settings::{REACH, SHOAL_CASTS, TREE_STROKES, VEIN_STROKES};

/// A tree, a vein or a shoal, also while it has nothing left.
#[managed]
pub struct Source {
    /// Where it is; the map shows there what it is.
    pub at: Position,
    /// What it gives.
    pub kind: Kind,
    /// How many strokes are left until it gives that; none until it has come back.
    pub left: u8,
}

/// What is gathered on such a tile, and how many strokes it takes.
pub fn yields(tile: Tile) -> Option<(Kind, u8)> {
    match tile {
        Tile::Tree => Some((Kind::Wood, TREE_STROKES)),
        Tile::Vein => Some((Kind::Ore, VEIN_STROKES)),
        Tile::Shoal => Some((Kind::Fish, SHOAL_CASTS)),
        Tile::Water | Tile::Sand | Tile::Grass | Tile::Rock => None,
    }
}

/// Makes every source that is drawn on the map, in a new world.
pub fn lay_out(ctx: &Ctx) -> Result<()> {
    for at in island::everywhere() {
        if let Some((kind, left)) = yields(at.tile()) {
            let source = ctx.insert(Source { at, kind, left })?;
            ctx.get_mut(Place::of(at).region(ctx)?)?.sources.push(source);
        }
    }
    Ok(())
}

/// One stroke; `act_every` is the pace at which that can go on. The last one gives what the source has, and plans its
/// return.
pub fn gather(
    ctx: &Ctx,
    me: Ref<Player>,
    source: Ref<Source>,
    act_every: Duration,
    back_after: Duration,
) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    players::draw_breath(ctx, &mut player, act_every)?;
    let mut target = ctx.get_mut(source)?;
    let (at, what) = (target.at, target.at.tile());
    ensure!(at.distance(player.at) <= REACH, "{what} at {at} is out of reach; walk next to it");
    ensure!(target.left > 0, "{what} at {at} has nothing left; wait until it has come back");
    target.left -= 1;

    let mut thing = None;
    if target.left == 0 {
        thing = Some(items::make(ctx, target.kind, me, &mut player)?);
        leaderboard::praise(ctx, me, &mut player, 1)?;
        let delay = back_after.mul_f64(ctx.rng().random_range(1.0..1.5));
        ctx.schedule(delay, ComeBack { source })?;
        regions::announce(ctx, at, &Event::Exhausted { at });
    }
    ctx.reply(Event::Gathered { left: target.left, thing });
    Ok(())
}

/// A source has something again. Runs when its time has come, also after a restart.
#[task]
pub struct ComeBack {
    /// Which source.
    pub source: Ref<Source>,
}

impl Task for ComeBack {
    // Set aside, it would be missing for good.
    const RETRY: Retry = Retry::FOREVER;

    fn run(&self, ctx: &Ctx) -> Result<()> {
        let mut source = ctx.get_mut(self.source)?;
        let at = source.at;
        if let Some((_, strokes)) = yields(at.tile()) {
            source.left = strokes;
            regions::announce(ctx, at, &Event::CameBack { at });
        }
        Ok(())
    }
}

/// Those of `sources` that are within `sight` of `here`.
pub fn in_sight(
    ctx: &Ctx,
    sources: &[Ref<Source>],
    here: Position,
    sight: u16,
) -> Result<Vec<SeenSource>> {
    let mut seen = Vec::new();
    for &source in sources {
        let Source { at, kind, left } = *ctx.get(source)?;
        if at.distance(here) <= sight {
            seen.push(SeenSource { source, at, kind, left });
        }
    }
    Ok(seen)
}
