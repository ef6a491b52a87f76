//! An order fills once: what was ordered is filled, left or taken back, each book lists what is left, where it belongs, and an
//! order holds exactly what that takes.

use std::collections::HashMap;

use daystar::prelude::*;

use crate::items::{Holder, Item, Kind};
use crate::market::{Order, Side};
use crate::players::Player;
use crate::rules::Census;
use crate::settings::ORDERS_MAX;

/// Where an order is listed: whose book, which side, at which key.
type Place = (Kind, Side, (u64, u64));

/// Reports everything that is wrong with the market.
pub fn check(world: &World, all: &Census) -> Result<()> {
    orders_are_in_their_books(world, all)?;
    no_book_is_crossed(world, all);
    orders_hold_what_they_must(world, all)?;
    everyone_lists_their_orders(world, all);
    Ok(())
}

/// What is left of an order is in its book, in its place, once; an order of which nothing is left is in none.
fn orders_are_in_their_books(world: &World, all: &Census) -> Result<()> {
    let mut listed_at: HashMap<Ref<Order>, Vec<Place>> = HashMap::new();
    for (_, book) in all.books.each() {
        for side in [Side::Buy, Side::Sell] {
            book.side(side).each_in(world, |key, order| {
                listed_at.entry(order).or_default().push((book.kind, side, key));
                Ok(())
            })?;
        }
    }
    for (me, order) in all.orders.each() {
        let listed = listed_at.remove(&me).unwrap_or_default();
        let expected = (order.left > 0).then(|| (order.kind, order.side, order.key()));
        if !listed.iter().eq(&expected) {
            let left = order.left;
            world.problem(format!(
                "order {me}, of which {left} are left, should be in {expected:?}, but is in {listed:?}"
            ));
        }
    }
    for (order, places) in listed_at {
        world.problem(format!("order {order} does not exist, but is in {places:?}"));
    }
    Ok(())
}

/// Nobody waits to buy for what somebody else waits to sell for.
fn no_book_is_crossed(world: &World, all: &Census) {
    let mut best: HashMap<Kind, (u64, u64)> = HashMap::new();
    for (_, order) in all.orders.each() {
        if order.left > 0 {
            let (bid, asked) = best.entry(order.kind).or_insert((0, u64::MAX));
            match order.side {
                Side::Buy => *bid = order.price.max(*bid),
                Side::Sell => *asked = order.price.min(*asked),
            }
        }
    }
    for (kind, (bid, asked)) in best {
        if bid >= asked {
            world.problem(format!("{bid} is bid for a {kind}, which is sold for {asked}"));
        }
    }
}

/// An order's numbers add up, and it holds the gold or the things for what is left of it.
fn orders_hold_what_they_must(world: &World, all: &Census) -> Result<()> {
    let mut held: HashMap<Ref<Item>, Vec<(Ref<Order>, Kind)>> = HashMap::new();
    for (me, order) in all.orders.each() {
        let &Order { side, kind, price, amount, filled, left, cancelled, gold, .. } = order;
        if u64::from(filled) + u64::from(left) + u64::from(cancelled) != u64::from(amount) {
            world.problem(format!(
                "order {me} for {amount}: {filled} filled, {left} left, {cancelled} taken back"
            ));
        }
        let things = u32::try_from(order.things.len())?;
        let (gold_needed, things_fit) = match side {
            Side::Buy => (u64::from(left) * price, things <= filled),
            Side::Sell if left > 0 => (0, things == left),
            Side::Sell => (0, things <= cancelled),
        };
        if gold != gold_needed {
            world.problem(format!("order {me} holds {gold} gold, not {gold_needed}"));
        }
        if !things_fit || (left == 0 && things == 0) {
            world.problem(format!(
                "order {me} holds {things} things: {filled} of {amount} filled, {left} left"
            ));
        }
        for &thing in &order.things {
            held.entry(thing).or_default().push((me, kind));
        }
    }
    for (me, item) in all.items.each() {
        let holders = held.remove(&me).unwrap_or_default();
        let expected = match item.holder {
            Holder::Order(order) => Some((order, item.kind)),
            _ => None,
        };
        if !holders.iter().eq(&expected) {
            world.problem(format!(
                "{} {me} should be held by {expected:?}, not {holders:?}",
                item.kind
            ));
        }
    }
    for (item, holders) in held {
        world.problem(format!("item {item} does not exist, but is held by {holders:?}"));
    }
    Ok(())
}

/// A player lists the orders that are theirs, no more than there may be.
fn everyone_lists_their_orders(world: &World, all: &Census) {
    let mut listed_by: HashMap<Ref<Order>, Vec<Ref<Player>>> = HashMap::new();
    for (me, player) in all.players.each() {
        let count = player.orders.len();
        if count > ORDERS_MAX {
            world.problem(format!("{} has {count} orders", player.name));
        }
        for &order in &player.orders {
            listed_by.entry(order).or_default().push(me);
        }
    }
    for (me, order) in all.orders.each() {
        let owners = listed_by.remove(&me).unwrap_or_default();
        if owners != [order.owner] {
            world.problem(format!("order {me} of {} is listed by {owners:?}", order.owner));
        }
    }
    for (order, owners) in listed_by {
        world.problem(format!("order {order} does not exist, but is listed by {owners:?}"));
    }
}
