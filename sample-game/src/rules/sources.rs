//! Every tree, vein and shoal is where the map shows one.

use std::collections::HashSet;

use daystar::prelude::*;

use crate::gathering::yields;
use crate::island::Position;
use crate::rules::Census;

/// Reports sources that are not where one of their kind is drawn, or not alone there, or have more than there can be.
pub fn check(world: &World, all: &Census) {
    let mut taken: HashSet<Position> = HashSet::new();
    for (me, source) in all.sources.each() {
        let (at, kind) = (source.at, source.kind);
        let drawn = yields(at.tile()).filter(|(drawn, _)| *drawn == kind);
        if drawn.is_none() || !taken.insert(at) {
            world.problem(format!("{kind} {me} at {at} is not on the map, or not alone there"));
        }
        if drawn.is_some_and(|(_, strokes)| source.left > strokes) {
            world.problem(format!("{kind} {me} at {at} takes {} strokes", source.left));
        }
    }
}
