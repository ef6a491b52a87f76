//! A guild's bank: its gold, and a ledger of what was put in and taken out.
//!
//! All of a guild meet at its bank, and nobody else does. What is in it is also the sum of its ledger, which
//! [`rules`](crate::rules) check: gold that came or went without an entry is found.

use daystar::prelude::*;

use crate::daylight;
use crate::guilds::{self, Told};
use crate::members::{self, Rank};
use crate::messages::Event;
use crate::players::Player;
use crate::settings::{HOURS_A_DAY, LEDGER_ENTRIES_MAX, WITHDRAWN_A_DAY_MAX};

/// A guild's gold.
#[managed]
pub struct Bank {
    /// How much there is. It is always `carried` and what the entries of the ledger make of it.
    pub gold: u64,
    /// What the entries came to that the ledger has no more.
    pub carried: u64,
    /// The last entries, by their numbers.
    pub ledger: OrderedMap<u64, Entry>,
    /// How many entries there have been, which numbers the next one.
    pub entries: u64,
    /// What was taken out on the day on which something last was.
    pub taken: Taken,
}

/// What was taken out of a bank in one day.
#[managed]
#[derive(Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Which day of the island.
    pub day: u64,
    /// How much gold.
    pub gold: u64,
}

impl Taken {
    /// Adds so much that is taken out today.
    ///
    /// # Errors
    /// It is more than is left of what may be taken out in a day.
    pub fn add(&mut self, today: u64, gold: u64) -> Result<()> {
        // A task that had to be run again may be of yesterday, behind one of today.
        if today > self.day {
            *self = Self { day: today, gold: 0 };
        }
        let left = WITHDRAWN_A_DAY_MAX.saturating_sub(self.gold);
        ensure!(gold <= left, "only {left} gold more may be taken out today; wait until tomorrow");
        self.gold += gold;
        Ok(())
    }
}

/// The ledger goes with the bank.
impl OnRemove for Bank {
    fn on_remove(&self, ctx: &Ctx) -> Result<()> {
        ensure!(self.gold == 0, "there are {} gold in the bank; take them out first", self.gold);
        self.ledger.destroy(ctx)
    }
}

/// A line of the ledger.
#[managed]
#[derive(Copy)]
pub struct Entry {
    /// Who did it.
    pub who: Ref<Player>,
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: Change,
}

/// What was done with a bank's gold.
#[managed]
#[message]
#[derive(Copy, PartialEq, Eq)]
pub enum Change {
    /// So much was put in.
    In(u64),
    /// So much was taken out.
    Out(u64),
}

impl Change {
    /// What there is afterwards, if there was `gold` before.
    ///
    /// # Errors
    /// There was not enough.
    pub fn of(self, gold: u64) -> Result<u64> {
        let after = match self {
            Self::In(more) => gold.checked_add(more),
            Self::Out(less) => gold.checked_sub(less),
        };
        match after {
            Some(after) => Ok(after),
            None => bail!("there are only {gold} gold in the bank; take less"),
        }
    }
}

/// A line of the ledger, as the guild is told of it.
#[message]
#[derive(PartialEq, Eq)]
pub struct SeenEntry {
    /// Who did it.
    pub who: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: Change,
}

/// Makes an empty bank for a new guild.
pub fn open(ctx: &Ctx) -> Result<Ref<Bank>> {
    let ledger = OrderedMap::new(ctx)?;
    ctx.insert(Bank { gold: 0, carried: 0, ledger, entries: 0, taken: Taken::default() })
}

/// A member puts gold into the bank.
pub fn deposit(ctx: &Ctx, me: Ref<Player>, gold: u64) -> Result<()> {
    ensure!(gold > 0, "no gold is no deposit; name an amount");
    let mut player = ctx.get_mut(me)?;
    let mut bank = ctx.get_mut(ctx.get(guilds::of(&player)?)?.bank)?;
    ensure!(player.gold >= gold, "you have only {} gold, and {gold} is more", player.gold);
    player.gold -= gold;
    bank.write(ctx, me, Change::In(gold))?;
    ctx.reply(Event::Guild(Told::Bank { bank: bank.gold, gold: player.gold }));
    Ok(())
}

/// An officer takes gold out of the bank, of which there is so much a day for all of them together.
pub fn withdraw(ctx: &Ctx, me: Ref<Player>, gold: u64) -> Result<()> {
    ensure!(gold > 0, "no gold is no withdrawal; name an amount");
    let mut player = ctx.get_mut(me)?;
    let guild = ctx.get(guilds::of(&player)?)?;
    members::check(&guild, me, Rank::Officer)?;
    let mut bank = ctx.get_mut(guild.bank)?;
    bank.taken.add(daylight::hours_passed(ctx)? / HOURS_A_DAY, gold)?;
    bank.write(ctx, me, Change::Out(gold))?;
    player.gold += gold;
    ctx.reply(Event::Guild(Told::Bank { bank: bank.gold, gold: player.gold }));
    Ok(())
}

/// Answers with the ledger.
pub fn show(ctx: &Ctx, me: Ref<Player>) -> Result<()> {
    let bank = ctx.get(ctx.get(guilds::of(&*ctx.get(me)?)?)?.bank)?;
    let mut entries = Vec::new();
    for entry in bank.ledger.iter(ctx)? {
        let (_, Entry { who, at, change }) = entry?;
        entries.push(SeenEntry { who: ctx.get(who)?.name.clone(), at, change });
    }
    ctx.reply(Event::Guild(Told::Ledger { carried: bank.carried, entries }));
    Ok(())
}

impl Bank {
    /// Changes how much gold there is: the one place that does, so that each change has its entry.
    fn write(&mut self, ctx: &Ctx, who: Ref<Player>, change: Change) -> Result<()> {
        self.gold = change.of(self.gold)?;
        self.entries += 1;
        self.ledger.insert(ctx, self.entries, Entry { who, at: ctx.now(), change })?;
        if self.entries > LEDGER_ENTRIES_MAX
            && let Some((_, oldest)) = self.ledger.pop_first(ctx)?
        {
            self.carried = oldest.change.of(self.carried)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_has_its_limit_and_a_task_of_yesterday_no_other() {
        let mut taken = Taken::default();
        let mut may_take = |day, gold| taken.add(day, gold).is_ok();
        assert!(may_take(3, WITHDRAWN_A_DAY_MAX) && !may_take(3, 1));
        assert!(may_take(4, WITHDRAWN_A_DAY_MAX - 1));
        assert!(!may_take(3, 2), "the older day begins anew");
        assert!(may_take(3, 1) && !may_take(4, 1), "the newer day begins anew");
        assert!(may_take(5, WITHDRAWN_A_DAY_MAX));
    }
}
