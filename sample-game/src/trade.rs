//! Trade: two players who stand near each other lay out what they would give, and swap it when both agree.
//!
//! What is laid out stays with its owner until the swap, which checks that it is still there. So nothing has to be
//! given back when a deal comes to nothing, and a deal whose player leaves the game is just forgotten.

use daystar::prelude::*;

use crate::items::{self, Item};
use crate::messages::{Event, PackItem};
use crate::players::{self, Player};
use crate::settings::{DEAL_THINGS_MAX, TRADE_REACH};

/// A swap that two players talk about. Both name it in [`Player::offer`], and are in no other.
#[managed]
pub struct Deal {
    /// What the one who began it would give, then what the other would.
    pub sides: [Offer; 2],
    /// Which state of the deal this is. It grows with every change, so that nobody accepts what they have not seen.
    pub revision: u32,
}

/// One player's side of a deal.
#[managed]
pub struct Offer {
    /// Whose side it is.
    pub player: Ref<Player>,
    /// The gold that they would give.
    pub gold: u64,
    /// The things that they would give.
    pub things: Vec<Ref<Item>>,
    /// Whether they have accepted the deal as it is.
    pub accepted: bool,
}

/// What a player asks for in a trade.
#[message]
#[derive(PartialEq)]
pub enum Ask {
    /// Begin a deal with someone near. Answered by [`Told::Deal`].
    Open {
        /// The name of the other player.
        with: String,
    },
    /// Lay out this, and nothing else, on one's side. Answered by [`Told::Deal`].
    Offer {
        /// How much gold.
        gold: u64,
        /// Which of one's things.
        things: Vec<Ref<Item>>,
    },
    /// Agree to the deal as it is. Answered by [`Told::Deal`], or by [`Told::Swapped`] if the other has agreed before.
    Accept {
        /// Which state of which deal one agrees to.
        revision: Revision,
    },
    /// Give up the deal.
    Cancel,
}

/// What a player is told in a trade.
#[message]
#[derive(PartialEq)]
pub enum Told {
    /// How the deal stands; both are told whenever that changes.
    Deal {
        /// The name of the other player.
        with: String,
        /// What you would give.
        yours: SeenOffer,
        /// What you would get.
        theirs: SeenOffer,
        /// To be named in [`Ask::Accept`].
        revision: Revision,
    },
    /// The deal is done.
    Swapped {
        /// The name of the other player.
        with: String,
        /// Your gold now.
        gold: u64,
        /// Your things now.
        pack: Vec<PackItem>,
    },
    /// There is no deal any more; everyone keeps what they have.
    Ended {
        /// The name of the other player.
        with: String,
        /// Why.
        why: String,
    },
}

/// One state of one deal. Without the deal, who is told late might accept the next one between the same two, which has come as far.
#[message]
#[derive(Copy, PartialEq, Eq)]
pub struct Revision {
    /// Which deal.
    pub deal: Ref<Deal>,
    /// Which of its states.
    pub number: u32,
}

/// A side of a deal, as both players see it.
#[message]
#[derive(PartialEq, Eq)]
pub struct SeenOffer {
    /// How much gold.
    pub gold: u64,
    /// Which things.
    pub things: Vec<PackItem>,
    /// Whether the deal is accepted by the one whose side it is.
    pub accepted: bool,
}

/// A player asks for something in a trade.
pub fn asked(ctx: &Ctx, me: Ref<Player>, ask: Ask) -> Result<()> {
    match ask {
        Ask::Open { with } => open(ctx, me, &with),
        Ask::Offer { gold, things } => offer(ctx, me, gold, things),
        Ask::Accept { revision } => accept(ctx, me, revision),
        Ask::Cancel => cancel(ctx, me),
    }
}

