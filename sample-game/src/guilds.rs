//! Guilds: players who stand together, talk among themselves, and keep gold in one bank.
//!
//! Who may do what, and who leads when the leader goes, is in [`members`]; the gold
//! is in [`bank`].

use daystar::prelude::*;

use crate::bank::{self, Bank, SeenEntry};
use crate::chat;
use crate::members::{self, Rank};
use crate::messages::Event;
use crate::players::Player;

/// A guild. Each member names it in [`Player::guild`], and one of them leads it.
#[managed]
pub struct Guild {
    /// What it is called; no other is called the same.
    pub name: String,
    /// Who belongs to it, in the order in which they came.
    pub members: Vec<Member>,
    /// Who may join it.
    pub invited: Vec<Ref<Player>>,
    /// Its gold. An object of its own: who pays something in does not disturb who comes and goes.
    pub bank: Ref<Bank>,
}

/// A guild's bank goes with it, and must be empty by then.
impl OnRemove for Guild {
    fn on_remove(&self, ctx: &Ctx) -> Result<()> {
        ctx.remove(self.bank)
    }
}

/// One of a guild.
#[managed]
#[derive(Copy)]
pub struct Member {
    /// Who.
    pub player: Ref<Player>,
    /// What they may do.
    pub rank: Rank,
}

/// What a player asks for about guilds.
#[message]
#[derive(PartialEq)]
pub enum Ask {
    /// Found a guild and lead it. Answered by [`Told::Guild`].
    Found {
        /// What it shall be called.
        name: String,
    },
    /// Who belongs to my guild? Answered by [`Told::Guild`].
    Show,
    /// Allow someone to join. For officers.
    Invite {
        /// The player's name.
        who: String,
    },
    /// Join a guild that one was invited to. Answered by [`Told::Guild`].
    Join {
        /// What it is called.
        guild: String,
    },
    /// Leave. If nobody else is there, the guild is dissolved.
    Leave,
    /// Give the next higher rank to a member; an officer then leads, and the leader is an officer. For the leader.
    Promote {
        /// The member's name.
        who: String,
    },
    /// Make a member of an officer. For the leader.
    Demote {
        /// The officer's name.
        who: String,
    },
    /// Send away someone of a lower rank. For officers.
    Expel {
        /// The member's name.
        who: String,
    },
    /// Dissolve the guild; the gold of its bank goes to its leader. For the leader.
    Dissolve,
    /// Tell the guild.
    Say(String),
    /// Put gold into the bank of one's guild. Answered by [`Told::Bank`].
    Deposit {
        /// How much.
        gold: u64,
    },
    /// Take gold out of the bank. For officers. Answered by [`Told::Bank`].
    Withdraw {
        /// How much.
        gold: u64,
    },
    /// Who has put in or taken out what? Answered by [`Told::Ledger`].
    Ledger,
}

/// What a player is told about guilds.
#[message]
#[derive(PartialEq)]
pub enum Told {
    /// Your guild.
    Guild {
        /// What it is called.
        name: String,
        /// Who belongs to it, in the order in which they came.
        members: Vec<SeenMember>,
        /// The gold in its bank.
        bank: u64,
    },
    /// You may join a guild.
    Invited {
        /// What it is called.
        guild: String,
        /// Who invites you.
        by: String,
    },
    /// Someone has joined your guild.
    Joined {
        /// Who.
        who: String,
    },
    /// Someone is no longer in your guild. It may be you.
    Left {
        /// Who.
        who: String,
        /// Who has sent them away, if they did not leave by themselves.
        expelled_by: Option<String>,
    },
    /// Someone in your guild has another rank now.
    Ranked {
        /// Who.
        who: String,
        /// Which.
        rank: Rank,
    },
    /// Your guild was dissolved.
    Dissolved {
        /// What it was called.
        guild: String,
        /// What was in its bank and is now yours, if you led it.
        gold: u64,
    },
    /// Someone in your guild has told it something.
    Said {
        /// Who.
        who: String,
        /// What.
        text: String,
    },
    /// You have put gold into the bank, or taken it out.
    Bank {
        /// The gold that is in the bank now.
        bank: u64,
        /// Your gold now.
        gold: u64,
    },
    /// What happened in your guild's bank.
    Ledger {
        /// What was in it before.
        carried: u64,
        /// The last that was put in or taken out, the newest last.
        entries: Vec<SeenEntry>,
    },
}

