//! Orders: how they are placed, filled, taken back, and emptied.
//!
//! An order is filled against the best of the other side, at the price of the one that was there first. That is
//! bounded: each order it meets gives at least one thing, so a task fills no more than [`ORDER_AMOUNT_MAX`] orders,
//! and the book is settled when it ends, with no buyer left who would pay what a seller wants.

use std::mem;

use daystar::prelude::*;

use crate::daylight;
use crate::items::{self, Holder, Item, Kind};
use crate::market::{self, Book, Order, SeenOrder, Side, Told};
use crate::messages::Event;
use crate::mint::{self, Sink};
use crate::players::{self, Player};
use crate::prices::Sale;
use crate::settings::{MARKET_FEE_PERCENT, ORDER_AMOUNT_MAX, ORDER_PRICE_MAX, ORDERS_MAX};

/// Orders so many of a good. Their price is put into the order; what turns out cheaper comes back.
pub fn buy(ctx: &Ctx, me: Ref<Player>, kind: Kind, amount: u32, price: u64) -> Result<()> {
    check(usize::try_from(amount)?, price)?;
    let mut player = ctx.get_mut(me)?;
    let cost = u64::from(amount) * price;
    let gold = player.gold;
    ensure!(gold >= cost, "you have only {gold} gold, and {amount} at {price} may cost {cost}");
    player.gold -= cost;
    let order = Order { gold: cost, ..Order::new(me, Side::Buy, kind, price, amount) };
    place(ctx, me, &mut player, order)
}

/// Puts things of one kind into an order that sells them.
pub fn sell(ctx: &Ctx, me: Ref<Player>, things: Vec<Ref<Item>>, price: u64) -> Result<()> {
    check(things.len(), price)?;
    let amount = u32::try_from(things.len())?;
    let mut player = ctx.get_mut(me)?;
    for thing in &things {
        items::take_out(&mut player.pack, *thing)?;
    }
    let kind = ctx.get(things[0])?.kind;
    for thing in &things {
        let other = ctx.get(*thing)?.kind;
        ensure!(
            other == kind,
            "an order sells one kind of good, not {kind} and {other}; place two"
        );
    }
    let order = Order { things, ..Order::new(me, Side::Sell, kind, price, amount) };
    place(ctx, me, &mut player, order)
}

/// Takes an order out of its book. What it held comes back: gold at once, things as far as there is room for them.
pub fn cancel(ctx: &Ctx, me: Ref<Player>, this: Ref<Order>) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    let mut order = own(ctx, &player, this)?;
    ensure!(
        order.left > 0,
        "nothing is left of order {this} to be taken back; Collect what it holds"
    );
    take_back(ctx, &mut player, &mut order)?;
    fetch(ctx, me, &mut player, &mut order)?;
    let seen = close(ctx, &mut player, this, order)?;
    reply_collected(ctx, &player, seen)
}

/// Takes what is left of an order out of its book. The gold that it held comes back at once, and its things wait.
pub fn take_back(ctx: &Ctx, owner: &mut Player, order: &mut Order) -> Result<()> {
    let book = ctx.get(market::book(ctx, order.kind)?)?;
    book.side(order.side).remove(ctx, &order.key())?;
    order.cancelled = mem::take(&mut order.left);
    owner.gold += mem::take(&mut order.gold);
    Ok(())
}

/// Fetches what waits in an order, as far as there is room for it.
pub fn collect(ctx: &Ctx, me: Ref<Player>, this: Ref<Order>) -> Result<()> {
    let mut player = ctx.get_mut(me)?;
    let mut order = own(ctx, &player, this)?;
    ensure!(order.waiting() > 0, "nothing waits in order {this}; Orders tells what does");
    items::room_for(ctx, &player, &[order.kind])?;
    fetch(ctx, me, &mut player, &mut order)?;
    let seen = close(ctx, &mut player, this, order)?;
    reply_collected(ctx, &player, seen)
}

/// Answers with the player's orders.
pub fn list(ctx: &Ctx, me: Ref<Player>) -> Result<()> {
    let player = ctx.get(me)?;
    let seen = player.orders.iter().map(|&this| Ok(ctx.get(this)?.seen(this)));
    ctx.reply(Event::Market(Told::Orders(seen.collect::<Result<_>>()?)));
    Ok(())
}

/// Fills a new order as far as may be, and lists it in its book if something is left of it.
fn place(ctx: &Ctx, me: Ref<Player>, player: &mut Player, order: Order) -> Result<()> {
    let count = player.orders.len();
    ensure!(count < ORDERS_MAX, "you have {count} orders already; Cancel or Collect one first");
    let mut book = ctx.get_mut(market::book(ctx, order.kind)?)?;
    book.orders += 1;
    let this = ctx.insert(Order { number: book.orders, ..order })?;
    player.orders.push(this);
    let mut order = ctx.get_mut(this)?;
    for thing in &order.things {
        ctx.get_mut(*thing)?.holder = Holder::Order(this);
    }
    fill(ctx, &book, player, this, &mut order)?;
    if order.left > 0 {
        book.side(order.side).insert(ctx, order.key(), this)?;
    }
    fetch(ctx, me, player, &mut order)?;
    let seen = close(ctx, player, this, order)?;
    let (gold, pack) = (player.gold, items::contents(ctx, &player.pack)?);
    ctx.reply(Event::Market(Told::Placed { order: seen, gold, pack }));
    Ok(())
}

