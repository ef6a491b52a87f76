//! The market: what players ask of it and are told. A book per kind of good lists the orders to buy and to sell it.
//!
//! Everyone who deals in a good meets at its book: it is hot on purpose. What happens to an order is in
//! [`orders`], what was paid lately in [`prices`].

use daystar::prelude::*;

use crate::items::{Item, Kind};
use crate::messages::{Event, PackItem};
use crate::orders;
use crate::players::Player;
use crate::prices::{self, Hour, Prices, Sale};
use crate::settings::{LEVELS_SHOWN, ORDERS_LOOKED_AT_MAX};

/// The orders for one kind of good that wait to be filled. The best price comes first, and of the same price the
/// order that was there first.
#[managed]
pub struct Book {
    /// Which good.
    pub kind: Kind,
    /// Orders to sell, by price and number.
    pub sells: OrderedMap<(u64, u64), Ref<Order>>,
    /// Orders to buy, by what [`Order::key`] makes of their price, and number.
    pub buys: OrderedMap<(u64, u64), Ref<Order>>,
    /// How many orders there have been, which numbers the next one.
    pub orders: u64,
    /// What was paid lately. An object of its own: an order that fills nothing does not touch it.
    pub prices: Ref<Prices>,
}

/// An order to buy or to sell. It holds what it offers, the gold or the things, so that it can be filled when its owner
/// is not there. [`Player::orders`] lists it until there is nothing left of it.
#[managed]
pub struct Order {
    /// Whose it is.
    pub owner: Ref<Player>,
    /// Whether it buys or sells.
    pub side: Side,
    /// What.
    pub kind: Kind,
    /// The price of one, at most or at least.
    pub price: u64,
    /// Its place among the orders of the book.
    pub number: u64,
    /// How many were ordered. It is always `filled + left + cancelled`.
    pub amount: u32,
    /// How many have been bought or sold.
    pub filled: u32,
    /// How many are still to be bought or sold. The book lists the order until that is none.
    pub left: u32,
    /// How many were taken back, by the owner or by [`expiry`](crate::expiry).
    pub cancelled: u32,
    /// The gold that it holds to buy what is left; none if it sells.
    pub gold: u64,
    /// What it holds: what is left to be sold, or else what waits for its owner to collect it.
    pub things: Vec<Ref<Item>>,
}

/// Which way an order goes.
#[managed]
#[message]
#[derive(Copy, PartialEq, Eq)]
pub enum Side {
    /// Gold for things.
    Buy,
    /// Things for gold.
    Sell,
}

impl Book {
    /// The orders of one side.
    pub fn side(&self, side: Side) -> OrderedMap<(u64, u64), Ref<Order>> {
        match side {
            Side::Buy => self.buys,
            Side::Sell => self.sells,
        }
    }
}

impl Side {
    /// What an order of this side is filled against.
    pub fn other(self) -> Self {
        match self {
            Self::Buy => Self::Sell,
            Self::Sell => Self::Buy,
        }
    }
}

/// What a player asks of the market, from wherever they are.
#[message]
#[derive(PartialEq)]
pub enum Ask {
    /// Which orders are there? Answered by [`Told::Book`].
    Book(Kind),
    /// What was paid lately? Answered by [`Told::Prices`].
    Prices(Kind),
    /// Which orders are mine? Answered by [`Told::Orders`].
    Orders,
    /// Order so many at up to this price. Answered by [`Told::Placed`].
    Buy {
        /// What.
        kind: Kind,
        /// How many.
        amount: u32,
        /// The most that one may cost.
        price: u64,
    },
    /// Offer things, all of one kind, at this price or more. Answered by [`Told::Placed`].
    Sell {
        /// Which of one's things.
        things: Vec<Ref<Item>>,
        /// The least that one must bring.
        price: u64,
    },
    /// Take back what is left of an order. Answered by [`Told::Collected`].
    Cancel {
        /// Which of one's orders.
        order: Ref<Order>,
    },
    /// Fetch the things that wait in an order, as many as there is room for. Answered by [`Told::Collected`].
    Collect {
        /// Which of one's orders.
        order: Ref<Order>,
    },
}

