//! A simulated player's character: what it knows, and every single thing that it can do.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use daystar::Ref;
use rand::RngExt;
use rand_pcg::Pcg32;
use sample_game::gathering::Source;
use sample_game::island::{Direction, Position};
use sample_game::items::Item;
use sample_game::messages::{Event, Request, SeenSource};
use sample_game::settings::{PACK_GRAMS_MAX, PACK_ITEMS_MAX, REACH};

use crate::ledger::{Change, Good, Holdings, Page};
use crate::link::{Answer, Link, Lost};
use crate::tideland::account::{Account, GOLD, thing};
use crate::tideland::speech::Speech;

/// How many names of others are remembered.
const MET_MAX: usize = 32;

/// How often what differs in the end is asked for again: gifts may still be on their way to this client.
const SETTLE_ATTEMPTS: u32 = 10;

/// How long to wait in between.
const SETTLE_PAUSE: Duration = Duration::from_millis(200);

type TidelandLink = Link<Request, Event>;

/// What a simulated player knows about itself and its surroundings.
#[derive(Default)]
pub struct Character {
    name: String,
    /// `None` until the server has said who we are.
    at: Option<Position>,
    heading: Option<Direction>,
    account: Account,
    page: Page,
    speech: Speech,
    met: VecDeque<String>,
    sources: BTreeMap<Position, SeenSource>,
}

impl Character {
    /// One that has not joined yet, and enters what it does on that page.
    pub fn new(page: Page) -> Self {
        Self { page, ..Self::default() }
    }

    /// A session has begun. What was known of the last one is old until the server has said who we are.
    pub fn joined(&mut self) {
        self.at = None;
    }

    /// Whether the server has said who we are. What is done before that would be done by somebody who does not know what it has,
    /// and would be entered twice when it is told.
    pub fn is_in(&self) -> bool {
        self.at.is_some()
    }

    /// Takes note of an event.
    pub fn heard(&mut self, event: Event) {
        self.account.heard(&event);
        match event {
            // The first event of every connection, before anything else can happen to the player.
            Event::You { name, at, gold, pack, .. } => {
                self.name = name;
                self.at = Some(at);
                self.account = Account::stated(gold, &pack);
                self.page.open(&self.holdings());
                self.speech.begin_session();
                self.sources.clear();
            }
            Event::Said { who, text } | Event::Shouted { who, text } => {
                self.speech.heard(&self.name, &who, &text);
            }
            Event::Moved { who, .. } | Event::Arrived { who, .. } => self.meet(who),
            Event::GotGold { from, .. } | Event::GotItem { from, .. } => self.meet(from),
            Event::Exhausted { at } => {
                self.sources.remove(&at);
            }
            _ => {}
        }
    }

    /// A tree, vein or shoal from which something that can still be carried is gathered from here.
    pub fn source_in_reach(&self) -> Option<Ref<Source>> {
        let at = self.at?;
        if self.account.items.len() >= PACK_ITEMS_MAX {
            return None;
        }
        let carried = self.account.carried();
        let can_use = |source: &&SeenSource| {
            let carried_then = carried + source.kind.weight();
            source.left > 0 && source.at.distance(at) <= REACH && carried_then <= PACK_GRAMS_MAX
        };
        self.sources.values().find(can_use).map(|seen| seen.source)
    }

    /// The name of somebody who was seen.
    pub fn someone_met(&self, rng: &mut Pcg32) -> Option<String> {
        if self.met.is_empty() {
            return None;
        }
        self.met.get(rng.random_range(0..self.met.len())).cloned()
    }

    /// One of the own items.
    pub fn some_item(&self, rng: &mut Pcg32) -> Option<Ref<Item>> {
        if self.account.items.is_empty() {
            return None;
        }
        self.account.items.keys().nth(rng.random_range(0..self.account.items.len())).copied()
    }

    /// One step, mostly onward; the character knows the map and walks only where one can.
    pub async fn walk(&mut self, link: &mut TidelandLink, rng: &mut Pcg32) -> Result<(), Lost> {
        let Some(at) = self.at else { return Ok(()) };
        let open = |direction: Direction| at.step(direction).is_some_and(|to| to.tile().is_open());
        let onward = self.heading.filter(|heading| open(*heading) && rng.random_bool(0.8));
        let direction = onward.unwrap_or_else(|| {
            let ways: Vec<Direction> =
                Direction::ALL.into_iter().filter(|way| open(*way)).collect();
            match ways.len() {
                0 => Direction::North,
                count => ways[rng.random_range(0..count)],
            }
        });
        self.heading = Some(direction);
        let Some(to) = at.step(direction) else { return Ok(()) };
        let changes = vec![self.change(place(at), -1), self.change(place(to), 1)];
        let what = format!("walks from {at} to {to}");
        if let Answer::Done(Some(Event::Walked { at })) =
            self.ask(link, &Request::Walk(direction), what, changes).await?
        {
            self.at = Some(at);
        }
        Ok(())
    }

