//! What a simulated player owns, going by what it was told.

use std::collections::BTreeMap;

use daystar::Ref;
use sample_game::items::{Item, Kind};
use sample_game::messages::{Event, PackItem};

use crate::ledger::{Good, Holdings};

/// Gold, in the ledger.
pub const GOLD: Good = Good::amount("gold");

/// An item, in the ledger.
pub fn thing(item: Ref<Item>, kind: Kind) -> Good {
    Good::thing(kind.to_string(), item)
}

/// What a player owns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// Gold. Below zero only if the player was told nonsense.
    pub gold: i128,
    /// Items, and what they are.
    pub items: BTreeMap<Ref<Item>, Kind>,
}

impl Account {
    /// What the server says that the player owns.
    pub fn stated(gold: u64, pack: &[PackItem]) -> Self {
        Self { gold: gold.into(), items: pack.iter().map(|item| (item.item, item.kind)).collect() }
    }

    /// Enters what came from others.
    pub fn heard(&mut self, event: &Event) {
        match event {
            Event::GotGold { gold, .. } => self.gold += i128::from(*gold),
            Event::GotItem { item, .. } => self.got(*item),
            _ => {}
        }
    }

    /// Enters an item that the player got.
    pub fn got(&mut self, item: PackItem) {
        self.items.insert(item.item, item.kind);
    }

    /// What the items weigh together, in grams.
    pub fn carried(&self) -> u32 {
        self.items.values().map(|kind| kind.weight()).sum()
    }

    /// The same, as the ledger counts it.
    pub fn holdings(&self) -> Holdings {
        let gold = Holdings::default().with(GOLD, self.gold);
        self.items.iter().fold(gold, |all, (item, kind)| all.with(thing(*item, *kind), 1))
    }

    /// In words, every difference from what the server says.
    pub fn differences(&self, stated: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        if self.gold != stated.gold {
            differences.push(format!("was told of {} gold, has {}", self.gold, stated.gold));
        }
        for (item, kind) in &self.items {
            if stated.items.get(item) != Some(kind) {
                differences.push(format!("was told to own {kind:?} {item}, and does not"));
            }
        }
        for (item, kind) in &stated.items {
            if !self.items.contains_key(item) {
                differences.push(format!("owns {kind:?} {item}, and was not told"));
            }
        }
        differences
    }
}

#[cfg(test)]
mod tests {
    use daystar_model::{ObjectId, Space};

    use super::*;

    fn item(index: u64) -> PackItem {
        let item = Ref::from_id(ObjectId::new(Space::Object, index));
        PackItem { item, kind: Kind::Wood }
    }

    #[test]
    fn gifts_are_entered_and_every_difference_is_found() {
        let mut told = Account::stated(100, &[item(1)]);
        told.heard(&Event::GotGold { from: "ann".to_owned(), gold: 7 });
        told.heard(&Event::GotItem { from: "ann".to_owned(), item: item(2) });
        let owned = Account::stated(107, &[item(2), item(1)]);
        assert_eq!(told.differences(&owned), Vec::<String>::new());

        let robbed = Account::stated(106, &[item(1), item(3)]);
        let differences = told.differences(&robbed).join("\n");
        assert!(differences.contains("was told of 107 gold, has 106"));
        assert!(differences.contains("was told to own Wood #2"));
        assert!(differences.contains("owns Wood #3, and was not told"));
    }
}
