//! The wanderer: walks, looks around, gathers, and rarely says something.

use rand::RngExt;
use rand_pcg::Pcg32;

use crate::link::Lost;
use crate::tideland::TidelandLink;
use crate::tideland::character::Character;
use crate::tideland::role::Role;

/// The most that is said in one breath.
const SAYINGS_MAX: u32 = 5;

/// A player who is out for the land.
pub struct Wanderer;

impl Role for Wanderer {
    async fn act(
        &mut self,
        character: &mut Character,
        link: &mut TidelandLink,
        rng: &mut Pcg32,
    ) -> Result<(), Lost> {
        if let Some((source, true)) = character.useful_source()
            && rng.random_bool(0.5)
        {
            return character.gather(link, source.source).await;
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
}
