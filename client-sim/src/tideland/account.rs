//! What a simulated player owns, going by what it was told.

use std::collections::{BTreeMap, BTreeSet};

use daystar::Ref;
use sample_game::fights;
use sample_game::guilds;
use sample_game::items::{Item, Kind};
use sample_game::market::{self, SeenOrder, Side};
use sample_game::messages::{Event, PackItem};
use sample_game::settings::MARKET_FEE_PERCENT;
use sample_game::trade;

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
    /// Items that went before it was known that they had come: an answer may be looked at behind an event that is newer.
    gone_early: BTreeSet<Ref<Item>>,
}

impl Account {
    /// What the server says that the player owns.
    pub fn stated(gold: u64, pack: &[PackItem]) -> Self {
        let items = pack.iter().map(|item| (item.item, item.kind)).collect();
        Self { gold: gold.into(), items, gone_early: BTreeSet::new() }
    }

    /// Enters what others and the island did to it.
    pub fn heard(&mut self, event: &Event) {
        match event {
            Event::GotGold { gold, .. } => self.gold += i128::from(*gold),
            Event::GotItem { item, .. } => self.got(*item),
            Event::Market(market::Told::Filled { order, amount, price }) => {
                self.gold += gold_of_fill(order, *amount, *price);
            }
            Event::Market(market::Told::Expired { gold, .. }) => self.gold += i128::from(*gold),
            Event::Guild(guilds::Told::Dissolved { gold, .. }) => self.gold += i128::from(*gold),
            Event::Fight(fights::Told::Died { gold, things, .. }) => {
                self.gold -= i128::from(*gold);
                things.iter().for_each(|thing| self.lost(*thing));
            }
            _ => {}
        }
    }

    /// Whether something comes or goes with this event, which nobody asked for who hears it.
    pub fn is_changed_by(event: &Event) -> bool {
        matches!(
            event,
            Event::GotGold { .. }
                | Event::GotItem { .. }
                | Event::Trade(trade::Told::Swapped { .. })
                | Event::Market(market::Told::Filled { .. } | market::Told::Expired { .. })
                | Event::Guild(guilds::Told::Dissolved { .. })
                | Event::Fight(fights::Told::Died { .. })
        )
    }

    /// Enters an item that the player got.
    pub fn got(&mut self, item: PackItem) {
        if !self.gone_early.remove(&item.item) {
            self.items.insert(item.item, item.kind);
        }
    }

    /// Enters that the player has an item no more.
    pub fn lost(&mut self, item: Ref<Item>) {
        if self.items.remove(&item).is_none() {
            self.gone_early.insert(item);
        }
    }

    /// What the items weigh together, in grams.
    pub fn carried(&self) -> u32 {
        self.items.values().map(|kind| kind.weight()).sum()
    }

    /// How many items of that kind there are.
    pub fn count(&self, kind: Kind) -> usize {
        self.of_kind(kind).count()
    }

    /// The items of that kind.
    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = Ref<Item>> {
        self.items.iter().filter(move |(_, found)| **found == kind).map(|(item, _)| *item)
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
        for item in &self.gone_early {
            differences.push(format!("was told to have lost {item}, which it never had"));
        }
        differences
    }
}

/// What a seller gets who sells so many at once, less the market's fee.
pub fn proceeds(amount: u32, price: u64) -> i128 {
    let whole = i128::from(amount) * i128::from(price);
    whole - whole * i128::from(MARKET_FEE_PERCENT) / 100
}

/// The gold that comes to the owner of an order that waited, when so many of it are bought or sold at that price.
pub fn gold_of_fill(order: &SeenOrder, amount: u32, price: u64) -> i128 {
    match order.side {
        Side::Sell => proceeds(amount, price),
        // What it did not cost of what was paid when it was ordered.
        Side::Buy => i128::from(amount) * (i128::from(order.price) - i128::from(price)),
    }
}

#[cfg(test)]
mod tests {
    use daystar_model::{ObjectId, Space};
    use sample_game::island::Position;

    use super::*;

    fn item(index: u64) -> PackItem {
        let item = Ref::from_id(ObjectId::new(Space::Object, index));
        PackItem { item, kind: Kind::Wood }
    }

    fn death(gold: u64, things: &[PackItem]) -> Event {
        let things = things.iter().map(|thing| thing.item).collect();
        let at = Position { x: 1, y: 1 };
        Event::Fight(fights::Told::Died { by: "a wolf".to_owned(), at, gold, things })
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

    #[test]
    fn who_dies_loses_what_is_told_even_if_it_is_heard_before_how_it_came() {
        let mut told = Account::stated(100, &[item(1)]);
        told.heard(&death(50, &[item(1), item(2)]));
        assert_eq!(told.differences(&Account::stated(50, &[])).len(), 1);
        told.got(item(2));
        assert_eq!(told.differences(&Account::stated(50, &[])), Vec::<String>::new());
    }

    #[test]
    fn an_order_that_is_filled_brings_its_price_less_the_fee() {
        let order = Ref::from_id(ObjectId::new(Space::Object, 9));
        let kind = Kind::Wood;
        let sell = SeenOrder {
            order,
            side: Side::Sell,
            kind,
            price: 30,
            amount: 5,
            left: 0,
            waiting: 0,
            taken_back: 0,
        };
        assert_eq!(gold_of_fill(&sell, 5, 30), 150 - 7);
        assert_eq!(gold_of_fill(&sell, 1, 19), 19, "the fee is rounded down");
        let buy = SeenOrder { side: Side::Buy, ..sell };
        assert_eq!(gold_of_fill(&buy, 5, 30), 0);
        assert_eq!(gold_of_fill(&buy, 5, 28), 10);
    }
}
