//! A simulated player's character: what it knows, and how it hears of what happens to it. What it can do is in
//! [`deeds`](super::deeds).

mod asking;
mod comparing;

use std::collections::VecDeque;
use std::mem;

use daystar::Ref;
use rand::RngExt;
use rand_pcg::Pcg32;
use sample_game::island::{Direction, Position};
use sample_game::items::{Item, Kind};
use sample_game::messages::Event;
use sample_game::settings::{HEALTH_MAX, PACK_GRAMS_MAX, PACK_ITEMS_MAX};
use sample_game::{fights, guilds, market};

use crate::ledger::{Change, Good, Holdings, Page};
use crate::tideland::account::{Account, GOLD, gold_of_fill, thing};
use crate::tideland::deeds::dealing::Dealing;
use crate::tideland::deeds::guild::Membership;
use crate::tideland::done::Done;
use crate::tideland::order_book::OrderBook;
use crate::tideland::speech::Speech;
use crate::tideland::surroundings::Surroundings;

/// What a simulated player knows about itself and its surroundings.
#[derive(Default)]
pub struct Character {
    pub(super) name: String,
    /// `None` until the server has said who we are.
    pub(super) at: Option<Position>,
    pub(super) heading: Option<Direction>,
    pub(super) account: Account,
    pub(super) page: Page,
    pub(super) speech: Speech,
    pub(super) around: Surroundings,
    /// At least so healthy it is; it heals by itself.
    pub(super) health: u16,
    pub(super) orders: OrderBook,
    /// The server has said which orders it has: some may be of an earlier run.
    knows_orders: bool,
    pub(super) dealing: Dealing,
    pub(super) guild: Membership,
    pub(super) done: Done,
    /// In words, what the server has said or done that it must not.
    pub(super) wrong: Vec<String>,
    /// What was asked for last can have done so many things that it cannot be entered before it is answered; or something else is
    /// not known that an audit would have to know. Unless that changes, the account is not judged.
    pub(super) is_unsure: bool,
    /// The server has said who it is since it joined.
    is_here: bool,
    /// It has said what it has, and what happens by itself until it acts again belongs to the time after that.
    has_stated: bool,
    later: Vec<(&'static str, Vec<Change>)>,
}

/// What the server says of a player.
pub(super) struct Me {
    pub(super) at: Position,
    pub(super) account: Account,
}

impl Character {
    /// One that has not joined yet, and enters what it does on that page.
    pub fn new(page: Page, done: Done) -> Self {
        Self { page, done, ..Self::default() }
    }

    /// A session has begun. What was known of the last one is old until the server has said who we are.
    pub fn joined(&mut self) {
        self.go_on();
        self.dealing = Dealing::default();
        self.around.left_behind();
        self.speech.begin_session();
        // Where it was is still needed to tell what became of it.
        self.heading = None;
        self.is_here = false;
    }

    /// Whether the server has said who we are. What is done before that would be done by somebody who does not know what it has,
    /// and would be entered twice when it is told.
    pub fn is_in(&self) -> bool {
        self.is_here
    }

    /// It is about to do something, and nothing is under way.
    pub fn begin_act(&mut self) {
        self.go_on();
        self.orders.clear_away();
    }

    fn go_on(&mut self) {
        self.has_stated = false;
        for (what, changes) in mem::take(&mut self.later) {
            self.page.enter(what, changes).done();
        }
    }

    /// Takes note of an event.
    pub fn heard(&mut self, event: Event) {
        self.enter_what_happened(&event);
        self.account.heard(&event);
        self.around.heard(&self.name, &event);
        match event {
            // The first event of every connection, before anything else can happen to the player.
            Event::You { name, at, gold, pack, health, .. } => {
                let is_back = !self.name.is_empty();
                let stated = Account::stated(gold, &pack);
                if is_back && self.has_died_unheard(at, &stated) {
                    self.is_unsure = true;
                }
                self.name = name;
                self.at = Some(at);
                self.health = health;
                self.account = stated;
                self.page.open(&self.holdings());
                self.is_here = true;
            }
            Event::Said { who, text } => {
                self.dealing.heard_say(&self.name, &who, &text);
                self.speech.heard(&self.name, &who, &text);
            }
            Event::Shouted { who, text } => self.speech.heard(&self.name, &who, &text),
            Event::Trade(told) => self.heard_of_deal(told),
            Event::Market(market::Told::Filled { order, .. }) => {
                self.done.count("has an order filled");
                self.orders.told(order);
            }
            Event::Market(market::Told::Expired { order, .. }) => self.orders.told(order),
            Event::Guild(told) => self.guild.heard(&self.name, &told),
            Event::Fight(fights::Told::Hurt { health, .. }) => self.health = health,
            Event::Fight(fights::Told::Died { at, .. }) => {
                self.done.count("dies");
                self.at = Some(at);
                self.health = HEALTH_MAX;
                self.heading = None;
                self.around.left_behind();
            }
            _ => {}
        }
    }

