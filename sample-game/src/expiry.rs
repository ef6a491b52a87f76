//! Expiry: orders that nobody has filled for long are taken back, or a book would fill up with what nobody wants.

use daystar::prelude::*;

use crate::items::Kind;
use crate::market::{self, Order, Told};
use crate::messages::Event;
use crate::orders;
use crate::players;
use crate::settings::EXPIRED_AT_ONCE_MAX;

/// Has every book gone through from now on, in a new world: orders last so long at least, and at the most twice as long.
pub fn begin(ctx: &Ctx, orders_last: Duration) -> Result<()> {
    for kind in Kind::ALL {
        ctx.schedule(orders_last, Expire { kind, orders_last, seen: 0 })?;
    }
    Ok(())
}

/// Takes back the orders for a good that were in its book already when it was gone through the last time. Runs when their time has
/// come, also after a restart, and plans the next run.
#[task]
pub struct Expire {
    /// Which good.
    pub kind: Kind,
    /// How long orders last at least.
    pub orders_last: Duration,
    /// The number of the last order that there was by then. Orders are numbered as they come, so none needs to say when it came.
    pub seen: u64,
}

impl Task for Expire {
    // Set aside, the book would never be gone through again.
    const RETRY: Retry = Retry::FOREVER;

    fn run(&self, ctx: &Ctx) -> Result<()> {
        let &Self { kind, orders_last, seen } = self;
        let old = self.old(ctx)?;
        for order in &old {
            take_back(ctx, *order)?;
        }
        if old.len() == EXPIRED_AT_ONCE_MAX {
            // Whoever deals in this good waits for this task, so there is a limit to it.
            return ctx.spawn(Self { kind, orders_last, seen });
        }
        let seen = ctx.get(market::book(ctx, kind)?)?.orders;
        ctx.schedule(orders_last, Self { kind, orders_last, seen })?;
        Ok(())
    }
}

impl Expire {
    /// Some of the orders whose time is over, or all.
    fn old(&self, ctx: &Ctx) -> Result<Vec<Ref<Order>>> {
        let book = ctx.get(market::book(ctx, self.kind)?)?;
        let mut old = Vec::new();
        for side in [book.sells, book.buys] {
            for entry in side.iter(ctx)? {
                let ((_, number), order) = entry?;
                if old.len() == EXPIRED_AT_ONCE_MAX {
                    return Ok(old);
                }
                if number <= self.seen {
                    old.push(order);
                }
            }
        }
        Ok(old)
    }
}

/// Takes back what is left of an order, whose owner need not be in the game.
fn take_back(ctx: &Ctx, this: Ref<Order>) -> Result<()> {
    let mut order = ctx.get_mut(this)?;
    let mut owner = ctx.get_mut(order.owner)?;
    let gold = order.gold;
    orders::take_back(ctx, &mut owner, &mut order)?;
    let order = orders::close(ctx, &mut owner, this, order)?;
    players::tell(ctx, &owner, Event::Market(Told::Expired { order, gold }));
    Ok(())
}
