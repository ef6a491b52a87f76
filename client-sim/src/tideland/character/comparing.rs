//! Comparing: whether what a character was told is what the server says.

use std::mem;
use std::time::Duration;

use daystar::Ref;
use sample_game::island::{Position, Tile};
use sample_game::items::Item;
use sample_game::market;
use sample_game::messages::{Event, Request};

use super::{Character, Me};
use crate::ledger::Holdings;
use crate::link::{Answer, Lost};
use crate::tideland::TidelandLink;
use crate::tideland::account::{Account, GOLD, gold_of_fill};
use crate::tideland::order_book::{OrderBook, gold_of_expiry, rounding_max};

/// How often what differs in the end is asked for again: gifts may still be on their way to this client.
const SETTLE_ATTEMPTS: u32 = 10;

/// How long to wait in between.
const SETTLE_PAUSE: Duration = Duration::from_millis(200);

impl Character {
    /// What the character has, as the server says; from now on that is what it knows to have.
    pub async fn audit(&mut self, link: &mut TidelandLink) -> Result<Option<Holdings>, Lost> {
        let Some(Me { at, account }) = self.ask_who_i_am(link).await? else { return Ok(None) };
        self.at = Some(at);
        self.account = account;
        self.has_stated = true;
        let has = self.holdings();
        if let Some(orders) = self.ask_for_orders(link).await? {
            if !self.is_unsure {
                self.enter_news(&orders);
            }
            self.orders = OrderBook::stated(&orders);
            self.knows_orders = true;
        }
        let is_unsure = mem::take(&mut self.is_unsure);
        Ok((!is_unsure).then_some(has))
    }

    /// Enters what became of orders while nobody was told.
    pub(super) fn enter_news(&mut self, orders: &[market::SeenOrder]) {
        let news = self.orders.news(orders);
        for (order, filled) in news.filled {
            let gold = self.change(GOLD, gold_of_fill(&order, filled, order.price));
            self.page.enter("had an order filled", vec![gold]).done();
            // In how many parts it was sold nobody knows, and a fee of each part was rounded.
            if order.side == market::Side::Sell {
                for _ in 0..rounding_max(filled, order.price) {
                    let gold = self.change(GOLD, 1);
                    drop(self.page.enter("paid less fees", vec![gold]));
                }
            }
        }
        for (order, expired) in news.expired {
            let gold = self.change(GOLD, gold_of_expiry(&order, expired));
            self.page.enter("got back what nobody sold", vec![gold]).done();
        }
        // For the ledger to judge: a server that has told of more than is on disk may have lost it.
        news.impossible.iter().for_each(|what| self.page.differs(what));
    }

    /// Compares what the character was told with what the server says, until both agree or it has been tried
    /// often enough.
    pub async fn settle(&mut self, link: &mut TidelandLink) -> Result<Vec<String>, Lost> {
        let mut attempts = 0;
        loop {
            let answer = link.call(&Request::Me).await?;
            link.heard().for_each(|event| self.heard(event));
            let Answer::Done(Some(Event::You { gold, pack, .. })) = answer else {
                return Ok(vec![format!("asked who it is, and was answered {answer:?}")]);
            };
            let mut differences = self.account.differences(&Account::stated(gold, &pack));
            if self.knows_orders
                && let Some(orders) = self.ask_for_orders(link).await?
            {
                differences.extend(self.orders.differences(&orders));
            }
            differences.extend(self.speech.differences());
            differences.extend(self.wrong.iter().cloned());
            attempts += 1;
            if differences.is_empty() || attempts == SETTLE_ATTEMPTS {
                return Ok(differences);
            }
            tokio::time::sleep(SETTLE_PAUSE).await;
        }
    }

    /// Whether a player who was as this one was told, and now is as the server says, must have died without being told. Nothing else
    /// takes anybody farther than a step.
    pub(super) fn has_died_unheard(&self, at: Position, stated: &Account) -> bool {
        let is_far = self.at.is_some_and(|before| before.distance(at) > 1);
        let has_kept = |item: &Ref<Item>| stated.items.contains_key(item);
        is_far && at.tile() == Tile::Sand && !self.account.items.keys().any(has_kept)
    }
}