    /// Enters what happened to the account that nobody who keeps the ledger has asked for, or that only this player is told
    /// exactly. Before the account knows of it.
    fn enter_what_happened(&mut self, event: &Event) {
        match event {
            Event::Market(market::Told::Filled { order, amount, price }) => {
                let gold = self.change(GOLD, gold_of_fill(order, *amount, *price));
                self.enter_done("has an order filled", vec![gold]);
            }
            Event::Market(market::Told::Expired { gold, .. }) => {
                let gold = self.change(GOLD, i128::from(*gold));
                self.enter_done("gets back what nobody sold", vec![gold]);
            }
            Event::Guild(guilds::Told::Dissolved { gold, .. }) => {
                let gold = self.change(GOLD, i128::from(*gold));
                self.enter_done("gets what was in the bank", vec![gold]);
            }
            Event::Fight(fights::Told::Died { at, gold, things, .. }) => {
                let mut changes = vec![self.change(GOLD, -i128::from(*gold))];
                for item in things {
                    match self.account.items.get(item) {
                        Some(kind) => changes.push(self.change(thing(*item, *kind), -1)),
                        // It came with an answer that has not been looked at.
                        None => self.is_unsure = true,
                    }
                }
                if let Some(from) = self.at {
                    changes.extend([self.change(place(from), -1), self.change(place(*at), 1)]);
                }
                self.enter_done("dies", changes);
            }
            _ => {}
        }
    }

    fn enter_done(&mut self, what: &'static str, changes: Vec<Change>) {
        if self.has_stated {
            self.later.push((what, changes));
        } else {
            self.page.enter(what, changes).done();
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which way it went last.
    pub fn heading(&self) -> Option<Direction> {
        self.heading
    }

    /// Where it stands.
    pub fn position(&self) -> Option<Position> {
        self.at
    }

    /// What it owns.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// How healthy it is, at least.
    pub fn health(&self) -> u16 {
        self.health
    }

    /// What is around it.
    pub fn around(&self) -> &Surroundings {
        &self.around
    }

    /// Whether one more of that kind goes into the pack.
    pub fn can_carry(&self, kind: Kind) -> bool {
        let is_room = self.account.items.len() < PACK_ITEMS_MAX;
        is_room && self.account.carried() + kind.weight() <= PACK_GRAMS_MAX
    }

    /// The name of somebody who was seen.
    pub fn someone_met(&self, rng: &mut Pcg32) -> Option<String> {
        pick(&self.around.met, rng).cloned()
    }

    /// One of the own items.
    pub fn some_item(&self, rng: &mut Pcg32) -> Option<Ref<Item>> {
        if self.account.items.is_empty() {
            return None;
        }
        self.account.items.keys().nth(rng.random_range(0..self.account.items.len())).copied()
    }

    pub(super) fn change(&self, good: Good, by: i128) -> Change {
        Change::of(self.page.name(), good, by)
    }

    fn holdings(&self) -> Holdings {
        let here = self.at.map(place);
        here.into_iter().fold(self.account.holdings(), |all, here| all.with(here, 1))
    }
}

/// Standing somewhere, in the ledger.
pub(super) fn place(at: Position) -> Good {
    Good::thing("place", at)
}

/// Any of them.
pub(super) fn pick<'l, T>(list: &'l VecDeque<T>, rng: &mut Pcg32) -> Option<&'l T> {
    if list.is_empty() {
        return None;
    }
    list.get(rng.random_range(0..list.len()))
}

#[cfg(test)]
mod tests;
