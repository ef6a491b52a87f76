//! Asking: how what a request does comes into the ledger, whether it is known before or only the answer tells.

use sample_game::market;
use sample_game::messages::{Event, PackItem, Request};

use super::{Character, Me};
use crate::ledger::{Change, Holdings};
use crate::link::{Answer, Lost};
use crate::tideland::TidelandLink;
use crate::tideland::account::Account;

/// How often a character asks who it is until nothing happens to it meanwhile.
const SURE_ATTEMPTS: u32 = 20;

impl Character {
    /// What the server says that the character is and has, at a moment up to which everything is known that happened to it.
    pub(in crate::tideland) async fn ask_who_i_am(
        &mut self,
        link: &mut TidelandLink,
    ) -> Result<Option<Me>, Lost> {
        for _ in 0..SURE_ATTEMPTS {
            let answer = link.call(&Request::Me).await?;
            let Answer::Done(Some(Event::You { at, gold, pack, health, .. })) = answer else {
                return Ok(None);
            };
            self.health = health;
            if self.hears_nothing_new(link) {
                return Ok(Some(Me { at, account: Account::stated(gold, &pack) }));
            }
        }
        Ok(None)
    }

    /// Asks for its orders, unless it knows them since it began to play. Whether it asked.
    pub(in crate::tideland) async fn learn_orders(
        &mut self,
        link: &mut TidelandLink,
    ) -> Result<bool, Lost> {
        if self.knows_orders {
            return Ok(false);
        }
        if let Some(orders) = self.ask_for_orders(link).await? {
            orders.iter().for_each(|order| self.orders.told(*order));
            self.knows_orders = true;
        }
        Ok(true)
    }

    /// Its orders, as the server says, unless there are none.
    pub(super) async fn ask_for_orders(
        &mut self,
        link: &mut TidelandLink,
    ) -> Result<Option<Vec<market::SeenOrder>>, Lost> {
        if self.orders.is_empty() && self.knows_orders && !self.is_unsure {
            return Ok(None);
        }
        let answer = link.call(&Request::Market(market::Ask::Orders)).await?;
        link.heard().for_each(|event| self.heard(event));
        match answer {
            Answer::Done(Some(Event::Market(market::Told::Orders(orders)))) => Ok(Some(orders)),
            _ => Ok(None),
        }
    }

    /// Takes over what an answer says that the character has now, and gives back what changed. Events that come together with an
    /// answer may be older than it or newer; where that matters, it asks again.
    pub(in crate::tideland) async fn take_over(
        &mut self,
        link: &mut TidelandLink,
        gold: u64,
        pack: &[PackItem],
    ) -> Result<Holdings, Lost> {
        let mut now = Account::stated(gold, pack);
        if !self.hears_nothing_new(link)
            && let Some(me) = self.ask_who_i_am(link).await?
        {
            now = me.account;
        }
        let changed = self.account.holdings().until(&now.holdings());
        self.account = now;
        Ok(changed)
    }

    /// Hears everything that has come; whether none of it changed the account.
    pub(super) fn hears_nothing_new(&mut self, link: &mut TidelandLink) -> bool {
        let mut is_nothing = true;
        for event in link.heard() {
            is_nothing &= !Account::is_changed_by(&event);
            self.heard(event);
        }
        is_nothing
    }

    /// Asks for something that, if it is done, changes this in the ledger. It is counted as `deed`.
    pub(in crate::tideland) async fn ask(
        &mut self,
        link: &mut TidelandLink,
        request: &Request,
        (deed, what): (&'static str, String),
        changes: Vec<Change>,
    ) -> Result<Answer<Event>, Lost> {
        let entry = self.page.enter(what, changes);
        let answer = link.call(request).await?;
        match answer {
            Answer::Done(_) => {
                entry.done();
                self.done.count(deed);
            }
            Answer::Refused(_) => entry.refused(),
        }
        Ok(answer)
    }

    /// Asks for something that changes nothing in the ledger.
    pub(in crate::tideland) async fn ask_freely(
        &mut self,
        link: &mut TidelandLink,
        request: &Request,
        deed: &'static str,
    ) -> Result<Answer<Event>, Lost> {
        let answer = link.call(request).await?;
        if let Answer::Done(_) = answer {
            self.done.count(deed);
        }
        Ok(answer)
    }

    /// Asks for something of which only the answer tells what it does. If it never comes, the account is not judged until the
    /// server has said what there is.
    pub(in crate::tideland) async fn ask_unsurely(
        &mut self,
        link: &mut TidelandLink,
        request: &Request,
        deed: &'static str,
    ) -> Result<Answer<Event>, Lost> {
        self.is_unsure = true;
        let answer = self.ask_freely(link, request, deed).await?;
        if let Answer::Refused(_) = answer {
            self.is_unsure = false;
        }
        Ok(answer)
    }

    /// What only the answer told: this has changed.
    pub(in crate::tideland) fn is_sure(&mut self, what: &'static str, changed: &Holdings) {
        let changes = changed.iter().map(|(good, by)| self.change(good.clone(), by)).collect();
        self.page.enter(what, changes).done();
        self.is_unsure = false;
    }
}
