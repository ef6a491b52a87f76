//! The numbers to play with.

use std::time::Duration;

/// The side of a region, in tiles. Smaller regions: fewer players share one, but walkers cross more often.
pub const REGION_SIDE: u16 = 8;

/// How far a player sees by day, and is heard at any time, in tiles, in every direction.
pub const SIGHT: u16 = 4;

/// How far a player sees at night, in tiles; no farther than by day.
pub const SIGHT_AT_NIGHT: u16 = 2;

/// How far a player reaches, in tiles: one is the eight tiles around.
pub const REACH: u16 = 1;

/// How long an hour of the island's day takes.
pub const HOUR: Duration = Duration::from_secs(60);

/// The hours of the island's day, of which the first begins at midnight.
pub const HOURS_A_DAY: u64 = 24;

/// The hour at which the sun rises.
pub const SUNRISE: u64 = 6;

/// The hour at which the sun sets.
pub const SUNSET: u64 = 20;

/// What every new player starts with.
pub const START_GOLD: u64 = 100;

/// How healthy a player can be, and a new one is.
pub const HEALTH_MAX: u16 = 100;

/// How many items a pack holds.
pub const PACK_ITEMS_MAX: usize = 20;

/// How much a player can carry, in grams.
pub const PACK_GRAMS_MAX: u32 = 30_000;

/// How many strokes of the axe fell a tree.
pub const TREE_STROKES: u8 = 3;

/// How many strokes of the pick break the ore out of a vein.
pub const VEIN_STROKES: u8 = 5;

/// How many casts of the net it takes to catch a fish.
pub const SHOAL_CASTS: u8 = 2;

/// How much more fame a player needs to rise on the leaderboard. Smaller steps: the board is more exact, and players
/// meet there more often.
pub const FAME_STEP: u64 = 10;

/// How many players [`Request::Leaders`](crate::messages::Request::Leaders) tells of.
pub const LEADERS_TOLD: usize = 10;

/// The longest thing that can be said, in characters.
pub const SAY_CHARS_MAX: usize = 200;