/// Fills an order as far as the other side of the book has offers for it.
fn fill(
    ctx: &Ctx,
    book: &Book,
    player: &mut Player,
    this: Ref<Order>,
    order: &mut Order,
) -> Result<()> {
    let others = book.side(order.side.other());
    while order.left > 0
        && let Some((key, best)) = others.first(ctx)?
    {
        // Only what is filled is opened to be changed: the best offer is looked at by everyone who asks for more.
        let (price, owner) = {
            let other = ctx.get(best)?;
            (other.price, other.owner)
        };
        if !order.takes(price) {
            break;
        }
        ensure!(
            owner != order.owner,
            "you would trade with yourself; Cancel your order {best} first, or change the price"
        );
        let mut other = ctx.get_mut(best)?;
        let mut owner = ctx.get_mut(owner)?;
        let amount = order.left.min(other.left);
        let mine = Party { this, order: &mut *order, owner: &mut *player };
        let theirs = Party { this: best, order: &mut other, owner: &mut owner };
        match mine.order.side {
            Side::Buy => exchange(ctx, mine, theirs, amount, price)?,
            Side::Sell => exchange(ctx, theirs, mine, amount, price)?,
        }
        let sale = Sale { at: ctx.now(), price, amount };
        ctx.get_mut(book.prices)?.record(daylight::hours_passed(ctx)?, sale);
        if other.left == 0 {
            others.remove(ctx, &key)?;
        }
        let order = close(ctx, &mut owner, best, other)?;
        players::tell(ctx, &owner, Event::Market(Told::Filled { order, amount, price }));
    }
    Ok(())
}

/// An order and its owner, while it is filled.
struct Party<'a> {
    this: Ref<Order>,
    order: &'a mut Order,
    owner: &'a mut Player,
}

/// The one thing that fills orders: `amount` things go from one order to the other, and their price to the seller, who
/// pays the market's fee.
fn exchange(ctx: &Ctx, buy: Party, sell: Party, amount: u32, price: u64) -> Result<()> {
    for party in [&mut *buy.order, &mut *sell.order] {
        party.left -= amount;
        party.filled += amount;
    }
    let count = u64::from(amount);
    buy.order.gold -= count * buy.order.price;
    buy.owner.gold += count * (buy.order.price - price);
    let fee = count * price * MARKET_FEE_PERCENT / 100;
    sell.owner.gold += count * price - fee;
    mint::burn(ctx, Sink::MarketFee, fee)?;

    for thing in sell.order.things.drain(..usize::try_from(amount)?) {
        ctx.get_mut(thing)?.holder = Holder::Order(buy.this);
        buy.order.things.push(thing);
    }
    Ok(())
}

/// Puts what waits in the order into its owner's pack, as far as there is room.
fn fetch(ctx: &Ctx, me: Ref<Player>, player: &mut Player, order: &mut Order) -> Result<()> {
    while order.waiting() > 0 && items::room_for(ctx, player, &[order.kind]).is_ok() {
        if let Some(thing) = order.things.pop() {
            items::put_in(ctx, me, player, thing)?;
        }
    }
    Ok(())
}

/// Removes an order if there is nothing left of it. How it stands, or stood.
pub fn close(
    ctx: &Ctx,
    owner: &mut Player,
    this: Ref<Order>,
    order: Write<'_, Order>,
) -> Result<SeenOrder> {
    let seen = order.seen(this);
    let is_over = order.left == 0 && order.things.is_empty();
    drop(order);
    if is_over {
        owner.orders.retain(|listed| *listed != this);
        ctx.remove(this)?;
    }
    Ok(seen)
}

fn reply_collected(ctx: &Ctx, player: &Player, order: SeenOrder) -> Result<()> {
    let (gold, pack) = (player.gold, items::contents(ctx, &player.pack)?);
    ctx.reply(Event::Market(Told::Collected { order, gold, pack }));
    Ok(())
}

/// One of the player's orders.
fn own<'c>(ctx: &'c Ctx, player: &Player, order: Ref<Order>) -> Result<Write<'c, Order>> {
    ensure!(player.orders.contains(&order), "{order} is no order of yours; Orders tells which are");
    ctx.get_mut(order)
}

fn check(amount: usize, price: u64) -> Result<()> {
    ensure!(amount > 0, "an order for nothing is no order; say what");
    let most = ORDER_AMOUNT_MAX;
    ensure!(amount <= most, "{amount} are too many for one order; order up to {most} at once");
    let (low, high) = (1, ORDER_PRICE_MAX);
    ensure!(price >= low && price <= high, "the price of one is from {low} to {high}, not {price}");
    Ok(())
}

impl Order {
    fn new(owner: Ref<Player>, side: Side, kind: Kind, price: u64, amount: u32) -> Self {
        Self {
            owner,
            side,
            kind,
            price,
            number: 0,
            amount,
            filled: 0,
            left: amount,
            cancelled: 0,
            gold: 0,
            things: Vec::new(),
        }
    }

    /// Where it stands in its book. The highest bidder comes first, so a buyer's price is turned round.
    pub fn key(&self) -> (u64, u64) {
        match self.side {
            Side::Sell => (self.price, self.number),
            Side::Buy => (u64::MAX - self.price, self.number),
        }
    }

    /// Whether it would be filled at this price.
    fn takes(&self, price: u64) -> bool {
        match self.side {
            Side::Buy => price <= self.price,
            Side::Sell => price >= self.price,
        }
    }

    /// How many things wait for its owner: what was bought, or was not sold and will not be.
    fn waiting(&self) -> usize {
        match self.side {
            Side::Sell if self.left > 0 => 0,
            _ => self.things.len(),
        }
    }

    fn seen(&self, order: Ref<Self>) -> SeenOrder {
        let &Self { side, kind, price, amount, left, cancelled: taken_back, .. } = self;
        // No more than the amount, which fits.
        let waiting = u32::try_from(self.waiting()).unwrap_or(u32::MAX);
        SeenOrder { order, side, kind, price, amount, left, waiting, taken_back }
    }
}
