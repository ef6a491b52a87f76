//! Every tree, vein and shoal is where the map shows one.

use std::collections::HashSet;

use daystar::prelude::*;

use crate::gathering::{Source, yields};
use crate::island::Position;

/// Reports sources that are not where one of their kind is drawn, or not alone there, or have more than there can be.
pub fn check(world: &World) -> Result<()> {
    let mut taken: HashSet<Position> = HashSet::new();
    world.each::<Source>(|me, source| {
        let (at, kind) = (source.at, source.kind);
        let drawn = yields(at.tile()).filter(|(drawn, _)| *drawn == kind);
        if drawn.is_none() || !taken.insert(at) {
            world.problem(format!("{kind} {me} at {at} is not on the map, or not alone there"));
        }
        if drawn.is_some_and(|(_, strokes)| source.left > strokes) {
            world.problem(format!("{kind} {me} at {at} takes {} strokes", source.left));
        }
        Ok(())
    })
}