fn open(ctx: &Ctx, me: Ref<Player>, with: &str) -> Result<()> {
    let other = players::called(ctx, with)?;
    ensure!(other != me, "that is yourself; trade with someone else");
    let mut mine = ctx.get_mut(me)?;
    let mut theirs = ctx.get_mut(other)?;
    ensure!(mine.offer.is_none(), "you are in a deal already; Cancel it first");
    ensure!(theirs.session.is_some(), "{with} is not in the game; wait until they are back");
    ensure!(is_near(&mine, &theirs), "{with} is too far away; walk up to them");
    ensure!(theirs.offer.is_none(), "{with} is in a deal with someone else; wait until it is over");

    let nothing = |player| Offer { player, gold: 0, things: Vec::new(), accepted: false };
    let deal = ctx.insert(Deal { sides: [nothing(me), nothing(other)], revision: 0 })?;
    mine.offer = Some(deal);
    theirs.offer = Some(deal);
    drop((mine, theirs));
    tell_both(ctx, me, deal)
}

fn offer(ctx: &Ctx, me: Ref<Player>, gold: u64, things: Vec<Ref<Item>>) -> Result<()> {
    let player = ctx.get(me)?;
    let deal_ref = deal_of(&player)?;
    let mut deal = ctx.get_mut(deal_ref)?;
    let count = things.len();
    ensure!(count <= DEAL_THINGS_MAX, "{count} things are too many; offer up to {DEAL_THINGS_MAX}");
    let new = Offer { player: me, gold, things, accepted: false };
    check_is_there(&player, &new)?;
    let [mine, theirs] = deal.seen_by(me);
    *mine = new;
    theirs.accepted = false;
    deal.revision += 1;
    drop(deal);
    tell_both(ctx, me, deal_ref)
}

fn accept(ctx: &Ctx, me: Ref<Player>, revision: Revision) -> Result<()> {
    let deal_ref = deal_of(&*ctx.get(me)?)?;
    ensure!(revision.deal == deal_ref, "that deal is over, and this is another; look at it again");
    let mut deal = ctx.get_mut(deal_ref)?;
    let (present, number) = (deal.revision, revision.number);
    ensure!(
        number == present,
        "the deal has changed: it is {present} now, and you would accept {number}; look at it again"
    );
    let [mine, theirs] = deal.seen_by(me);
    mine.accepted = true;
    if !theirs.accepted {
        drop(deal);
        return tell_both(ctx, me, deal_ref);
    }
    swap(ctx, mine, theirs)?;
    drop(deal);
    ctx.remove(deal_ref)
}

/// Hands over what both have laid out, all of it or nothing.
fn swap(ctx: &Ctx, mine: &Offer, theirs: &Offer) -> Result<()> {
    let mut me = ctx.get_mut(mine.player)?;
    let mut other = ctx.get_mut(theirs.player)?;
    // Who walks away ends the deal; this is for a way of moving that somebody adds later and does not think of it.
    ensure!(is_near(&me, &other), "{} is too far away; walk up to them", other.name);
    for (player, offer) in [(&mut me, mine), (&mut other, theirs)] {
        check_is_there(player, offer)?;
        player.gold -= offer.gold;
        for thing in &offer.things {
            items::take_out(&mut player.pack, *thing)?;
        }
        player.offer = None;
    }
    // Only now, when what goes has gone, is there room for what comes.
    for (player, this, offer) in [(&mut me, mine.player, theirs), (&mut other, theirs.player, mine)]
    {
        player.gold += offer.gold;
        for thing in &offer.things {
            items::put_in(ctx, this, player, *thing)?;
        }
    }
    ctx.reply(Event::Trade(swapped(ctx, &me, &other)?));
    players::tell(ctx, &other, Event::Trade(swapped(ctx, &other, &me)?));
    Ok(())
}

fn swapped(ctx: &Ctx, me: &Player, other: &Player) -> Result<Told> {
    let pack = items::contents(ctx, &me.pack)?;
    Ok(Told::Swapped { with: other.name.clone(), gold: me.gold, pack })
}

