//! The trader: walks until it meets others, makes deals with those who want to, and gives gold and things away.

use std::cmp;

use rand::RngExt;
use rand_pcg::Pcg32;

use crate::link::Lost;
use crate::tideland::TidelandLink;
use crate::tideland::character::Character;
use crate::tideland::deeds::dealing::{CALL, Move};
use crate::tideland::role::Role;

/// The most gold that is given or offered at once. Together with what a player starts with it makes some traders
/// poor in time, so that refusals come up, too.
const GOLD_MAX: u64 = 10;

/// A player who is out for the others.
pub struct Trader;

impl Role for Trader {
    async fn act(
        &mut self,
        character: &mut Character,
        link: &mut TidelandLink,
        rng: &mut Pcg32,
    ) -> Result<(), Lost> {
        if let Some(next) = character.dealing().next() {
            return deal(next, character, link, rng).await;
        }
        if let Some(caller) = character.dealing().caller() {
            return character.open_deal(link, caller).await;
        }
        let other = character.someone_met(rng);
        let item = character.some_item(rng);
        match (rng.random_range(0..100), other, item) {
            (0..25, Some(other), _) => {
                let gold = rng.random_range(1..=GOLD_MAX);
                character.give_gold(link, other, gold).await
            }
            (25..40, Some(other), Some(item)) => character.give_item(link, other, item).await,
            (40..52, Some(_), _) => character.say(link, CALL, 1).await,
            (52..75, _, _) => character.look(link).await,
            _ => character.walk(link, rng).await,
        }
    }
}

/// Does what is next in a deal.
async fn deal(
    next: Move,
    character: &mut Character,
    link: &mut TidelandLink,
    rng: &mut Pcg32,
) -> Result<(), Lost> {
    match next {
        Move::Offer => {
            let gold = u64::try_from(character.account().gold).unwrap_or(0);
            // Both lay out something, or neither would know whether the other is done.
            let gold = cmp::min(gold, rng.random_range(1..=GOLD_MAX));
            let thing = character.some_item(rng).filter(|_| rng.random_bool(0.7));
            character.offer(link, gold, thing.into_iter().collect()).await
        }
        Move::Accept => character.accept_deal(link).await,
        Move::Cancel => character.cancel_deal(link).await,
        Move::Wait => {
            character.wait_for_other();
            match rng.random_bool(0.5) {
                true => character.look(link).await,
                false => character.say(link, "take your time", 1).await,
            }
        }
    }
}
