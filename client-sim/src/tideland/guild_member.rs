//! The guild member: founds a guild or joins one that it is invited to, talks in it, and pays in and out at its bank.

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_pcg::Pcg32;
use sample_game::guilds::Ask;
use sample_game::members::Rank;
use sample_game::settings::GUILD_FOUNDING_GOLD;

use crate::link::Lost;
use crate::tideland::TidelandLink;
use crate::tideland::character::Character;
use crate::tideland::role::Role;

/// Of so many guild members one founds a guild at once; the others wait for some time to be invited.
const FOUNDERS: u32 = 6;

/// The most gold that is paid in or out at once.
const GOLD_MAX: u64 = 5;

/// A player who is out for company.
pub struct GuildMember {
    number: u32,
    founded: u32,
    /// It may be in a guild since an earlier run.
    has_asked: bool,
}

impl GuildMember {
    /// For the client of that number.
    pub fn new(number: u32) -> Self {
        Self { number, founded: 0, has_asked: false }
    }
}

impl Role for GuildMember {
    async fn act(
        &mut self,
        character: &mut Character,
        link: &mut TidelandLink,
        rng: &mut Pcg32,
    ) -> Result<(), Lost> {
        if character.membership().guild().is_none() {
            return self.seek(character, link, rng).await;
        }
        self.has_asked = true;
        let Some(rank) = character.rank() else {
            return character.ask_guild(link, Ask::Show, "looks at its guild").await;
        };
        let is_rich = character.account().gold > i128::from(2 * GOLD_MAX);
        match rng.random_range(0..100) {
            0..20 if is_rich => character.deposit(link, rng.random_range(1..=GOLD_MAX)).await,
            20..30 if rank >= Rank::Officer => {
                character.withdraw(link, rng.random_range(1..=GOLD_MAX)).await
            }
            30..40 => {
                let text = "who stands with us stands well".to_owned();
                character.ask_guild(link, Ask::Say(text), "says something in its guild").await
            }
            40..46 => character.ask_guild(link, Ask::Show, "looks at its guild").await,
            46..50 => character.ask_guild(link, Ask::Ledger, "looks at the bank's ledger").await,
            50..62 if rank >= Rank::Officer => invite(character, link, rng).await,
            62..66 if rank == Rank::Leader => promote_or_demote(character, link, rng).await,
            // Whoever leads stays, or what is in the bank would be somebody else's.
            66 if rank == Rank::Member && rng.random_bool(0.3) => {
                character.ask_guild(link, Ask::Leave, "leaves its guild").await
            }
            67..80 => character.look(link).await,
            _ => character.walk(link, rng).await,
        }
    }
}

impl GuildMember {
    async fn seek(
        &mut self,
        character: &mut Character,
        link: &mut TidelandLink,
        rng: &mut Pcg32,
    ) -> Result<(), Lost> {
        if !self.has_asked {
            self.has_asked = true;
            return character.ask_guild(link, Ask::Show, "looks at its guild").await;
        }
        if character.membership().invited_to().is_some() {
            return character.join_guild(link).await;
        }
        let is_rich = character.account().gold >= i128::from(GUILD_FOUNDING_GOLD);
        let founds = self.number.is_multiple_of(FOUNDERS) || rng.random_bool(0.005);
        if is_rich && founds {
            self.founded += 1;
            return character.found_guild(link, guild_name(self.number, self.founded)).await;
        }
        match rng.random_bool(0.3) {
            true => character.look(link).await,
            false => character.walk(link, rng).await,
        }
    }
}

async fn invite(
    character: &mut Character,
    link: &mut TidelandLink,
    rng: &mut Pcg32,
) -> Result<(), Lost> {
    let known = character.membership();
    let strangers: Vec<&String> =
        character.around().met.iter().filter(|name| known.rank(name).is_none()).collect();
    match strangers.choose(rng).map(|name| (*name).clone()) {
        Some(who) => character.ask_guild(link, Ask::Invite { who }, "invites somebody").await,
        None => character.look(link).await,
    }
}

async fn promote_or_demote(
    character: &mut Character,
    link: &mut TidelandLink,
    rng: &mut Pcg32,
) -> Result<(), Lost> {
    let known = character.membership();
    let (rank, is_up) =
        if rng.random_bool(0.7) { (Rank::Member, true) } else { (Rank::Officer, false) };
    let of_rank: Vec<&str> = known.of_rank(rank).collect();
    match (of_rank.choose(rng).map(|name| (*name).to_owned()), is_up) {
        (Some(who), true) => character.ask_guild(link, Ask::Promote { who }, "promotes").await,
        (Some(who), false) => character.ask_guild(link, Ask::Demote { who }, "demotes").await,
        (None, _) => character.look(link).await,
    }
}

/// A name that no other client's guild has.
fn guild_name(number: u32, founded: u32) -> String {
    format!("owls {number}.{founded}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use sample_game::settings::GUILD_NAME_CHARS_MAX;

    use super::*;

    #[test]
    fn names_of_guilds_differ_and_are_short_enough() {
        let few = (0..30).flat_map(|number| (0..30).map(move |time| guild_name(number, time)));
        assert_eq!(few.collect::<HashSet<_>>().len(), 900);
        assert!(guild_name(99_999, 9_999_999).chars().count() <= GUILD_NAME_CHARS_MAX);
    }
}
