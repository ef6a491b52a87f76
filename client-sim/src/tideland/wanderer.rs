//! The wanderer: walks, looks around, gathers, and rarely says something.

use rand::RngExt;
use rand_pcg::Pcg32;
use sample_game::messages::{Event, Request};

use crate::behaviour::{Behaviour, Who};
use crate::ledger::Holdings;
use crate::link::{Link, Lost};
use crate::tideland::character::Character;

/// The most that is said in one breath.
const SAYINGS_MAX: u32 = 5;

/// A player who is out for the land.
pub struct Wanderer {
    character: Character,
    rng: Pcg32,
}

impl Wanderer {
    /// The one who is to be played.
    pub fn new(who: Who) -> Self {
        Self { character: Character::new(who.page), rng: who.rng }
    }
}

impl Behaviour for Wanderer {
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
        if let Some(source) = character.source_in_reach()
            && rng.random_bool(0.5)
        {
            return character.gather(link, source).await;
        }
        match rng.random_range(0..1000) {
            0 => character.shout(link, "the tide is coming in!").await,
            1..20 => {
                let times = rng.random_range(1..=SAYINGS_MAX);
                character.say(link, "fine weather today", times).await
            }
            20..250 => character.look(link).await,
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
