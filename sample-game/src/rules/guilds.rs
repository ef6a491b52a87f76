//! Guilds and players agree on who is a member, each guild has one leader, and a bank is what its ledger says.

use std::collections::HashMap;

use daystar::prelude::*;

use crate::bank::Bank;
use crate::guilds::Guild;
use crate::members::Rank;
use crate::players::Player;
use crate::rules::Census;
use crate::settings::{GUILD_INVITED_MAX, GUILD_MEMBERS_MAX, LEDGER_ENTRIES_MAX};

/// Reports everything that is wrong with the guilds.
pub fn check(world: &World, all: &Census) -> Result<()> {
    players_are_in_their_guilds(world, all);
    guilds_have_a_leader_and_a_name(world, all);
    banks_are_what_their_ledgers_say(world, all)
}

/// A player is in one guild at most, once, and both say so.
fn players_are_in_their_guilds(world: &World, all: &Census) {
    let mut guilds_of: HashMap<Ref<Player>, Vec<Ref<Guild>>> = HashMap::new();
    for (me, guild) in all.guilds.each() {
        for member in &guild.members {
            guilds_of.entry(member.player).or_default().push(me);
        }
    }
    for (me, player) in all.players.each() {
        let listed = guilds_of.remove(&me).unwrap_or_default();
        if !listed.iter().eq(&player.guild) {
            let (name, guild) = (&player.name, player.guild);
            world.problem(format!("{name} is of guild {guild:?}, but a member of {listed:?}"));
        }
    }
    for (player, guilds) in guilds_of {
        world.problem(format!("player {player} does not exist, but is a member of {guilds:?}"));
    }
}

/// A guild has one leader, no more members than there may be, and a name of its own.
fn guilds_have_a_leader_and_a_name(world: &World, all: &Census) {
    let mut called: HashMap<String, Ref<Guild>> = HashMap::new();
    for (me, guild) in all.guilds.each() {
        let name = &guild.name;
        let leaders = guild.members.iter().filter(|member| member.rank == Rank::Leader).count();
        if leaders != 1 {
            world.problem(format!("the guild {name} has {leaders} leaders"));
        }
        let (members, invited) = (guild.members.len(), guild.invited.len());
        if members > GUILD_MEMBERS_MAX || invited > GUILD_INVITED_MAX {
            world.problem(format!("the guild {name} has {members} members, {invited} invited"));
        }
        if let Some(other) = called.insert(name.clone(), me) {
            world.problem(format!("the guilds {other} and {me} are both called {name}"));
        }
    }
}

/// What is in a bank is what its ledger comes to, and each bank is one guild's.
fn banks_are_what_their_ledgers_say(world: &World, all: &Census) -> Result<()> {
    let mut guilds_of: HashMap<Ref<Bank>, Vec<Ref<Guild>>> = HashMap::new();
    for (me, guild) in all.guilds.each() {
        guilds_of.entry(guild.bank).or_default().push(me);
    }
    for (me, bank) in all.banks.each() {
        let (mut sum, mut entries) = (Ok(bank.carried), 0);
        bank.ledger.each_in(world, |_, entry| {
            entries += 1;
            if let Ok(before) = sum {
                sum = entry.change.of(before);
            }
            Ok(())
        })?;
        let gold = bank.gold;
        match sum {
            Ok(sum) if sum == gold => {}
            Ok(sum) => world.problem(format!("bank {me} has {gold} gold, its ledger says {sum}")),
            Err(cause) => world.problem(format!("the ledger of bank {me}: {cause}")),
        }
        if entries > LEDGER_ENTRIES_MAX {
            world.problem(format!("the ledger of bank {me} has {entries} entries"));
        }
        let guilds = guilds_of.remove(&me).unwrap_or_default();
        if guilds.len() != 1 {
            world.problem(format!("bank {me} is that of the guilds {guilds:?}"));
        }
    }
    for (bank, guilds) in guilds_of {
        world.problem(format!("bank {bank} does not exist, but is that of {guilds:?}"));
    }
    Ok(())
}