fn cancel(ctx: &Ctx, me: Ref<Player>) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    deal_of(&player)?;
    let why = format!("{} has called it off", player.name);
    end_for(ctx, me, &mut player, &why)
}

/// Ends the deal that `player` is in, if they are in one, and tells both why. `player` is what `me` refers to. The other
/// player of the deal is changed here, so the caller must not hold them.
pub fn end_for(ctx: &Ctx, me: Ref<Player>, player: &mut Player, why: &str) -> Result<()> {
    let Some(deal) = player.offer.take() else { return Ok(()) };
    let mut other = ctx.get_mut(ctx.get(deal)?.other_than(me))?;
    other.offer = None;
    let ended =
        |with: &Player| Event::Trade(Told::Ended { with: with.name.clone(), why: why.to_owned() });
    players::tell(ctx, player, ended(&other));
    players::tell(ctx, &other, ended(player));
    ctx.remove(deal)
}

/// Ends the deal of a player who has walked away from the other.
pub fn walked(ctx: &Ctx, me: Ref<Player>, player: &mut Player) -> Result<()> {
    let Some(deal) = player.offer else { return Ok(()) };
    let other = ctx.get(deal)?.other_than(me);
    if is_near(player, &*ctx.get(other)?) {
        return Ok(());
    }
    let why = format!("{} has walked away", player.name);
    end_for(ctx, me, player, &why)
}

impl Deal {
    /// The side of `me`, then the other.
    fn seen_by(&mut self, me: Ref<Player>) -> [&mut Offer; 2] {
        let [first, second] = &mut self.sides;
        if first.player == me { [first, second] } else { [second, first] }
    }

    fn other_than(&self, me: Ref<Player>) -> Ref<Player> {
        let [first, second] = &self.sides;
        if first.player == me { second.player } else { first.player }
    }
}

fn deal_of(player: &Player) -> Result<Ref<Deal>> {
    let Some(deal) = player.offer else {
        bail!("you are in no deal; Open one with someone near");
    };
    Ok(deal)
}

fn is_near(one: &Player, other: &Player) -> bool {
    one.at.distance(other.at) <= TRADE_REACH
}

/// That `player` owns what their side of a deal says, each thing named once.
fn check_is_there(player: &Player, offer: &Offer) -> Result<()> {
    let Player { name, gold, pack, .. } = player;
    ensure!(*gold >= offer.gold, "{name} has only {gold} gold, and offers {}", offer.gold);
    for (index, thing) in offer.things.iter().enumerate() {
        ensure!(pack.contains(thing), "item {thing} is not in the pack of {name}; offer another");
        ensure!(
            !offer.things[..index].contains(thing),
            "item {thing} is offered twice; name it once"
        );
    }
    Ok(())
}

/// Answers `me`, and tells the other, how the deal stands.
fn tell_both(ctx: &Ctx, me: Ref<Player>, deal_ref: Ref<Deal>) -> Result<()> {
    let deal = ctx.get(deal_ref)?;
    let revision = Revision { deal: deal_ref, number: deal.revision };
    let [first, second] = &deal.sides;
    for (mine, theirs) in [(first, second), (second, first)] {
        let told = Event::Trade(Told::Deal {
            with: ctx.get(theirs.player)?.name.clone(),
            yours: seen(ctx, mine)?,
            theirs: seen(ctx, theirs)?,
            revision,
        });
        if mine.player == me {
            ctx.reply(told);
        } else {
            players::tell(ctx, &*ctx.get(mine.player)?, told);
        }
    }
    Ok(())
}

fn seen(ctx: &Ctx, offer: &Offer) -> Result<SeenOffer> {
    let mut things = Vec::new();
    for &item in &offer.things {
        // It may have been used up since. The swap would be refused then, but the deal can still be talked about.
        if ctx.exists(item)? {
            things.push(PackItem { item, kind: ctx.get(item)?.kind });
        }
    }
    Ok(SeenOffer { gold: offer.gold, things, accepted: offer.accepted })
}
