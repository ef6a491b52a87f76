//! Deals with another: what is laid out, agreed to, and swapped.

use std::collections::VecDeque;

use daystar::Ref;
use sample_game::items::Item;
use sample_game::messages::{Event, Request};
use sample_game::trade::{Ask, Revision, SeenOffer, Told};

use crate::ledger::Change;
use crate::link::{Answer, Lost};
use crate::tideland::TidelandLink;
use crate::tideland::account::{GOLD, thing};
use crate::tideland::character::Character;

/// What somebody says who is out for a deal.
pub const CALL: &str = "who has something to trade?";

/// How many who called are remembered.
const CALLERS_MAX: usize = 8;

/// How often a dealer waits for the other before it gives up.
const WAITS_MAX: u32 = 8;

/// What a character knows of the deal that it is in.
#[derive(Clone, Debug, Default)]
pub struct Dealing {
    deal: Option<Deal>,
    /// The deal as it was agreed to last: what will be swapped, if it is.
    agreed: Option<Deal>,
    has_offered: bool,
    waited: u32,
    callers: VecDeque<String>,
}

/// How a deal stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Deal {
    with: String,
    yours: SeenOffer,
    theirs: SeenOffer,
    revision: Revision,
}

/// What is to be done about a deal next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nothing is laid out yet.
    Offer,
    /// It is as it should be.
    Accept,
    /// It is the other's turn.
    Wait,
    /// The other has had enough time.
    Cancel,
}

impl Dealing {
    /// Whether there is a deal.
    pub fn is_open(&self) -> bool {
        self.deal.is_some()
    }

    /// What is to be done next, if there is a deal.
    pub fn next(&self) -> Option<Move> {
        let deal = self.deal.as_ref()?;
        Some(match (self.has_offered, deal.yours.accepted) {
            _ if self.waited >= WAITS_MAX => Move::Cancel,
            (false, _) => Move::Offer,
            // Who has laid out nothing yet may still do so.
            (true, false) if deal.theirs.gold > 0 || !deal.theirs.things.is_empty() => Move::Accept,
            _ => Move::Wait,
        })
    }

    /// One who called for a deal; asked only once.
    pub fn caller(&mut self) -> Option<String> {
        self.callers.pop_back()
    }

    /// Takes note of what somebody said.
    pub(crate) fn heard_say(&mut self, me: &str, who: &str, text: &str) {
        if who == me || !text.starts_with(CALL) || self.callers.iter().any(|known| known == who) {
            return;
        }
        if self.callers.len() == CALLERS_MAX {
            self.callers.pop_front();
        }
        self.callers.push_back(who.to_owned());
    }

    /// Takes note of how the deal stands.
    fn stands(&mut self, deal: Deal) {
        let is_same = |known: &Deal| known.revision.deal == deal.revision.deal;
        match &self.deal {
            Some(known) if is_same(known) => {
                // An answer may be looked at behind an event that is newer.
                if known.revision.number > deal.revision.number {
                    return;
                }
            }
            _ => {
                self.has_offered = false;
                self.agreed = None;
                self.waited = 0;
            }
        }
        self.deal = Some(deal);
    }

    /// The deal as it is known is what will be swapped, if the other agrees, too.
    pub(crate) fn agree(&mut self) -> Option<Deal> {
        self.agreed.clone_from(&self.deal);
        self.deal.clone()
    }

    fn forget(&mut self) {
        *self = Self { callers: std::mem::take(&mut self.callers), ..Self::default() };
    }
}

impl Deal {
    /// What the swap does to both, as the ledger counts it.
    fn changes(&self, me: &str) -> Vec<Change> {
        let mut changes = Vec::new();
        for (giver, taker, offer) in
            [(me, self.with.as_str(), &self.yours), (self.with.as_str(), me, &self.theirs)]
        {
            let gold = i128::from(offer.gold);
            if gold > 0 {
                changes.extend([Change::of(giver, GOLD, -gold), Change::of(taker, GOLD, gold)]);
            }
            for item in &offer.things {
                let good = thing(item.item, item.kind);
                changes.push(Change::of(giver, good.clone(), -1));
                changes.push(Change::of(taker, good, 1));
            }
        }
        changes
    }
}

impl Character {
    /// The deal that it is in, and what it knows of those who want one.
    pub fn dealing(&mut self) -> &mut Dealing {
        &mut self.dealing
    }

    /// Begins a deal with somebody who must be near.
    pub async fn open_deal(&mut self, link: &mut TidelandLink, with: String) -> Result<(), Lost> {
        let request = Request::Trade(Ask::Open { with });
        let answer = self.ask_freely(link, &request, "opens a deal").await?;
        self.answered(answer);
        Ok(())
    }

    /// Lays that out.
    pub async fn offer(
        &mut self,
        link: &mut TidelandLink,
        gold: u64,
        things: Vec<Ref<Item>>,
    ) -> Result<(), Lost> {
        let request = Request::Trade(Ask::Offer { gold, things });
        let answer = self.ask_freely(link, &request, "lays something out").await?;
        self.dealing.has_offered = true;
        self.answered(answer);
        Ok(())
    }

