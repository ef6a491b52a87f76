//! The trader: walks until it meets others, and gives them gold and items.

use rand::RngExt;
use rand_pcg::Pcg32;
use sample_game::messages::{Event, Request};

use crate::behaviour::{Behaviour, Who};
use crate::ledger::Holdings;
use crate::link::{Link, Lost};
use crate::tideland::character::Character;

/// The most gold that is given at once. Together with what a player starts with it makes some traders
/// poor in time, so that refusals come up, too.
const GIFT_GOLD_MAX: u64 = 10;

/// A player who is out for the others.
pub struct Trader {
    character: Character,
    rng: Pcg32,
}

impl Trader {
    /// The one who is to be played.
    pub fn new(who: Who) -> Self {
        Self { character: Character::new(who.page), rng: who.rng }
    }
}

impl Behaviour for Trader {
    type Request = Request;
    type Event = Event;

    fn joined(&mut self) {
        self.character.joined();
    }

    fn heard(&mut self, event: Event) {
        self.character.heard(event);
    }

    async fn act(&mut self, link: &mut Link<Request, Event>) -> Result<(), Lost> {
        let Self { character, rng } = self;
        if !character.is_in() {
            return Ok(());
        }
        let other = character.someone_met(rng);
        let item = character.some_item(rng);
        match (rng.random_range(0..100), other, item) {
            (0..40, Some(other), _) => {
                let gold = rng.random_range(1..=GIFT_GOLD_MAX);
                character.give_gold(link, other, gold).await
            }
            (40..60, Some(other), Some(item)) => character.give_item(link, other, item).await,
            (60..80, _, _) => character.look(link).await,
            _ => character.walk(link, rng).await,
        }
    }

    async fn audit(&mut self, link: &mut Link<Request, Event>) -> Result<Option<Holdings>, Lost> {
        self.character.audit(link).await
    }

    async fn settle(&mut self, link: &mut Link<Request, Event>) -> Result<Vec<String>, Lost> {
        self.character.settle(link).await
    }
}
