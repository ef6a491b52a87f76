//! What a character has seen and heard of what is around it. All of it may be old.

use std::collections::{BTreeMap, VecDeque};

use daystar::Ref;
use sample_game::creatures::{Creature, SeenCreature};
use sample_game::fights::Told;
use sample_game::island::Position;
use sample_game::messages::{Event, SeenSource};
use sample_game::remains::{Remains, SeenRemains};
use sample_game::settings::REACH;

/// How many names of others are remembered.
const MET_MAX: usize = 32;

/// What is near, as far as it is known.
#[derive(Debug, Default)]
pub struct Surroundings {
    /// Names of others, those who were met last behind.
    pub met: VecDeque<String>,
    /// Trees, veins and shoals.
    pub sources: BTreeMap<Position, SeenSource>,
    /// What prowls.
    pub creatures: BTreeMap<Ref<Creature>, SeenCreature>,
    /// What is left of the dead.
    pub remains: BTreeMap<Ref<Remains>, SeenRemains>,
}

impl Surroundings {
    /// The character is somewhere else now. Whom it has met it still knows.
    pub fn left_behind(&mut self) {
        *self = Self { met: std::mem::take(&mut self.met), ..Self::default() };
    }

    /// Takes note of an event. `me` is not somebody to be met.
    pub fn heard(&mut self, me: &str, event: &Event) {
        match event {
            Event::Moved { who, .. }
            | Event::Arrived { who, .. }
            | Event::GotGold { from: who, .. }
            | Event::GotItem { from: who, .. } => self.meet(me, who),
            Event::Exhausted { at } => {
                self.sources.remove(at);
            }
            Event::Seen { players, sources, creatures, remains } => {
                players.iter().for_each(|player| self.meet(me, &player.name));
                self.sources = sources.iter().map(|seen| (seen.at, *seen)).collect();
                self.creatures = creatures.iter().map(|seen| (seen.creature, *seen)).collect();
                let remains = remains.iter().map(|seen| (seen.remains, seen.clone()));
                self.remains = remains.collect();
            }
            Event::Fight(Told::Prowled { creature, at, .. }) => {
                if let Some(seen) = self.creatures.get_mut(creature) {
                    seen.at = *at;
                }
            }
            // Whose remains they are is not told, only where somebody fell.
            Event::Fight(Told::Fell { at, .. }) => {
                self.creatures.retain(|_, seen| seen.at != *at);
            }
            Event::Fight(Told::Cleared { remains }) => {
                self.remains.remove(remains);
            }
            _ => {}
        }
    }

    /// The nearest source that satisfies `is_wanted`, and whether it can be reached from `at`.
    pub fn nearest_source(
        &self,
        at: Position,
        is_wanted: impl Fn(&SeenSource) -> bool,
    ) -> Option<(SeenSource, bool)> {
        let wanted = self.sources.values().filter(|seen| seen.left > 0 && is_wanted(seen));
        let nearest = wanted.min_by_key(|seen| seen.at.distance(at))?;
        Some((*nearest, nearest.at.distance(at) <= REACH))
    }

    /// The nearest creature that satisfies `is_wanted`, and whether it can be reached from `at`.
    pub fn nearest_creature(
        &self,
        at: Position,
        is_wanted: impl Fn(&SeenCreature) -> bool,
    ) -> Option<(SeenCreature, bool)> {
        let nearest = self.creatures.values().filter(|seen| is_wanted(seen));
        let nearest = nearest.min_by_key(|seen| seen.at.distance(at))?;
        Some((*nearest, nearest.at.distance(at) <= REACH))
    }

    /// The nearest remains, and whether they can be reached from `at`.
    pub fn nearest_remains(&self, at: Position) -> Option<(Ref<Remains>, Position, bool)> {
        let nearest = self.remains.values().min_by_key(|seen| seen.at.distance(at))?;
        Some((nearest.remains, nearest.at, nearest.at.distance(at) <= REACH))
    }

    fn meet(&mut self, me: &str, name: &str) {
        if name == me || self.met.iter().any(|known| known == name) {
            return;
        }
        if self.met.len() == MET_MAX {
            self.met.pop_front();
        }
        self.met.push_back(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use daystar_model::{ObjectId, Space};
    use sample_game::items::Kind;
    use sample_game::messages::SeenPlayer;

    use super::*;

    fn source(index: u64, x: u16, left: u8) -> SeenSource {
        let source = Ref::from_id(ObjectId::new(Space::Object, index));
        SeenSource { source, at: Position { x, y: 7 }, kind: Kind::Wood, left }
    }

    fn seen(names: &[&str], sources: Vec<SeenSource>) -> Event {
        let at = Position { x: 7, y: 7 };
        let player = |name: &&str| SeenPlayer { name: (*name).to_owned(), at };
        let players = names.iter().map(player).collect();
        Event::Seen { players, sources, creatures: Vec::new(), remains: Vec::new() }
    }

    #[test]
    fn the_nearest_source_that_has_something_left_is_found() {
        let here = Position { x: 7, y: 7 };
        let mut around = Surroundings::default();
        around.heard("ann", &seen(&[], vec![source(1, 8, 0), source(2, 10, 3), source(3, 11, 3)]));
        let (found, is_in_reach) = around.nearest_source(here, |_| true).expect("a source");
        assert_eq!((found.at.x, is_in_reach), (10, false));
        around.heard("ann", &Event::Exhausted { at: found.at });
        let nearer = Position { x: 10, y: 7 };
        let (found, is_in_reach) = around.nearest_source(nearer, |_| true).expect("a source");
        assert_eq!((found.at.x, is_in_reach), (11, true));
        assert!(around.nearest_source(here, |seen| seen.kind == Kind::Ore).is_none());
        around.left_behind();
        assert!(around.sources.is_empty());
    }

    #[test]
    fn others_are_met_once_and_the_first_are_forgotten_first() {
        let mut around = Surroundings::default();
        around.heard("ann", &seen(&["ann", "bob", "bob"], Vec::new()));
        assert_eq!(around.met, ["bob"]);
        for number in 0..MET_MAX {
            around.heard("ann", &seen(&[&format!("sim-{number}")], Vec::new()));
        }
        assert_eq!(around.met.len(), MET_MAX);
        assert!(!around.met.contains(&"bob".to_owned()));
    }
}
