//! Orders at the market.
//!
//! What an order does at once depends on the others that are there, so only the answer tells; what it does later is told by
//! events, and those that were lost in a crash are found out from how the order stands.

use daystar::Ref;
use rand::RngExt;
use rand_pcg::Pcg32;
use sample_game::items::{Item, Kind};
use sample_game::market::{Ask, Order, SeenOrder, Side, Told};
use sample_game::messages::{Event, Request};

use crate::ledger::Holdings;
use crate::link::{Answer, Lost};
use crate::tideland::TidelandLink;
use crate::tideland::account::GOLD;
use crate::tideland::character::Character;
use crate::tideland::order_book::gold_of_placed;

impl Character {
    /// How many orders it has.
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// An order in which something waits for which there is room.
    pub fn full_order(&self) -> Option<Ref<Order>> {
        let has_waiting = |order: &&SeenOrder| order.waiting > 0 && self.can_carry(order.kind);
        self.orders.iter().find(has_waiting).map(|order| order.order)
    }

    /// Any order of which something is left.
    pub fn some_open_order(&self, rng: &mut Pcg32) -> Option<Ref<Order>> {
        let open: Vec<&SeenOrder> = self.orders.iter().filter(|order| order.left > 0).collect();
        (!open.is_empty()).then(|| open[rng.random_range(0..open.len())].order)
    }

    /// Orders so many at up to that price.
    pub async fn buy(
        &mut self,
        link: &mut TidelandLink,
        kind: Kind,
        amount: u32,
        price: u64,
    ) -> Result<(), Lost> {
        let request = Request::Market(Ask::Buy { kind, amount, price });
        let answer = self.ask_unsurely(link, &request, "places an order").await?;
        self.placed(link, answer).await
    }

    /// Offers things of one kind at that price or more.
    pub async fn sell(
        &mut self,
        link: &mut TidelandLink,
        things: Vec<Ref<Item>>,
        price: u64,
    ) -> Result<(), Lost> {
        let request = Request::Market(Ask::Sell { things, price });
        let answer = self.ask_unsurely(link, &request, "places an order").await?;
        self.placed(link, answer).await
    }

    /// Takes back what is left of an order.
    pub async fn cancel_order(
        &mut self,
        link: &mut TidelandLink,
        order: Ref<Order>,
    ) -> Result<(), Lost> {
        let request = Request::Market(Ask::Cancel { order });
        let answer = self.ask_unsurely(link, &request, "cancels an order").await?;
        self.collected(link, "cancels an order", answer).await
    }

    /// Fetches what waits in an order.
    pub async fn collect(
        &mut self,
        link: &mut TidelandLink,
        order: Ref<Order>,
    ) -> Result<(), Lost> {
        let request = Request::Market(Ask::Collect { order });
        let answer = self.ask_unsurely(link, &request, "collects what was bought").await?;
        self.collected(link, "collects what was bought", answer).await
    }

    /// Asks which offers there are for a good.
    pub async fn ask_book(&mut self, link: &mut TidelandLink, kind: Kind) -> Result<(), Lost> {
        let request = Request::Market(Ask::Book(kind));
        let answer = self.ask_freely(link, &request, "asks for a book").await?;
        if let Answer::Done(Some(Event::Market(Told::Book { sells, buys, .. }))) = answer
            && let (Some(sell), Some(buy)) = (sells.first(), buys.first())
            && sell.price <= buy.price
        {
            // Who wants to pay that much would have been sold it.
            let (sell, buy) = (sell.price, buy.price);
            self.wrong.push(format!("{kind} is sold at {sell}, and bought at {buy}"));
        }
        Ok(())
    }

    /// Asks what was paid for a good.
    pub async fn ask_prices(&mut self, link: &mut TidelandLink, kind: Kind) -> Result<(), Lost> {
        let request = Request::Market(Ask::Prices(kind));
        self.ask_freely(link, &request, "asks for prices").await.map(drop)
    }

    async fn placed(&mut self, link: &mut TidelandLink, answer: Answer<Event>) -> Result<(), Lost> {
        match answer {
            Answer::Done(Some(Event::Market(Told::Placed { order, gold, pack }))) => {
                let changed = self.take_over(link, gold, &pack).await?;
                self.is_sure("places an order", &changed);
                self.orders.told(order);
                if !is_plausible(&order, &changed) {
                    self.wrong.push(format!("placed {order:?}, and that changed {changed:?}"));
                }
            }
            Answer::Done(other) => self.wrong.push(format!("ordered, and was answered {other:?}")),
            Answer::Refused(_) => {}
        }
        Ok(())
    }

    async fn collected(
        &mut self,
        link: &mut TidelandLink,
        what: &'static str,
        answer: Answer<Event>,
    ) -> Result<(), Lost> {
        match answer {
            Answer::Done(Some(Event::Market(Told::Collected { order, gold, pack }))) => {
                let changed = self.take_over(link, gold, &pack).await?;
                self.is_sure(what, &changed);
                self.orders.told(order);
                if changed.iter().any(|(_, by)| by < 0) {
                    self.wrong.push(format!("{what}, {order:?}, and that changed {changed:?}"));
                }
            }
            Answer::Done(other) => self.wrong.push(format!("{what}, and was answered {other:?}")),
            Answer::Refused(_) => {}
        }
        Ok(())
    }
}

/// Whether an order that was placed and now stands so can have changed what its owner has by so much.
fn is_plausible(order: &SeenOrder, changed: &Holdings) -> bool {
    let name = order.kind.to_string();
    let things = || changed.iter().filter(|(good, _)| good.is_thing());
    let of_its_kind = things().all(|(good, _)| good.kind() == name);
    let count: i128 = things().map(|(_, by)| by).sum();
    let expected = match order.side {
        Side::Sell => -i128::from(order.amount),
        Side::Buy => i128::from(order.amount) - i128::from(order.left) - i128::from(order.waiting),
    };
    of_its_kind && count == expected && gold_of_placed(order).contains(&changed.of(&GOLD))
}

#[cfg(test)]
mod tests {
    use daystar_model::{ObjectId, Space};

    use super::*;
    use crate::ledger::Good;

    #[test]
    fn an_order_takes_and_gives_what_it_says_and_nothing_else() {
        let order = Ref::from_id(ObjectId::new(Space::Object, 5));
        let wood = |which: u32| Good::thing("wood", which);
        let buy = SeenOrder {
            order,
            side: Side::Buy,
            kind: Kind::Wood,
            price: 10,
            amount: 3,
            left: 1,
            waiting: 1,
            taken_back: 0,
        };
        let changed = Holdings::default().with(GOLD, -29).with(wood(1), 1);
        assert!(is_plausible(&buy, &changed));
        assert!(!is_plausible(&buy, &changed.clone().with(wood(2), 1)));
        assert!(!is_plausible(&buy, &changed.clone().with(GOLD, -2)));
        assert!(!is_plausible(
            &buy,
            &Holdings::default().with(GOLD, -29).with(Good::thing("ore", 1), 1)
        ));
        let sell = SeenOrder { side: Side::Sell, amount: 1, left: 1, waiting: 0, ..buy };
        assert!(is_plausible(&sell, &Holdings::default().with(wood(1), -1)));
        assert!(!is_plausible(&sell, &Holdings::default()));
    }
}
