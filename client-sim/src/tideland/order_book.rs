//! What a character knows of its own orders at the market.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use daystar::Ref;
use sample_game::market::{Order, SeenOrder, Side};

use crate::tideland::account::proceeds;

/// Own orders, as they were when they were told of last.
#[derive(Clone, Debug, Default)]
pub struct OrderBook(BTreeMap<Ref<Order>, SeenOrder>);

/// What became of orders while nobody was told of it, as happens behind a crash.
#[derive(Debug, Default, PartialEq)]
pub struct News {
    /// Orders of which so many were bought or sold.
    pub filled: Vec<(SeenOrder, u32)>,
    /// Orders of which so many were taken back because they had been on offer for too long.
    pub expired: Vec<(SeenOrder, u32)>,
    /// In words, what cannot be.
    pub impossible: Vec<String>,
}

impl OrderBook {
    /// These, as the server says.
    pub fn stated(orders: &[SeenOrder]) -> Self {
        Self(orders.iter().map(|order| (order.order, *order)).collect())
    }

    /// Takes note of how an order stands. What is left of it only becomes less, so who says that it is more is late.
    pub fn told(&mut self, order: SeenOrder) {
        let known = self.0.get(&order.order);
        if known.is_none_or(|known| known.left >= order.left) {
            self.0.insert(order.order, order);
        }
    }

    /// Forgets those of which there is nothing any more. Only while nothing is under way that may still tell of them.
    pub fn clear_away(&mut self) {
        self.0.retain(|_, order| !is_over(order));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.values().filter(|order| !is_over(order)).count()
    }

    /// Those of which there is something.
    pub fn iter(&self) -> impl Iterator<Item = &SeenOrder> {
        self.0.values().filter(|order| !is_over(order))
    }

    /// What happened between what was told and what the server says now.
    pub fn news(&self, stated: &[SeenOrder]) -> News {
        let mut news = News::default();
        for known in self.iter() {
            let (left, taken_back) = match stated.iter().find(|order| order.order == known.order) {
                Some(now) => (now.left, now.taken_back),
                // What waits for its owner is not gone by itself: neither what was bought, nor what nobody has bought in time.
                None if known.left > 0 && known.side == Side::Sell => (0, known.taken_back),
                None if known.left > 0 && known.waiting == 0 => (0, known.taken_back + known.left),
                None => {
                    news.impossible.push(format!("its order {} is gone", known.order));
                    continue;
                }
            };
            let expired = taken_back.saturating_sub(known.taken_back);
            match known.left.checked_sub(left).and_then(|gone| gone.checked_sub(expired)) {
                Some(filled) => {
                    news.filled.extend((filled > 0).then_some((*known, filled)));
                    news.expired.extend((expired > 0).then_some((*known, expired)));
                }
                None => news.impossible.push(format!(
                    "was told that {} are left of its order {}, and there are {left}, and {taken_back} were taken back",
                    known.left, known.order
                )),
            }
        }
        news
    }

    /// In words, every difference from what the server says.
    pub fn differences(&self, stated: &[SeenOrder]) -> Vec<String> {
        let mut differences = Vec::new();
        for known in self.iter() {
            match stated.iter().find(|order| order.order == known.order) {
                Some(now) if now == known => {}
                now => {
                    differences.push(format!("was told of the order {known:?}, and it is {now:?}"))
                }
            }
        }
        let unknown = |order: &&SeenOrder| !self.iter().any(|known| known.order == order.order);
        for order in stated.iter().filter(unknown) {
            differences.push(format!("has the order {order:?}, and was not told"));
        }
        differences
    }
}

/// What a placed order may have done to its owner's gold, if it now stands so.
pub fn gold_of_placed(order: &SeenOrder) -> RangeInclusive<i128> {
    let SeenOrder { amount, left, price, .. } = *order;
    let filled = amount.saturating_sub(left);
    let (price, count) = (i128::from(price), i128::from(filled));
    match order.side {
        // What is left is paid in advance; what was bought cost something, and no more than the price.
        Side::Buy => -i128::from(amount) * price..=-(i128::from(left) * price + count),
        Side::Sell if filled == 0 => 0..=0,
        // Of buyers who would have paid more, it got more; their fees may be one more for each.
        Side::Sell => proceeds(filled, order.price) - count..=i128::MAX,
    }
}

