//! What a visitor does who fights.

use std::time::Duration;

use daystar::prelude::*;
use sample_game::creatures::{Creature, SeenCreature};
use sample_game::fights::{Ask, Foe, Told};
use sample_game::island::{Position, Tile, everywhere};
use sample_game::messages::{Event, PackItem, Request};
use sample_game::remains::{Remains, SeenRemains};
use sample_game::{Tideland, Wild};

use crate::visit::{Visitor, brisk};

/// So long that a test does not see the end of it.
pub(crate) const NEVER: Duration = Duration::from_secs(60 * 60);

/// Nothing moves, comes back or decays, and nobody's arm gets tired.
pub(crate) fn still() -> Wild {
    Wild {
        prowl_every: NEVER,
        comes_back_after: NEVER,
        strike_every: Duration::ZERO,
        remains_last: NEVER,
        ..Wild::tame()
    }
}

/// Tideland, with such wild life.
pub(crate) fn wild(wild: Wild) -> Tideland {
    Tideland { wild, ..brisk() }
}

/// A place of that kind, all around which are such tiles too.
pub(crate) fn amid(tile: Tile) -> Position {
    let is_amid = |at: &Position| {
        let around = everywhere().filter(|other| other.distance(*at) <= 2);
        at.tile() == tile && around.filter(|other| other.tile() == tile).count() == 25
    };
    everywhere().find(is_amid).expect("a large island")
}

impl Visitor {
    /// Which creatures are in sight.
    pub(crate) async fn creatures(&self) -> Vec<SeenCreature> {
        match self.ask(Request::Look).await {
            Some(Event::Seen { creatures, .. }) => creatures,
            other => panic!("Look was answered {other:?}"),
        }
    }

    /// Which remains are in sight.
    pub(crate) async fn remains(&self) -> Vec<SeenRemains> {
        match self.ask(Request::Look).await {
            Some(Event::Seen { remains, .. }) => remains,
            other => panic!("Look was answered {other:?}"),
        }
    }

    /// Strikes; the damage and what is left, or why not.
    pub(crate) async fn strike(&self, foe: Foe) -> Result<(u16, u16), String> {
        match self.attempt(Request::Fight(Ask::Strike { foe })).await? {
            Some(Event::Fight(Told::Struck { damage, left })) => Ok((damage, left)),
            other => panic!("a strike was answered {other:?}"),
        }
    }

    /// Strikes a player until they are dead.
    pub(crate) async fn slay(&self, name: &str) {
        while self.strike(Foe::Player(name.to_owned())).await.expect("a strike").1 > 0 {}
    }

    /// Strikes a creature until it is dead; whether by the own hand.
    pub(crate) async fn hunt(&self, creature: Ref<Creature>) -> bool {
        loop {
            match self.strike(Foe::Creature(creature)).await {
                Ok((_, 0)) => return true,
                Ok(_) => {}
                Err(refusal) => {
                    assert!(refusal.contains("it is dead"), "{refusal}");
                    return false;
                }
            }
        }
    }

    /// Loots; the gold and the things, or why not.
    pub(crate) async fn loot(&self, remains: Ref<Remains>) -> Result<(u64, Vec<PackItem>), String> {
        match self.attempt(Request::Fight(Ask::Loot { remains })).await? {
            Some(Event::Fight(Told::Looted { gold, things, .. })) => Ok((gold, things)),
            other => panic!("looting was answered {other:?}"),
        }
    }

    /// Waits to be told something about fights.
    pub(crate) async fn hears<T>(&mut self, mut wanted: impl FnMut(Told) -> Option<T>) -> T {
        self.until(|event| match event {
            Event::Fight(told) => wanted(told),
            _ => None,
        })
        .await
    }
}