    /// Looks around.
    pub async fn look(&mut self, link: &mut TidelandLink) -> Result<(), Lost> {
        if let Answer::Done(Some(Event::Seen { players, sources, .. })) =
            link.call(&Request::Look).await?
        {
            players.into_iter().for_each(|player| self.meet(player.name));
            self.sources = sources.into_iter().map(|source| (source.at, source)).collect();
        }
        Ok(())
    }

    /// One stroke at a source.
    pub async fn gather(
        &mut self,
        link: &mut TidelandLink,
        source: Ref<Source>,
    ) -> Result<(), Lost> {
        // Whether this is the last stroke, and which thing it gives, only the answer tells.
        let known = self.sources.values().find(|known| known.source == source);
        let kind = known.map(|known| Change::some(self.page.name(), known.kind.to_string(), 1));
        let entry = self.page.enter("gathers", kind.into_iter().collect());
        match link.call(&Request::Gather { source }).await? {
            Answer::Done(Some(Event::Gathered { thing: Some(got), .. })) => {
                entry.done_as(vec![self.change(thing(got.item, got.kind), 1)]);
                self.account.got(got);
            }
            Answer::Done(_) => entry.done_as(Vec::new()),
            // Somebody else was quicker.
            Answer::Refused(_) => {
                entry.refused();
                self.sources.retain(|_, known| known.source != source);
            }
        }
        Ok(())
    }

    /// Says something to those who are near, some times over, without waiting in between.
    pub async fn say(
        &mut self,
        link: &mut TidelandLink,
        text: &str,
        times: u32,
    ) -> Result<(), Lost> {
        for _ in 0..times {
            link.send(&Request::Say(self.speech.say(text))).await?;
        }
        Ok(())
    }

    /// Says something to the whole island, and waits until it is said.
    pub async fn shout(&mut self, link: &mut TidelandLink, text: &str) -> Result<(), Lost> {
        link.call(&Request::Shout(self.speech.say(text))).await.map(drop)
    }

    /// Gives gold away.
    pub async fn give_gold(
        &mut self,
        link: &mut TidelandLink,
        to: String,
        gold: u64,
    ) -> Result<(), Lost> {
        let given = i128::from(gold);
        let what = format!("gives {gold} gold to {to}");
        let changes = vec![self.change(GOLD, -given), Change::of(&to, GOLD, given)];
        let request = Request::GiveGold { to, gold };
        if let Answer::Done(_) = self.ask(link, &request, what, changes).await? {
            self.account.gold -= given;
        }
        Ok(())
    }

    /// Gives an item away.
    pub async fn give_item(
        &mut self,
        link: &mut TidelandLink,
        to: String,
        item: Ref<Item>,
    ) -> Result<(), Lost> {
        let Some(&kind) = self.account.items.get(&item) else { return Ok(()) };
        let good = thing(item, kind);
        let what = format!("gives {good} to {to}");
        let changes = vec![self.change(good.clone(), -1), Change::of(&to, good, 1)];
        let request = Request::GiveItem { to, item };
        if let Answer::Done(_) = self.ask(link, &request, what, changes).await? {
            self.account.items.remove(&item);
        }
        Ok(())
    }

    /// What the character has, as the server says; from now on that is what it knows to have.
    pub async fn audit(&mut self, link: &mut TidelandLink) -> Result<Option<Holdings>, Lost> {
        let answer = link.call(&Request::Me).await?;
        link.heard().for_each(|event| self.heard(event));
        let Answer::Done(Some(Event::You { at, gold, pack, .. })) = answer else {
            return Ok(None);
        };
        self.at = Some(at);
        self.account = Account::stated(gold, &pack);
        Ok(Some(self.holdings()))
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
            differences.extend(self.speech.differences());
            attempts += 1;
            if differences.is_empty() || attempts == SETTLE_ATTEMPTS {
                return Ok(differences);
            }
            tokio::time::sleep(SETTLE_PAUSE).await;
        }
    }

    /// Asks for something that, if it is done, changes this in the ledger.
    async fn ask(
        &self,
        link: &mut TidelandLink,
        request: &Request,
        what: String,
        changes: Vec<Change>,
    ) -> Result<Answer<Event>, Lost> {
        let entry = self.page.enter(what, changes);
        let answer = link.call(request).await?;
        match answer {
            Answer::Done(_) => entry.done(),
            Answer::Refused(_) => entry.refused(),
        }
        Ok(answer)
    }

    fn change(&self, good: Good, by: i128) -> Change {
        Change::of(self.page.name(), good, by)
    }

    fn holdings(&self) -> Holdings {
        let here = self.at.map(place);
        here.into_iter().fold(self.account.holdings(), |all, here| all.with(here, 1))
    }

    fn meet(&mut self, name: String) {
        if name == self.name || self.met.contains(&name) {
            return;
        }
        if self.met.len() == MET_MAX {
            self.met.pop_front();
        }
        self.met.push_back(name);
    }
}

/// Standing somewhere, in the ledger.
fn place(at: Position) -> Good {
    Good::thing("place", at)
}
