//! The members of a guild: how they come and go, who may do what, and who leads when the leader goes.

use std::fmt;

use daystar::prelude::*;

use crate::bank;
use crate::guilds::{self, Guild, Member, Told};
use crate::messages::Event;
use crate::mint::{self, Sink};
use crate::players::{self, Player};
use crate::settings::{
    GUILD_FOUNDING_GOLD, GUILD_INVITED_MAX, GUILD_MEMBERS_MAX, GUILD_NAME_CHARS_MAX,
};

/// What a member of a guild may do. Each may do what those before it may. The leaderboard has ranks, too, so this one is
/// stored under another name.
#[managed(name = "GuildRank")]
#[message]
#[derive(Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Talks, and puts gold into the bank.
    Member,
    /// Invites, sends members away, and takes gold out of the bank.
    Officer,
    /// Gives ranks, and may dissolve the guild. There is always one.
    Leader,
}

impl fmt::Display for Rank {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Member => "member",
            Self::Officer => "officer",
            Self::Leader => "leader",
        })
    }
}

impl Guild {
    /// Which of the members a player is.
    ///
    /// # Errors
    /// None of them.
    pub fn position(&self, player: Ref<Player>) -> Result<usize> {
        match self.members.iter().position(|member| member.player == player) {
            Some(index) => Ok(index),
            None => bail!("they are not in your guild; Show tells who is"),
        }
    }

    /// Who leads next: the officer who came first, and if there is none, the member who did.
    fn heir(&self) -> usize {
        let officer = self.members.iter().position(|member| member.rank == Rank::Officer);
        officer.unwrap_or(0)
    }
}

/// Founds a guild, which `me` leads.
pub fn found(ctx: &Ctx, session: Session, me: Ref<Player>, name: String) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    ensure!(player.guild.is_none(), "you are in a guild already; Leave it first");
    let chars = name.chars().count();
    let is_neat = name.trim() == name && !name.chars().any(char::is_control);
    ensure!(
        (1..=GUILD_NAME_CHARS_MAX).contains(&chars) && is_neat,
        "a guild's name is 1 to {GUILD_NAME_CHARS_MAX} characters on one line, without spaces around it; choose another"
    );
    let bound = guilds::name_of(&name);
    let is_taken = ctx.find::<Guild>(&bound)?.is_some();
    ensure!(!is_taken, "there is a guild called {name:?} already; choose another name");
    let (gold, fee) = (player.gold, GUILD_FOUNDING_GOLD);
    ensure!(gold >= fee, "to found a guild costs {fee} gold, and you have only {gold}");
    player.gold -= fee;
    mint::burn(ctx, Sink::GuildFounding, fee)?;

    let bank = bank::open(ctx)?;
    let members = vec![Member { player: me, rank: Rank::Leader }];
    let guild = ctx.insert(Guild { name, members, invited: Vec::new(), bank })?;
    ctx.bind(&bound, guild)?;
    player.guild = Some(guild);
    guilds::come(ctx, session, &player)?;
    drop(player);
    guilds::show(ctx, &*ctx.get(guild)?)
}

/// Allows someone to join.
pub fn invite(ctx: &Ctx, me: Ref<Player>, who: &str) -> Result<()> {
    let player = ctx.get(me)?;
    let mut guild = ctx.get_mut(guilds::of(&player)?)?;
    check(&guild, me, Rank::Officer)?;
    let other = players::called(ctx, who)?;
    ensure!(guild.position(other).is_err(), "{who} is in your guild already");
    ensure!(!guild.invited.contains(&other), "{who} is invited already; wait until they join");
    // Who never came is forgotten, so that a guild can always invite.
    if guild.invited.len() >= GUILD_INVITED_MAX {
        guild.invited.remove(0);
    }
    guild.invited.push(other);
    let invited = Told::Invited { guild: guild.name.clone(), by: player.name.clone() };
    players::tell(ctx, &*ctx.get(other)?, Event::Guild(invited));
    Ok(())
}

/// Joins a guild that has invited `me`.
pub fn join(ctx: &Ctx, session: Session, me: Ref<Player>, name: &str) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    ensure!(player.guild.is_none(), "you are in a guild already; Leave it first");
    let Some(this) = ctx.find::<Guild>(&guilds::name_of(name))? else {
        bail!("there is no guild called {name:?}; ask who invited you for its name");
    };
    let mut guild = ctx.get_mut(this)?;
    let Some(index) = guild.invited.iter().position(|invited| *invited == me) else {
        bail!("{name} has not invited you; ask one of its officers");
    };
    let count = guild.members.len();
    ensure!(count < GUILD_MEMBERS_MAX, "{name} has {count} members, and that is all there can be");
    guild.invited.remove(index);
    guild.members.push(Member { player: me, rank: Rank::Member });
    player.guild = Some(this);
    guilds::tell(ctx, &guild, Told::Joined { who: player.name.clone() });
    drop(guild);
    guilds::come(ctx, session, &player)?;
    drop(player);
    guilds::show(ctx, &*ctx.get(this)?)
}

