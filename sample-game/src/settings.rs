//! The numbers to play with.

/// The side of a region, in tiles. Smaller regions: fewer players share one, but walkers cross more often.
pub const REGION_SIDE: u16 = 8;

/// How far a player sees and is heard, in tiles, in every direction.
pub const SIGHT: u16 = 4;

/// How far a player reaches, in tiles: one is the eight tiles around.
pub const REACH: u16 = 1;

/// What every new player starts with. All the gold there is was minted by this.
pub const START_GOLD: u64 = 100;

/// How many items a pack holds.
pub const PACK_ITEMS_MAX: usize = 20;

/// How many strokes of the axe fell a tree.
pub const TREE_STROKES: u8 = 3;

/// The longest thing that can be said, in characters.
pub const SAY_CHARS_MAX: usize = 200;