    /// Agrees to the deal as it is known. Who agrees last enters for both what that does; and as it is not known before who will
    /// be the last, both are ready to.
    pub async fn accept_deal(&mut self, link: &mut TidelandLink) -> Result<(), Lost> {
        let Some(deal) = self.dealing.agree() else { return Ok(()) };
        let request = Request::Trade(Ask::Accept { revision: deal.revision });
        let what = format!("agrees to a deal with {}", deal.with);
        let entry = self.page.enter(what, deal.changes(self.page.name()));
        let answer = link.call(&request).await?;
        match &answer {
            Answer::Done(Some(Event::Trade(Told::Swapped { .. }))) => entry.done(),
            Answer::Done(_) => {
                entry.done_as(Vec::new());
                self.done.count("agrees to a deal");
            }
            Answer::Refused(_) => entry.refused(),
        }
        self.answered(answer);
        Ok(())
    }

    /// Waits for the other.
    pub fn wait_for_other(&mut self) {
        self.dealing.waited += 1;
    }

    /// Gives the deal up.
    pub async fn cancel_deal(&mut self, link: &mut TidelandLink) -> Result<(), Lost> {
        let cancel = Request::Trade(Ask::Cancel);
        // The other may have agreed meanwhile, which has been told before this is refused.
        self.ask_freely(link, &cancel, "gives up a deal").await?;
        link.heard().for_each(|event| self.heard(event));
        self.dealing.forget();
        Ok(())
    }

    fn answered(&mut self, answer: Answer<Event>) {
        match answer {
            Answer::Done(Some(Event::Trade(told))) => self.heard_of_deal(told),
            Answer::Done(_) => {}
            // The deal is over or has changed, or never began. If there still is one, time ends it.
            Answer::Refused(_) => self.dealing.waited += WAITS_MAX / 2,
        }
    }

    /// Takes note of how a deal stands, or has ended.
    pub(in crate::tideland) fn heard_of_deal(&mut self, told: Told) {
        match told {
            Told::Deal { with, yours, theirs, revision } => {
                self.dealing.stands(Deal { with, yours, theirs, revision });
            }
            Told::Swapped { with, .. } => {
                match self.dealing.agreed.take().filter(|deal| deal.with == with) {
                    Some(deal) => self.swapped(&deal),
                    None => self.wrong.push(format!("a deal with {with} it had not agreed to")),
                }
                self.dealing.forget();
            }
            Told::Ended { .. } => self.dealing.forget(),
        }
    }

    fn swapped(&mut self, deal: &Deal) {
        self.account.gold += i128::from(deal.theirs.gold) - i128::from(deal.yours.gold);
        deal.yours.things.iter().for_each(|item| self.account.lost(item.item));
        deal.theirs.things.iter().for_each(|item| self.account.got(*item));
        self.done.count("swaps");
    }
}

#[cfg(test)]
mod tests {
    use daystar_model::{ObjectId, Space};

    use super::*;

    fn offer(gold: u64, accepted: bool) -> SeenOffer {
        SeenOffer { gold, things: Vec::new(), accepted }
    }

    fn deal(yours: SeenOffer, theirs: SeenOffer, number: u32) -> Deal {
        let revision = Revision { deal: nth(1), number };
        Deal { with: "bob".to_owned(), yours, theirs, revision }
    }

    fn nth(deal: u64) -> Ref<sample_game::trade::Deal> {
        Ref::from_id(ObjectId::new(Space::Object, deal))
    }

    #[test]
    fn one_offers_then_agrees_and_waits_only_so_long() {
        let mut dealing = Dealing::default();
        assert_eq!(dealing.next(), None);
        dealing.stands(deal(offer(0, false), offer(0, false), 0));
        assert_eq!(dealing.next(), Some(Move::Offer));
        dealing.has_offered = true;
        dealing.stands(deal(offer(5, false), offer(0, false), 1));
        assert_eq!(dealing.next(), Some(Move::Wait), "the other has nothing laid out");
        dealing.stands(deal(offer(5, false), offer(3, true), 2));
        assert_eq!(dealing.next(), Some(Move::Accept));
        dealing.stands(deal(offer(5, false), offer(0, false), 1));
        assert_eq!(dealing.next(), Some(Move::Accept), "that was told late");
        dealing.stands(deal(offer(5, true), offer(3, false), 3));
        assert_eq!(dealing.next(), Some(Move::Wait));
        dealing.waited = WAITS_MAX;
        assert_eq!(dealing.next(), Some(Move::Cancel));
    }

    #[test]
    fn the_next_deal_with_the_same_one_is_another() {
        let mut dealing = Dealing::default();
        dealing.stands(deal(offer(5, false), offer(3, true), 2));
        dealing.agree();
        let mut next = deal(offer(0, false), offer(0, false), 0);
        next.revision.deal = nth(2);
        dealing.stands(next.clone());
        assert_eq!((dealing.deal, dealing.agreed), (Some(next), None));
    }

    #[test]
    fn a_swap_takes_from_one_what_it_gives_to_the_other() {
        let changes = deal(offer(5, true), offer(3, true), 2).changes("ann");
        let gold = |who, by| Change::of(who, GOLD, by);
        let expected = [gold("ann", -5), gold("bob", 5), gold("bob", -3), gold("ann", 3)];
        assert_eq!(changes, expected);
    }

    #[test]
    fn who_calls_is_asked_once() {
        let mut dealing = Dealing::default();
        dealing.heard_say("ann", "ann", CALL);
        dealing.heard_say("ann", "bob", &format!("{CALL}, 7"));
        dealing.heard_say("ann", "bob", &format!("{CALL}, 8"));
        dealing.heard_say("ann", "eve", "fine weather today, 1");
        assert_eq!(dealing.caller().as_deref(), Some("bob"));
        assert_eq!(dealing.caller(), None);
    }
}