/// One of a guild, as the others see them.
#[message]
#[derive(PartialEq, Eq)]
pub struct SeenMember {
    /// The player's name.
    pub name: String,
    /// What they may do.
    pub rank: Rank,
    /// Whether they are in the game.
    pub is_here: bool,
}

/// A player asks for something about guilds.
pub fn asked(ctx: &Ctx, session: Session, me: Ref<Player>, ask: Ask) -> Result<()> {
    match ask {
        Ask::Found { name } => members::found(ctx, session, me, name),
        Ask::Show => show(ctx, &*ctx.get(of(&*ctx.get(me)?)?)?),
        Ask::Invite { who } => members::invite(ctx, me, &who),
        Ask::Join { guild } => members::join(ctx, session, me, &guild),
        Ask::Leave => members::leave(ctx, me),
        Ask::Promote { who } => members::promote(ctx, me, &who),
        Ask::Demote { who } => members::demote(ctx, me, &who),
        Ask::Expel { who } => members::expel(ctx, me, &who),
        Ask::Dissolve => members::dissolve(ctx, me),
        Ask::Say(text) => say(ctx, me, text),
        Ask::Deposit { gold } => bank::deposit(ctx, me, gold),
        Ask::Withdraw { gold } => bank::withdraw(ctx, me, gold),
        Ask::Ledger => bank::show(ctx, me),
    }
}

/// A player, of a guild or not, has come into the game: from now on they hear what their guild says.
pub fn come(ctx: &Ctx, session: Session, player: &Player) -> Result<()> {
    if let Some(guild) = player.guild {
        ctx.channel(&name_of(&ctx.get(guild)?.name)).join(session);
    }
    Ok(())
}

/// Undoes [`come`].
pub fn go(ctx: &Ctx, session: Session, player: &Player) -> Result<()> {
    if let Some(guild) = player.guild {
        ctx.channel(&name_of(&ctx.get(guild)?.name)).leave(session);
    }
    Ok(())
}

fn say(ctx: &Ctx, me: Ref<Player>, text: String) -> Result<()> {
    let text = chat::sayable(text)?;
    let mut player = ctx.get_mut(me)?;
    chat::draw_breath(ctx, &mut player)?;
    tell(ctx, &*ctx.get(of(&player)?)?, Told::Said { who: player.name.clone(), text });
    Ok(())
}

/// Answers with the guild, as its members see it.
pub fn show(ctx: &Ctx, guild: &Guild) -> Result<()> {
    let mut members = Vec::new();
    for &Member { player, rank } in &guild.members {
        let player = ctx.get(player)?;
        let (name, is_here) = (player.name.clone(), player.session.is_some());
        members.push(SeenMember { name, rank, is_here });
    }
    let (name, bank) = (guild.name.clone(), ctx.get(guild.bank)?.gold);
    ctx.reply(Event::Guild(Told::Guild { name, members, bank }));
    Ok(())
}

/// The player's guild.
///
/// # Errors
/// There is none.
pub fn of(player: &Player) -> Result<Ref<Guild>> {
    match player.guild {
        Some(guild) => Ok(guild),
        None => bail!("you are in no guild; Found one, or Join one that invites you"),
    }
}

/// Tells all of a guild who are in the game.
pub fn tell(ctx: &Ctx, guild: &Guild, told: Told) {
    ctx.channel(&name_of(&guild.name)).send(Event::Guild(told));
}

/// What a guild's object and its channel are called.
pub fn name_of(guild: &str) -> String {
    format!("guild {guild}")
}
