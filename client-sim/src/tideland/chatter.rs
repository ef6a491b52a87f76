//! The chatter: says something, now and then shouts, looks who is there, and asks what everyone may know.

use rand::RngExt;
use rand_pcg::Pcg32;

use crate::link::Lost;
use crate::tideland::TidelandLink;
use crate::tideland::character::Character;
use crate::tideland::role::Role;

/// What there is to be said. Some of it is longer than most, and not all of it is of plain letters.
const SAYINGS: [&str; 5] = [
    "fine weather today",
    "have you seen the crabs on the west beach?",
    "¿qué tal? 你好! grüß dich!",
    "they say that there is ore behind the forest, but nobody who went there has come back with any, and I for one believe that they tell it only to keep us from the beach",
    "hm",
];

/// A player who is out for a talk.
pub struct Chatter;

impl Role for Chatter {
    async fn act(
        &mut self,
        character: &mut Character,
        link: &mut TidelandLink,
        rng: &mut Pcg32,
    ) -> Result<(), Lost> {
        match rng.random_range(0..1000) {
            // The whole island hears it, so even of those who talk nobody does that often.
            0..4 => character.shout(link, "who is there?").await,
            4..450 => {
                let saying = SAYINGS[rng.random_range(0..SAYINGS.len())];
                character.say(link, saying, rng.random_range(1..=2)).await
            }
            450..700 => character.look(link).await,
            700..760 => character.ask_hour(link).await,
            760..800 => character.ask_leaders(link).await,
            _ => character.walk(link, rng).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use sample_game::settings::SAY_CHARS_MAX;

    use super::*;

    #[test]
    fn everything_that_is_said_can_be_said_at_once() {
        for saying in SAYINGS {
            // With a number behind it.
            assert!(saying.chars().count() + 20 <= SAY_CHARS_MAX, "{saying}");
        }
    }
}
