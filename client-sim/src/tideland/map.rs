//! The way on the map: where one can go from a place, and which step leads nearer to another.

use rand::RngExt;
use rand_pcg::Pcg32;
use sample_game::island::{Direction, Position};

/// Where a player can go with one step.
pub fn ways(at: Position) -> impl Iterator<Item = (Direction, Position)> {
    let steps = Direction::ALL.into_iter().filter_map(move |way| Some((way, at.step(way)?)));
    steps.filter(|(_, to)| to.tile().is_open())
}

/// Any step, mostly onward; `None` where there is none.
pub fn any(at: Position, heading: Option<Direction>, rng: &mut Pcg32) -> Option<Direction> {
    let open: Vec<Direction> = ways(at).map(|(way, _)| way).collect();
    let onward = heading.filter(|heading| open.contains(heading) && rng.random_bool(0.8));
    onward.or_else(|| match open.len() {
        0 => None,
        count => Some(open[rng.random_range(0..count)]),
    })
}

/// The step that leads nearest to `goal`; now and then any, so that nobody stands before a cliff for ever.
pub fn towards(at: Position, goal: Position, rng: &mut Pcg32) -> Option<Direction> {
    if rng.random_bool(0.2) {
        return any(at, None, rng);
    }
    ways(at).min_by_key(|(_, to)| apart(*to, goal)).map(|(way, _)| way)
}

/// The step that leads farthest away from `foe`.
pub fn away(at: Position, foe: Position) -> Option<Direction> {
    ways(at).max_by_key(|(_, to)| apart(*to, foe)).map(|(way, _)| way)
}

/// How many steps it is where all is open land.
pub fn apart(one: Position, other: Position) -> u16 {
    one.x.abs_diff(other.x) + one.y.abs_diff(other.y)
}

#[cfg(test)]
mod tests {
    use sample_game::island::everywhere;

    use super::*;

    /// A place with open land all around.
    fn meadow() -> Position {
        everywhere()
            .find(|at| at.tile().is_open() && ways(*at).count() == 4)
            .expect("a meadow on the island")
    }

    #[test]
    fn one_comes_nearer_and_gets_away_and_never_into_the_sea() {
        let at = meadow();
        let goal = Position { x: at.x + 2, y: at.y };
        let mut rng = Pcg32::new(1, 1);
        let steps: Vec<_> = (0..100).filter_map(|_| towards(at, goal, &mut rng)).collect();
        assert!(steps.iter().filter(|way| **way == Direction::East).count() > 50, "{steps:?}");
        let farther = away(at, goal).and_then(|way| at.step(way)).expect("a step");
        assert_eq!(apart(farther, goal), 3);
        for at in everywhere().filter(|at| at.tile().is_open()).step_by(97) {
            let way = any(at, Some(Direction::North), &mut rng).expect("no island of one tile");
            assert!(at.step(way).is_some_and(|to| to.tile().is_open()));
        }
    }
}
