//! The kinds of creature, and what tells them apart.

use std::fmt;
use std::ops::RangeInclusive;

use daystar::prelude::*;

use crate::island::Tile;
use crate::items::Kind;

/// A kind of creature.
#[managed]
#[message]
#[derive(Copy, PartialEq, Eq)]
pub enum Species {
    /// Lives on the beach, and runs from who strikes it.
    Crab,
    /// Lives on the meadows, and goes for who strikes it.
    Boar,
    /// Lives on the meadows, goes for who strikes it, and at night for everyone.
    Wolf,
}

impl Species {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Crab, Self::Boar, Self::Wolf];

    /// Its health when nothing hurts.
    pub fn health_max(self) -> u16 {
        match self {
            Self::Crab => 12,
            Self::Boar => 60,
            Self::Wolf => 45,
        }
    }

    /// What a bite takes.
    pub fn bite(self) -> RangeInclusive<u16> {
        match self {
            Self::Crab => 1..=2,
            Self::Boar => 4..=9,
            Self::Wolf => 6..=12,
        }
    }

    /// What a dead one leaves.
    pub fn leaves(self) -> Kind {
        match self {
            Self::Crab => Kind::Shell,
            Self::Boar | Self::Wolf => Kind::Pelt,
        }
    }

    /// The gold that is set on its head.
    pub fn bounty(self) -> u64 {
        match self {
            Self::Crab => 1,
            Self::Boar => 8,
            Self::Wolf => 15,
        }
    }

    /// The fame that it is worth.
    pub fn fame(self) -> u64 {
        self.bounty()
    }

    /// Whether it sets foot on such a tile. It never leaves what it lives on, so there is always a way out of its reach.
    pub fn lives_on(self, tile: Tile) -> bool {
        match self {
            Self::Crab => tile == Tile::Sand,
            Self::Boar | Self::Wolf => tile == Tile::Grass,
        }
    }

    /// Whether it goes for who strikes it.
    pub fn strikes_back(self) -> bool {
        self != Self::Crab
    }

    /// Whether it goes for whomever it sees at night.
    pub fn hunts_at_night(self) -> bool {
        self == Self::Wolf
    }
}

impl fmt::Display for Species {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crab => "a crab",
            Self::Boar => "a boar",
            Self::Wolf => "a wolf",
        })
    }
}