/// Gives the next higher rank to a member.
pub fn promote(ctx: &Ctx, me: Ref<Player>, who: &str) -> Result<()> {
    let mut guild = ctx.get_mut(guilds::of(&*ctx.get(me)?)?)?;
    check(&guild, me, Rank::Leader)?;
    let index = guild.position(players::called(ctx, who)?)?;
    let rank = match guild.members[index].rank {
        Rank::Member => Rank::Officer,
        Rank::Officer => Rank::Leader,
        Rank::Leader => bail!("{who} leads the guild, and there is no higher rank"),
    };
    if rank == Rank::Leader {
        let mine = guild.position(me)?;
        set(ctx, &mut guild, mine, Rank::Officer)?;
    }
    set(ctx, &mut guild, index, rank)
}

/// Makes a member of an officer.
pub fn demote(ctx: &Ctx, me: Ref<Player>, who: &str) -> Result<()> {
    let mut guild = ctx.get_mut(guilds::of(&*ctx.get(me)?)?)?;
    check(&guild, me, Rank::Leader)?;
    let index = guild.position(players::called(ctx, who)?)?;
    let rank = guild.members[index].rank;
    ensure!(
        rank == Rank::Officer,
        "the rank of {who} is {rank}; only an officer can be made a member"
    );
    set(ctx, &mut guild, index, Rank::Member)
}

/// Sends away someone of a lower rank.
pub fn expel(ctx: &Ctx, me: Ref<Player>, who: &str) -> Result<()> {
    let player = ctx.get(me)?;
    let mut guild = ctx.get_mut(guilds::of(&player)?)?;
    check(&guild, me, Rank::Officer)?;
    let other = players::called(ctx, who)?;
    let index = guild.position(other)?;
    let (mine, theirs) = (guild.members[guild.position(me)?].rank, guild.members[index].rank);
    ensure!(
        theirs < mine,
        "the rank of {who} is {theirs}, and yours {mine}; ask one of a higher rank"
    );
    guild.members.remove(index);
    part(ctx, &guild, &mut *ctx.get_mut(other)?, Some(player.name.clone()));
    Ok(())
}

/// Leaves one's guild. If it was the leader who did, somebody else leads; if nobody else is there, it is dissolved.
pub fn leave(ctx: &Ctx, me: Ref<Player>) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    let mut guild = ctx.get_mut(guilds::of(&player)?)?;
    let index = guild.position(me)?;
    if guild.members.len() == 1 {
        drop((player, guild));
        return dissolve(ctx, me);
    }
    let gone = guild.members.remove(index);
    part(ctx, &guild, &mut player, None);
    if gone.rank == Rank::Leader {
        let heir = guild.heir();
        set(ctx, &mut guild, heir, Rank::Leader)?;
    }
    Ok(())
}

/// Dissolves a guild. What is in its bank goes to its leader.
pub fn dissolve(ctx: &Ctx, me: Ref<Player>) -> Result<()> {
    let this = guilds::of(&*ctx.get(me)?)?;
    let guild = Guild::clone(&*ctx.get(this)?);
    check(&guild, me, Rank::Leader)?;
    let bank = std::mem::take(&mut ctx.get_mut(guild.bank)?.gold);
    for member in &guild.members {
        let mut player = ctx.get_mut(member.player)?;
        let gold = if member.player == me { bank } else { 0 };
        player.gold += gold;
        player.guild = None;
        let dissolved = Told::Dissolved { guild: guild.name.clone(), gold };
        players::tell(ctx, &player, Event::Guild(dissolved));
        if let Some(session) = player.session {
            ctx.channel(&guilds::name_of(&guild.name)).leave(session);
        }
    }
    ctx.unbind(&guilds::name_of(&guild.name))?;
    ctx.remove(this)
}

/// That `me` has this rank or a higher one.
///
/// # Errors
/// A lower one.
pub fn check(guild: &Guild, me: Ref<Player>, rank: Rank) -> Result<()> {
    let mine = guild.members[guild.position(me)?].rank;
    ensure!(mine >= rank, "that takes the rank of {rank}, and yours is {mine}; ask one who may");
    Ok(())
}

/// Lets a player go who is no longer among the members.
fn part(ctx: &Ctx, guild: &Guild, player: &mut Player, expelled_by: Option<String>) {
    player.guild = None;
    let left = Told::Left { who: player.name.clone(), expelled_by };
    guilds::tell(ctx, guild, left.clone());
    if let Some(session) = player.session {
        ctx.channel(&guilds::name_of(&guild.name)).leave(session);
    }
}

/// Gives a member another rank.
fn set(ctx: &Ctx, guild: &mut Guild, index: usize, rank: Rank) -> Result<()> {
    let member = &mut guild.members[index];
    member.rank = rank;
    let who = ctx.get(member.player)?.name.clone();
    guilds::tell(ctx, guild, Told::Ranked { who, rank });
    Ok(())
}