/// The gold that comes back when so many of an order were on offer for too long. Things do not come back by themselves.
pub fn gold_of_expiry(order: &SeenOrder, amount: u32) -> i128 {
    match order.side {
        Side::Buy => i128::from(amount) * i128::from(order.price),
        Side::Sell => 0,
    }
}

/// What the fees of so many sold at that price came to at least less than those of a single sale, because each is rounded down.
pub fn rounding_max(amount: u32, price: u64) -> u32 {
    let one_by_one = i128::from(amount) * proceeds(1, price);
    u32::try_from(one_by_one - proceeds(amount, price)).unwrap_or(0)
}

fn is_over(order: &SeenOrder) -> bool {
    order.left == 0 && order.waiting == 0
}

#[cfg(test)]
mod tests {
    use daystar_model::{ObjectId, Space};
    use sample_game::items::Kind;

    use super::*;

    fn order(side: Side, left: u32, waiting: u32) -> SeenOrder {
        let order = Ref::from_id(ObjectId::new(Space::Object, 5));
        let (kind, price, amount, taken_back) = (Kind::Ore, 10, 8, 0);
        SeenOrder { order, side, kind, price, amount, left, waiting, taken_back }
    }

    #[test]
    fn what_is_told_late_changes_nothing() {
        let mut book = OrderBook::default();
        book.told(order(Side::Buy, 2, 6));
        book.told(order(Side::Buy, 8, 0));
        assert_eq!(book.iter().copied().collect::<Vec<_>>(), [order(Side::Buy, 2, 6)]);
        book.told(order(Side::Buy, 2, 0));
        assert_eq!(book.iter().copied().collect::<Vec<_>>(), [order(Side::Buy, 2, 0)]);
        book.told(order(Side::Buy, 0, 0));
        assert_eq!(book.len(), 0);
        book.told(order(Side::Buy, 8, 0));
        assert_eq!(book.len(), 0, "it is over, whoever says what it was before");
        book.clear_away();
        assert!(book.is_empty());
    }

    #[test]
    fn what_was_filled_meanwhile_is_found_out() {
        let mut book = OrderBook::default();
        let known = order(Side::Sell, 5, 0);
        book.told(known);
        let news = |stated: &[SeenOrder]| book.news(stated);
        assert_eq!(news(&[known]), News::default());
        assert_eq!(news(&[order(Side::Sell, 2, 0)]).filled, [(known, 3)]);
        assert_eq!(news(&[]).filled, [(known, 5)]);
        assert_eq!(news(&[order(Side::Sell, 6, 0)]).impossible.len(), 1);

        let expired = |left, taken_back| SeenOrder { taken_back, ..order(Side::Sell, left, 3) };
        let found = news(&[expired(0, 3)]);
        assert_eq!((found.filled, found.expired), (vec![(known, 2)], vec![(known, 3)]));
        assert_eq!(news(&[expired(3, 3)]).impossible.len(), 1, "more is gone than there was");

        let mut book = OrderBook::default();
        book.told(order(Side::Buy, 5, 3));
        assert_eq!(book.news(&[]).impossible.len(), 1, "what was bought is gone");
        assert_eq!(book.differences(&[order(Side::Buy, 5, 3)]), Vec::<String>::new());
        assert_eq!(book.differences(&[order(Side::Buy, 5, 2)]).len(), 1);
        assert_eq!(OrderBook::default().differences(&[known]).len(), 1);
    }

    #[test]
    fn an_order_costs_no_more_than_it_said_and_brings_no_less() {
        assert_eq!(gold_of_placed(&order(Side::Buy, 8, 0)), -80..=-80);
        assert_eq!(gold_of_placed(&order(Side::Buy, 6, 0)), -80..=-62);
        assert_eq!(gold_of_placed(&order(Side::Sell, 8, 0)), 0..=0);
        assert!(gold_of_placed(&order(Side::Sell, 6, 0)).contains(&20));
        assert!(!gold_of_placed(&order(Side::Sell, 6, 0)).contains(&15));
    }

    #[test]
    fn sold_one_by_one_things_may_bring_more() {
        assert_eq!(rounding_max(1, 30), 0);
        assert_eq!(rounding_max(2, 30), 1, "a fee of 3 at once, of 1 each");
        assert_eq!(rounding_max(10, 19), 9);
        assert_eq!(rounding_max(7, 40), 0);
    }
}
