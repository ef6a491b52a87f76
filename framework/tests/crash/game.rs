//! The game: whatever happens in it gets the next number and a receipt, in the commit in which it happens.
//!
//! So the receipts are the commit order, and all else in the world follows from them: what everybody owns, who is there, what
//! is still to come. The oldest are thrown away, so that a world stays small however long it lives.

use daystar::prelude::*;

pub(crate) const ACCOUNTS: usize = 8;
pub(crate) const OPENING_GOLD: u64 = 1000;
/// So many, painted all at once, that a checkpoint needs more than one transaction.
pub(crate) const TILES: u64 = 4200;
/// How many receipts are kept.
pub(crate) const KEPT: u64 = 5000;

#[managed]
pub(crate) struct Account {
    pub(crate) place: u64,
    pub(crate) gold: u64,
}

#[managed]
pub(crate) struct Tile {
    /// The number of the receipt for its paint.
    pub(crate) colour: u64,
}

/// What is the same for as long as the world lives.
#[managed]
pub(crate) struct Map {
    accounts: Vec<Ref<Account>>,
    tiles: Vec<Ref<Tile>>,
}

/// The last number, and how many plans wait for their time.
#[managed]
pub(crate) struct Numbers {
    pub(crate) last: u64,
    pub(crate) plans: u64,
}

#[managed]
pub(crate) struct Receipt {
    pub(crate) number: u64,
    pub(crate) deed: Deed,
    pub(crate) padding: Vec<u8>,
}

/// Everything that can happen. A `request` is a number that a client has made up.
#[managed]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Created,
    Joined { session: Session, name: String },
    Left { session: Session },
    Gave { request: u64, from: u64, to: u64, gold: u64 },
    Planned { request: u64 },
    Rang { plan: u64 },
    Painted { request: u64 },
}

#[message]
#[derive(Copy)]
pub(crate) struct Request {
    pub(crate) wish: Wish,
    /// Made up by the client; never the same twice.
    pub(crate) request: u64,
    pub(crate) answer: Answer,
}

#[message]
#[derive(Copy)]
pub(crate) enum Wish {
    /// Moves gold between accounts.
    Give { from: u64, to: u64, gold: u64 },
    /// Has something happen later.
    Plan { after_ms: u64 },
    /// Gives every tile a new colour.
    Paint,
    /// Tells how far the world has come.
    Look,
    /// Sends the client home.
    Dismiss,
}

/// How the client is told.
#[message]
#[derive(Copy)]
pub(crate) enum Answer {
    /// As the answer to its call.
    Reply,
    /// By a message of its own.
    Send { is_durable: bool },
}

#[message]
#[derive(Copy)]
pub(crate) enum Event {
    Done { request: u64, number: u64, is_durable: bool },
    Seen { last: u64, plans: u64 },
}

#[task]
pub(crate) struct Ring {
    plan: u64,
}

impl Task for Ring {
    fn run(&self, ctx: &Ctx) -> Result<()> {
        ctx.get_mut(ctx.lookup::<Numbers>(NUMBERS)?)?.plans -= 1;
        enter(ctx, Deed::Rang { plan: self.plan }).map(drop)
    }
}

pub(crate) struct Town;

impl Game for Town {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "town";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let accounts = (0..ACCOUNTS as u64)
            .map(|place| ctx.insert(Account { place, gold: OPENING_GOLD }))
            .collect::<Result<_>>()?;
        let tiles = (0..TILES).map(|_| ctx.insert(Tile { colour: 0 })).collect::<Result<_>>()?;
        ctx.bind(MAP, ctx.insert(Map { accounts, tiles })?)?;
        ctx.bind(NUMBERS, ctx.insert(Numbers { last: 0, plans: 0 })?)?;
        enter(ctx, Deed::Created).map(drop)
    }

    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        enter(ctx, Deed::Joined { session, name: ctx.name(session)? }).map(drop)
    }

    fn received(&self, ctx: &Ctx, session: Session, asked: Request) -> Result<()> {
        let Request { wish, request, answer } = asked;
        let number = match wish {
            Wish::Give { from, to, gold } => give(ctx, request, (from, to), gold)?,
            Wish::Plan { after_ms } => {
                let number = enter(ctx, Deed::Planned { request })?;
                ctx.get_mut(ctx.lookup::<Numbers>(NUMBERS)?)?.plans += 1;
                ctx.schedule(Duration::from_millis(after_ms), Ring { plan: number })?;
                number
            }
            Wish::Paint => {
                let number = enter(ctx, Deed::Painted { request })?;
                for tile in &ctx.get(ctx.lookup::<Map>(MAP)?)?.tiles {
                    ctx.get_mut(*tile)?.colour = number;
                }
                number
            }
            Wish::Look => {
                let Numbers { last, plans } = *ctx.get(ctx.lookup::<Numbers>(NUMBERS)?)?;
                ctx.reply(Event::Seen { last, plans });
                return Ok(());
            }
            Wish::Dismiss => {
                ctx.disconnect(session, "as you wish");
                return Ok(());
            }
        };
        match answer {
            Answer::Reply => ctx.reply(Event::Done { request, number, is_durable: false }),
            Answer::Send { is_durable: true } => {
                ctx.durable().send(session, Event::Done { request, number, is_durable: true });
            }
            Answer::Send { is_durable: false } => {
                ctx.send(session, Event::Done { request, number, is_durable: false });
            }
        }
        Ok(())
    }

    fn left(&self, ctx: &Ctx, session: Session, _: Left) -> Result<()> {
        enter(ctx, Deed::Left { session }).map(drop)
    }
}

fn give(ctx: &Ctx, request: u64, (from, to): (u64, u64), gold: u64) -> Result<u64> {
    let map = ctx.get(ctx.lookup::<Map>(MAP)?)?;
    let mut giver = ctx.get_mut(map.accounts[from as usize])?;
    if giver.gold < gold {
        let last = ctx.get(ctx.lookup::<Numbers>(NUMBERS)?)?.last;
        bail!("{REFUSED_AFTER}{last}");
    }
    giver.gold -= gold;
    ctx.get_mut(map.accounts[to as usize])?.gold += gold;
    enter(ctx, Deed::Gave { request, from, to, gold })
}

/// Gives `deed` the next number, and a receipt.
fn enter(ctx: &Ctx, deed: Deed) -> Result<u64> {
    let mut numbers = ctx.get_mut(ctx.lookup::<Numbers>(NUMBERS)?)?;
    numbers.last += 1;
    let number = numbers.last;
    let receipt = ctx.insert(Receipt { number, deed, padding: padding(number) })?;
    ctx.bind(&name_of(number), receipt)?;
    if number > KEPT {
        let oldest = name_of(number - KEPT);
        ctx.remove(ctx.lookup::<Receipt>(&oldest)?)?;
        ctx.unbind(&oldest)?;
    }
    Ok(number)
}

fn name_of(number: u64) -> String {
    format!("receipt {number}")
}

/// What fills up the receipt `number`, so that they are of many sizes.
pub(crate) fn padding(number: u64) -> Vec<u8> {
    vec![number as u8; (number * 37 % 400) as usize]
}

/// What a refusal begins with; the last number follows, which the refusal is about.
pub(crate) const REFUSED_AFTER: &str = "not enough gold, after ";
/// How many names there are besides those of receipts.
pub(crate) const NAMES: u64 = 2;
const NUMBERS: &str = "numbers";
const MAP: &str = "map";