/// What a player is told by the market.
#[message]
#[derive(PartialEq)]
pub enum Told {
    /// The best offers for a good.
    Book {
        /// Which good.
        kind: Kind,
        /// What sellers want, the cheapest first.
        sells: Vec<Level>,
        /// What buyers would pay, the highest first.
        buys: Vec<Level>,
    },
    /// What was paid for a good.
    Prices {
        /// Which good.
        kind: Kind,
        /// The last sales, the newest last.
        sales: Vec<Sale>,
        /// The last hours of the island in which there were any, the newest last.
        hours: Vec<Hour>,
    },
    /// Your orders.
    Orders(Vec<SeenOrder>),
    /// Your order was taken, and filled as far as there were offers.
    Placed {
        /// How it stands.
        order: SeenOrder,
        /// Your gold now.
        gold: u64,
        /// Your things now.
        pack: Vec<PackItem>,
    },
    /// One of your orders was filled, or a part of it. The gold is in your purse; things wait to be collected.
    Filled {
        /// How it stands. If nothing is left of it and nothing waits in it, it is gone.
        order: SeenOrder,
        /// How many were sold or bought now.
        amount: u32,
        /// What one cost.
        price: u64,
    },
    /// You got back what you asked for.
    Collected {
        /// How the order stands. If nothing is left of it and nothing waits in it, it is gone.
        order: SeenOrder,
        /// Your gold now.
        gold: u64,
        /// Your things now.
        pack: Vec<PackItem>,
    },
    /// What was left of one of your orders has been on offer for too long. The gold for it is in your purse; things wait to be
    /// collected.
    Expired {
        /// How it stands. If nothing waits in it, it is gone.
        order: SeenOrder,
        /// The gold that came back.
        gold: u64,
    },
}

/// All offers at one price.
#[message]
#[derive(Copy, PartialEq, Eq)]
pub struct Level {
    /// What one costs.
    pub price: u64,
    /// How many there are.
    pub amount: u32,
}

/// An order, as its owner sees it.
#[message]
#[derive(Copy, PartialEq, Eq)]
pub struct SeenOrder {
    /// Which order.
    pub order: Ref<Order>,
    /// Whether it buys or sells.
    pub side: Side,
    /// What.
    pub kind: Kind,
    /// The price of one, at most or at least.
    pub price: u64,
    /// How many were ordered.
    pub amount: u32,
    /// How many are still to be bought or sold.
    pub left: u32,
    /// How many things wait to be collected.
    pub waiting: u32,
    /// How many were taken back, by the owner or because they were on offer for too long.
    pub taken_back: u32,
}

/// Opens an empty book for every kind of good, in a new world.
pub fn open(ctx: &Ctx) -> Result<()> {
    for kind in Kind::ALL {
        let (sells, buys) = (OrderedMap::new(ctx)?, OrderedMap::new(ctx)?);
        let prices = ctx.insert(Prices::default())?;
        let book = ctx.insert(Book { kind, sells, buys, orders: 0, prices })?;
        ctx.bind(&bound_name(kind), book)?;
    }
    Ok(())
}

/// The book of a good.
///
/// # Errors
/// The world was not laid out.
pub fn book(ctx: &Ctx, kind: Kind) -> Result<Ref<Book>> {
    ctx.lookup(&bound_name(kind))
}

/// A player asks something of the market.
pub fn asked(ctx: &Ctx, me: Ref<Player>, ask: Ask) -> Result<()> {
    match ask {
        Ask::Book(kind) => show(ctx, kind),
        Ask::Prices(kind) => prices::show(ctx, kind),
        Ask::Orders => orders::list(ctx, me),
        Ask::Buy { kind, amount, price } => orders::buy(ctx, me, kind, amount, price),
        Ask::Sell { things, price } => orders::sell(ctx, me, things, price),
        Ask::Cancel { order } => orders::cancel(ctx, me, order),
        Ask::Collect { order } => orders::collect(ctx, me, order),
    }
}

fn show(ctx: &Ctx, kind: Kind) -> Result<()> {
    let book = ctx.get(book(ctx, kind)?)?;
    let (sells, buys) = (levels(ctx, book.sells)?, levels(ctx, book.buys)?);
    ctx.reply(Event::Market(Told::Book { kind, sells, buys }));
    Ok(())
}

/// The best offers of one side. It looks at so many orders and no more, so the last level may be larger than is told.
fn levels(ctx: &Ctx, side: OrderedMap<(u64, u64), Ref<Order>>) -> Result<Vec<Level>> {
    let mut levels: Vec<Level> = Vec::new();
    for entry in side.iter(ctx)?.take(ORDERS_LOOKED_AT_MAX) {
        let (_, order) = entry?;
        let order = ctx.get(order)?;
        let Order { price, left, .. } = *order;
        if let Some(level) = levels.last_mut()
            && level.price == price
        {
            level.amount += left;
            continue;
        }
        if levels.len() == LEVELS_SHOWN {
            break;
        }
        levels.push(Level { price, amount: left });
    }
    Ok(levels)
}

fn bound_name(kind: Kind) -> String {
    format!("book {kind}")
}
