//! The mint: the one place at which gold comes into the world, and goes out of it.
//!
//! It only counts. What it mints, the caller puts into a purse; what it burns, the caller takes out of one; in the same task, so
//! that both happen or neither does. Each count is a [`Counter`], so everyone can pay in at once without waiting
//! for anyone.

use daystar::prelude::*;

/// What the ledger's object is called.
const NAME: &str = "mint";

/// Where gold comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// What a new player starts with.
    Newcomer,
    /// The price on a creature's head.
    Bounty,
}

/// Where gold goes for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// What a guild's founder pays.
    GuildFounding,
    /// What the market keeps of each sale.
    MarketFee,
    /// What was left of the dead, and nobody fetched.
    Remains,
    /// What a bed costs.
    Tavern,
}

/// How much gold has come from each source, and gone into each sink.
#[managed]
pub struct Ledger {
    /// By [`Source::Newcomer`].
    pub newcomers: Ref<Counter>,
    /// By [`Source::Bounty`].
    pub bounties: Ref<Counter>,
    /// By [`Sink::GuildFounding`].
    pub guild_foundings: Ref<Counter>,
    /// By [`Sink::MarketFee`].
    pub market_fees: Ref<Counter>,
    /// By [`Sink::Remains`].
    pub remains: Ref<Counter>,
    /// By [`Sink::Tavern`].
    pub taverns: Ref<Counter>,
}

impl Ledger {
    /// The counters of what was minted.
    pub fn minted(&self) -> [Ref<Counter>; 2] {
        [self.newcomers, self.bounties]
    }

    /// The counters of what was burnt.
    pub fn burnt(&self) -> [Ref<Counter>; 4] {
        [self.guild_foundings, self.market_fees, self.remains, self.taverns]
    }
}

/// Opens the mint, in a new world.
pub fn open(ctx: &Ctx) -> Result<()> {
    let counter = || ctx.insert(Counter::new(0).at_least(0));
    let ledger = Ledger {
        newcomers: counter()?,
        bounties: counter()?,
        guild_foundings: counter()?,
        market_fees: counter()?,
        remains: counter()?,
        taverns: counter()?,
    };
    ctx.bind(NAME, ctx.insert(ledger)?)
}

/// Gold comes into the world. The caller adds it to a purse.
pub fn mint(ctx: &Ctx, source: Source, gold: u64) -> Result<()> {
    let ledger = ctx.get(ctx.lookup::<Ledger>(NAME)?)?;
    let counter = match source {
        Source::Newcomer => ledger.newcomers,
        Source::Bounty => ledger.bounties,
    };
    ctx.add(counter, signed(gold)?)
}

/// Gold goes out of the world. The caller takes it from a purse.
pub fn burn(ctx: &Ctx, sink: Sink, gold: u64) -> Result<()> {
    let ledger = ctx.get(ctx.lookup::<Ledger>(NAME)?)?;
    let counter = match sink {
        Sink::GuildFounding => ledger.guild_foundings,
        Sink::MarketFee => ledger.market_fees,
        Sink::Remains => ledger.remains,
        Sink::Tavern => ledger.taverns,
    };
    ctx.add(counter, signed(gold)?)
}

fn signed(gold: u64) -> Result<i64> {
    match i64::try_from(gold) {
        Ok(gold) => Ok(gold),
        Err(_) => bail!("{gold} gold is more than the mint can count; name a smaller amount"),
    }
}
