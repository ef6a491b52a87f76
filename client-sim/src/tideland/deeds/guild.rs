//! Guilds: founding and joining one, its ranks, its bank, and what is said in it.

use sample_game::guilds::{Ask, SeenMember, Told};
use sample_game::members::Rank;
use sample_game::messages::{Event, Request};
use sample_game::settings::GUILD_FOUNDING_GOLD;

use crate::link::{Answer, Lost};
use crate::tideland::TidelandLink;
use crate::tideland::account::GOLD;
use crate::tideland::character::Character;

/// What a character knows of the guild that it is in, or may join.
#[derive(Clone, Debug, Default)]
pub struct Membership {
    guild: Option<String>,
    members: Vec<(String, Rank)>,
    invited_to: Option<String>,
}

impl Membership {
    /// The guild that it is in, as far as it knows.
    pub fn guild(&self) -> Option<&str> {
        self.guild.as_deref()
    }

    /// The guild that has invited it last.
    pub fn invited_to(&self) -> Option<&str> {
        self.invited_to.as_deref()
    }

    /// The rank of that member.
    pub fn rank(&self, name: &str) -> Option<Rank> {
        self.members.iter().find(|(member, _)| member == name).map(|(_, rank)| *rank)
    }

    /// Those who have that rank.
    pub fn of_rank(&self, rank: Rank) -> impl Iterator<Item = &str> {
        self.members.iter().filter(move |member| member.1 == rank).map(|(name, _)| name.as_str())
    }

    /// Takes note of what is told about guilds.
    pub(crate) fn heard(&mut self, me: &str, told: &Told) {
        match told {
            Told::Guild { name, members, .. } => {
                self.guild = Some(name.clone());
                let member = |member: &SeenMember| (member.name.clone(), member.rank);
                self.members = members.iter().map(member).collect();
                self.invited_to = None;
            }
            Told::Invited { guild, .. } => self.invited_to = Some(guild.clone()),
            Told::Joined { who } => self.set(who, Some(Rank::Member)),
            Told::Left { who, .. } if who == me => *self = Self::default(),
            Told::Left { who, .. } => self.set(who, None),
            Told::Ranked { who, rank } => self.set(who, Some(*rank)),
            Told::Dissolved { .. } => *self = Self::default(),
            Told::Said { .. } | Told::Bank { .. } | Told::Ledger { .. } => {}
        }
    }

    fn set(&mut self, who: &str, rank: Option<Rank>) {
        self.members.retain(|(name, _)| name != who);
        self.members.extend(rank.map(|rank| (who.to_owned(), rank)));
    }
}

impl Character {
    /// What it knows of its guild.
    pub fn membership(&self) -> &Membership {
        &self.guild
    }

    /// Its own rank, if it is in a guild.
    pub fn rank(&self) -> Option<Rank> {
        self.guild.rank(&self.name)
    }

    /// Founds a guild.
    pub async fn found_guild(&mut self, link: &mut TidelandLink, name: String) -> Result<(), Lost> {
        let fee = i128::from(GUILD_FOUNDING_GOLD);
        let deed = ("founds a guild", format!("founds {name}"));
        let request = Request::Guild(Ask::Found { name });
        let changes = vec![self.change(GOLD, -fee)];
        let answer = self.ask(link, &request, deed, changes).await?;
        if let Answer::Done(_) = answer {
            self.account.gold -= fee;
        }
        self.told_of_guild(answer);
        Ok(())
    }

    /// Joins the guild that has invited it.
    pub async fn join_guild(&mut self, link: &mut TidelandLink) -> Result<(), Lost> {
        let Some(guild) = self.guild.invited_to.take() else { return Ok(()) };
        let request = Request::Guild(Ask::Join { guild });
        let answer = self.ask_freely(link, &request, "joins a guild").await?;
        self.told_of_guild(answer);
        Ok(())
    }

    /// Asks for something about its guild that concerns no gold.
    pub async fn ask_guild(
        &mut self,
        link: &mut TidelandLink,
        ask: Ask,
        deed: &'static str,
    ) -> Result<(), Lost> {
        let answer = self.ask_freely(link, &Request::Guild(ask), deed).await?;
        if let Answer::Refused(reason) = &answer
            && reason.contains("you are in no guild")
        {
            // It was sent away, and a session that ended then was not told.
            self.guild = Membership::default();
        }
        self.told_of_guild(answer);
        Ok(())
    }

    /// Puts gold into the bank.
    pub async fn deposit(&mut self, link: &mut TidelandLink, gold: u64) -> Result<(), Lost> {
        let deed = ("deposits gold", format!("deposits {gold} gold"));
        self.bank(link, Ask::Deposit { gold }, deed, -i128::from(gold)).await
    }

    /// Takes gold out of the bank.
    pub async fn withdraw(&mut self, link: &mut TidelandLink, gold: u64) -> Result<(), Lost> {
        let deed = ("withdraws gold", format!("withdraws {gold} gold"));
        self.bank(link, Ask::Withdraw { gold }, deed, i128::from(gold)).await
    }

    async fn bank(
        &mut self,
        link: &mut TidelandLink,
        ask: Ask,
        deed: (&'static str, String),
        by: i128,
    ) -> Result<(), Lost> {
        let changes = vec![self.change(GOLD, by)];
        if let Answer::Done(_) = self.ask(link, &Request::Guild(ask), deed, changes).await? {
            self.account.gold += by;
        }
        Ok(())
    }

    fn told_of_guild(&mut self, answer: Answer<Event>) {
        if let Answer::Done(Some(Event::Guild(told))) = answer {
            self.guild.heard(&self.name, &told);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_and_go_and_rise() {
        let mut known = Membership::default();
        let mut hear = |told: Told| {
            known.heard("ann", &told);
            known.clone()
        };
        let invited = hear(Told::Invited { guild: "owls".to_owned(), by: "bob".to_owned() });
        assert_eq!((invited.guild(), invited.invited_to()), (None, Some("owls")));
        let member = |name: &str, rank| SeenMember { name: name.to_owned(), rank, is_here: true };
        let members = vec![member("bob", Rank::Leader), member("ann", Rank::Member)];
        let joined = hear(Told::Guild { name: "owls".to_owned(), members, bank: 0 });
        assert_eq!((joined.guild(), joined.invited_to()), (Some("owls"), None));
        assert_eq!(joined.rank("ann"), Some(Rank::Member));
        let ranked = hear(Told::Ranked { who: "ann".to_owned(), rank: Rank::Officer });
        assert_eq!(ranked.of_rank(Rank::Officer).collect::<Vec<_>>(), ["ann"]);
        let left = hear(Told::Left { who: "bob".to_owned(), expelled_by: None });
        assert_eq!(left.rank("bob"), None);
        let alone = hear(Told::Left { who: "ann".to_owned(), expelled_by: None });
        assert_eq!(alone.guild(), None);
    }
}
