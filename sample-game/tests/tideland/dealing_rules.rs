//! What `verify` says of deals, orders and guilds that were broken on purpose.

use daystar::prelude::*;
use sample_game::bank::Bank;
use sample_game::guilds::{self, Guild};
use sample_game::items::{Holder, Item, Kind};
use sample_game::market::{self, Order, Side};
use sample_game::members::Rank;
use sample_game::players::Player;
use sample_game::trade::{Deal, Offer};

use crate::rules::{Break, every_one_is_found};

#[test]
fn every_deal_that_its_players_do_not_agree_about_is_found() {
    every_one_is_found(&[
        (
            |ctx, ann| {
                deal(ctx, ann, false)?;
                Ok(())
            },
            "ann is in deal None, but listed in [#",
        ),
        (
            |ctx, ann| {
                let deal = deal(ctx, ann, false)?;
                ctx.get_mut(ann)?.offer = Some(deal);
                ctx.remove(deal)
            },
            "but listed in []",
        ),
        (
            |ctx, ann| {
                let deal = deal(ctx, ann, true)?;
                ctx.get_mut(ann)?.offer = Some(deal);
                Ok(())
            },
            "is accepted by both, but was not made",
        ),
    ]);
}

#[test]
fn every_order_that_is_not_what_it_should_be_is_found() {
    let breaks: [Break; 10] = [
        (|ctx, ann| change(ctx, ann, |order| order.amount += 1), "for 3: 0 filled, 2 left"),
        (|ctx, ann| change(ctx, ann, |order| order.gold += 1), "holds 11 gold, not 10"),
        (
            |ctx, ann| change(ctx, ann, |order| order.price += 1),
            "which 2 are left, should be in Some",
        ),
        (
            |ctx, ann| {
                let order = buy(ctx, ann)?;
                let buys = ctx.get(market::book(ctx, Kind::Wood)?)?.buys;
                buys.remove(ctx, &ctx.get(order)?.key())?;
                Ok(())
            },
            "but is in []",
        ),
        (
            |ctx, ann| {
                let order = buy(ctx, ann)?;
                ctx.get(market::book(ctx, Kind::Ore)?)?.buys.insert(ctx, (1, 1), order)?;
                Ok(())
            },
            "(Ore, Buy, (1, 1))",
        ),
        (
            |ctx, ann| {
                let order = buy(ctx, ann)?;
                ctx.remove(order)
            },
            "does not exist, but is in [(Wood, Buy",
        ),
        (
            |ctx, ann| {
                buy(ctx, ann)?;
                ctx.get_mut(ann)?.orders.clear();
                Ok(())
            },
            "is listed by []",
        ),
        (
            |ctx, ann| {
                let buying = Order::clone(&*ctx.get(buy(ctx, ann)?)?);
                ctx.insert(Order { side: Side::Sell, ..buying })?;
                Ok(())
            },
            "5 is bid for a wood, which is sold for 5",
        ),
        (
            |ctx, ann| {
                let shell = sell(ctx, ann)?;
                ctx.get_mut(shell)?.holder = Holder::Player(ann);
                Ok(())
            },
            "should be held by None, not [(",
        ),
        (
            |ctx, ann| {
                let shell = sell(ctx, ann)?;
                ctx.remove(shell)
            },
            "does not exist, but is held by",
        ),
    ];
    every_one_is_found(&breaks);
}

#[test]
fn every_guild_that_is_not_what_it_should_be_is_found() {
    every_one_is_found(&[
        (
            |ctx, ann| {
                found(ctx, ann)?;
                ctx.get_mut(ann)?.guild = None;
                Ok(())
            },
            "ann is of guild None, but a member of [#",
        ),
        (|ctx, ann| change_guild(ctx, ann, |guild| guild.members.clear()), "but a member of []"),
        (
            |ctx, ann| change_guild(ctx, ann, |guild| guild.members[0].rank = Rank::Officer),
            "the guild herons has 0 leaders",
        ),
        (
            |ctx, ann| {
                let guild = Guild::clone(&*ctx.get(found(ctx, ann)?)?);
                ctx.insert(guild)?;
                Ok(())
            },
            "are both called herons",
        ),
        (|ctx, ann| change_bank(ctx, ann, |bank| bank.gold += 1), "has 1 gold, its ledger says 0"),
        (
            |ctx, ann| change_bank(ctx, ann, |bank| bank.carried += 1),
            "has 0 gold, its ledger says 1",
        ),
        (
            |ctx, ann| {
                let bank = ctx.get(found(ctx, ann)?)?.bank;
                ctx.remove(bank)
            },
            "does not exist, but is that of [#",
        ),
    ]);
}

/// A deal of a player with themselves, of which they do not know.
fn deal(ctx: &Ctx, player: Ref<Player>, accepted: bool) -> Result<Ref<Deal>> {
    let side = || Offer { player, gold: 0, things: Vec::new(), accepted };
    ctx.insert(Deal { sides: [side(), side()], revision: 0 })
}

fn buy(ctx: &Ctx, me: Ref<Player>) -> Result<Ref<Order>> {
    market::asked(ctx, me, market::Ask::Buy { kind: Kind::Wood, amount: 2, price: 5 })?;
    Ok(ctx.get(me)?.orders[0])
}

fn sell(ctx: &Ctx, me: Ref<Player>) -> Result<Ref<Item>> {
    let shell = ctx.get(me)?.pack[0];
    market::asked(ctx, me, market::Ask::Sell { things: vec![shell], price: 5 })?;
    Ok(shell)
}

fn change(ctx: &Ctx, me: Ref<Player>, change: fn(&mut Order)) -> Result<()> {
    change(&mut *ctx.get_mut(buy(ctx, me)?)?);
    Ok(())
}

fn found(ctx: &Ctx, me: Ref<Player>) -> Result<Ref<Guild>> {
    let session = ctx.get(me)?.session.expect("who asks is in the game");
    guilds::asked(ctx, session, me, guilds::Ask::Found { name: "herons".to_owned() })?;
    guilds::of(&*ctx.get(me)?)
}

fn change_guild(ctx: &Ctx, me: Ref<Player>, change: fn(&mut Guild)) -> Result<()> {
    change(&mut *ctx.get_mut(found(ctx, me)?)?);
    Ok(())
}

fn change_bank(ctx: &Ctx, me: Ref<Player>, change: fn(&mut Bank)) -> Result<()> {
    let bank = ctx.get(found(ctx, me)?)?.bank;
    change(&mut *ctx.get_mut(bank)?);
    Ok(())
}
