//! Trees: they fall under the axe, give wood, and grow again by themselves.

use daystar::prelude::*;

use crate::island::{self, Position, Tile};
use crate::items::{self, Kind};
use crate::messages::Event;
use crate::players::Player;
use crate::regions::{self, Place};
use crate::settings::{REACH, TREE_STROKES};

/// A tree, or the stump that it left.
#[managed]
pub struct Tree {
    /// Where it stands; always a [`Tile::Tree`].
    pub at: Position,
    /// How many strokes it still stands; none if it is a stump.
    pub strokes_left: u8,
}

/// Plants every tree that is drawn on the map, in a new world.
pub fn plant(ctx: &Ctx) -> Result<()> {
    for at in island::everywhere().filter(|at| at.tile() == Tile::Tree) {
        let tree = ctx.insert(Tree { at, strokes_left: TREE_STROKES })?;
        ctx.get_mut(Place::of(at).region(ctx)?)?.trees.push(tree);
    }
    Ok(())
}

/// One stroke. The last one fells the tree, gives its wood, and plans its return.
pub fn chop(ctx: &Ctx, me: Ref<Player>, tree: Ref<Tree>, regrow_after: Duration) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    let mut target = ctx.get_mut(tree)?;
    let at = target.at;
    ensure!(at.distance(player.at) <= REACH, "the tree at {at} is out of reach; walk next to it");
    ensure!(target.strokes_left > 0, "at {at} is only a stump; wait until it has grown again");
    target.strokes_left -= 1;

    let mut wood = None;
    if target.strokes_left == 0 {
        wood = Some(items::make(ctx, Kind::Wood, me, &mut player.pack)?);
        let delay = regrow_after.mul_f64(ctx.rng().random_range(1.0..1.5));
        ctx.schedule(delay, Regrow { tree })?;
        regions::announce(ctx, at, &Event::TreeFell { at });
    }
    ctx.reply(Event::Chopped { strokes_left: target.strokes_left, wood });
    Ok(())
}

/// A stump becomes a tree again. Runs when its time has come, also after a restart.
#[task]
pub struct Regrow {
    /// Which tree.
    pub tree: Ref<Tree>,
}

impl Task for Regrow {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        let mut tree = ctx.get_mut(self.tree)?;
        tree.strokes_left = TREE_STROKES;
        regions::announce(ctx, tree.at, &Event::TreeGrew { at: tree.at });
        Ok(())
    }
}
