//! The map: what `island.txt` shows, and positions on it.

use std::fmt;

use daystar::prelude::*;

/// The map as drawn: one character a tile, one line a row, north on top.
const DRAWING: &[u8] = include_bytes!("island.txt");

/// The map's width and height, in tiles.
pub const SIDE: u16 = 256;

// Each row ends with a line break. A drawing of another size does not compile.
const ROW: usize = SIDE as usize + 1;
const _: () = assert!(DRAWING.len() == ROW * SIDE as usize, "island.txt must be 256 × 256 tiles");

/// What a tile is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tile {
    /// `~`: the sea.
    Water,
    /// `,`: the beach.
    Sand,
    /// `.`: a meadow.
    Grass,
    /// `T`: a tree or its stump.
    Tree,
    /// `o`: a vein of ore in a cliff.
    Vein,
    /// `f`: water in which fish gather.
    Shoal,
    /// `^`, and everything else: a cliff.
    Rock,
}

impl Tile {
    /// Whether a player can stand here.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Sand | Self::Grass)
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Water => "the sea",
            Self::Sand => "the beach",
            Self::Grass => "a meadow",
            Self::Tree => "a tree",
            Self::Vein => "a vein of ore",
            Self::Shoal => "a shoal of fish",
            Self::Rock => "a cliff",
        })
    }
}

/// A tile's place on the map.
#[managed]
#[message]
#[derive(Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Tiles from the west edge.
    pub x: u16,
    /// Tiles from the north edge.
    pub y: u16,
}

/// Where a step goes.
#[message]
#[derive(Copy, PartialEq, Eq)]
pub enum Direction {
    /// Up on the map.
    North,
    /// Right on the map.
    East,
    /// Down on the map.
    South,
    /// Left on the map.
    West,
}

impl Direction {
    /// All four.
    pub const ALL: [Self; 4] = [Self::North, Self::East, Self::South, Self::West];
}

impl Position {
    /// The tile here; beyond the map is the sea.
    pub fn tile(self) -> Tile {
        if self.x >= SIDE || self.y >= SIDE {
            return Tile::Water;
        }
        match DRAWING[usize::from(self.y) * ROW + usize::from(self.x)] {
            b'~' => Tile::Water,
            b',' => Tile::Sand,
            b'.' => Tile::Grass,
            b'T' => Tile::Tree,
            b'o' => Tile::Vein,
            b'f' => Tile::Shoal,
            _ => Tile::Rock,
        }
    }

    /// The next position that way; `None` at the edge of the map.
    pub fn step(self, direction: Direction) -> Option<Self> {
        let Self { x, y } = self;
        let (x, y) = match direction {
            Direction::North => (x, y.checked_sub(1)?),
            Direction::East => (x.checked_add(1)?, y),
            Direction::South => (x, y.checked_add(1)?),
            Direction::West => (x.checked_sub(1)?, y),
        };
        (x < SIDE && y < SIDE).then_some(Self { x, y })
    }

    /// How far it is to `other`, in tiles, where a diagonal counts as one.
    pub fn distance(self, other: Self) -> u16 {
        self.x.abs_diff(other.x).max(self.y.abs_diff(other.y))
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.x, self.y)
    }
}

/// Every position of the map, row by row.
pub fn everywhere() -> impl Iterator<Item = Position> {
    (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| Position { x, y }))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn all_open_land_can_be_walked_to_and_every_source_can_be_reached() {
        let start = everywhere().find(|p| p.tile().is_open()).expect("an island without land");
        let mut reached = HashSet::from([start]);
        let mut to_visit = vec![start];
        while let Some(here) = to_visit.pop() {
            for next in Direction::ALL.into_iter().filter_map(|d| here.step(d)) {
                if next.tile().is_open() && reached.insert(next) {
                    to_visit.push(next);
                }
            }
        }
        for place in everywhere() {
            match place.tile() {
                Tile::Sand | Tile::Grass => assert!(reached.contains(&place), "{place} is cut off"),
                source @ (Tile::Tree | Tile::Vein | Tile::Shoal) => assert!(
                    Direction::ALL
                        .into_iter()
                        .filter_map(|d| place.step(d))
                        .any(|p| reached.contains(&p)),
                    "nobody can reach {source} at {place}"
                ),
                Tile::Water | Tile::Rock => {}
            }
        }
    }

    #[test]
    fn the_map_ends_at_its_edges() {
        let corner = Position { x: 0, y: SIDE - 1 };
        assert_eq!(corner.step(Direction::West), None);
        assert_eq!(corner.step(Direction::South), None);
        assert_eq!(corner.step(Direction::North), Some(Position { x: 0, y: SIDE - 2 }));
        assert_eq!(Position { x: SIDE, y: 0 }.tile(), Tile::Water);
    }
}
