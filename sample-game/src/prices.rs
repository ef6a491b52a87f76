//! Prices: what was paid for a good lately, sale by sale and hour by hour.

use daystar::prelude::*;

use crate::items::Kind;
use crate::market::{self, Told};
use crate::messages::Event;
use crate::settings::{PRICE_HOURS_MAX, PRICE_SALES_MAX};

/// What was paid for a good. Only so much is kept; what is older goes.
#[managed]
#[derive(Default)]
pub struct Prices {
    /// The last sales, the newest last.
    pub sales: Vec<Sale>,
    /// The last hours in which there were any, the newest last.
    pub hours: Vec<Hour>,
}

/// Some of a good changed hands.
#[managed]
#[message]
#[derive(Copy, PartialEq, Eq)]
pub struct Sale {
    /// When.
    pub at: Timestamp,
    /// What one cost.
    pub price: u64,
    /// How many.
    pub amount: u32,
}

/// The sales in one hour of the island, of which there was at least one.
#[managed]
#[message]
#[derive(Copy, PartialEq, Eq)]
pub struct Hour {
    /// How many hours of the island there were before this one.
    pub hour: u64,
    /// What one cost in the first sale.
    pub open: u64,
    /// What one cost at most.
    pub high: u64,
    /// What one cost at least.
    pub low: u64,
    /// What one cost in the last sale.
    pub close: u64,
    /// How many were sold.
    pub amount: u64,
}

/// Answers with what was paid for a good.
pub fn show(ctx: &Ctx, kind: Kind) -> Result<()> {
    let prices = ctx.get(ctx.get(market::book(ctx, kind)?)?.prices)?;
    let (sales, hours) = (prices.sales.clone(), prices.hours.clone());
    ctx.reply(Event::Market(Told::Prices { kind, sales, hours }));
    Ok(())
}

impl Prices {
    /// Writes down a sale that happened in the given hour of the island.
    pub fn record(&mut self, hour: u64, sale: Sale) {
        let Sale { price, amount, .. } = sale;
        push(&mut self.sales, sale, PRICE_SALES_MAX);
        let amount = u64::from(amount);
        match self.hours.last_mut() {
            // A task that had to be run again may be of the hour before, behind one of this hour.
            Some(last) if last.hour >= hour => {
                last.high = last.high.max(price);
                last.low = last.low.min(price);
                last.close = price;
                last.amount += amount;
            }
            _ => {
                let (open, high, low, close) = (price, price, price, price);
                push(
                    &mut self.hours,
                    Hour { hour, open, high, low, close, amount },
                    PRICE_HOURS_MAX,
                );
            }
        }
    }
}

/// Appends to a list of which only the last `most` are kept.
fn push<T>(list: &mut Vec<T>, new: T, most: usize) {
    if list.len() >= most {
        list.remove(0);
    }
    list.push(new);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(prices: &mut Prices, hour: u64, price: u64, amount: u32) {
        prices.record(hour, Sale { at: Timestamp { unix_ms: hour }, price, amount });
    }

    #[test]
    fn an_hour_keeps_its_first_highest_lowest_and_last_price() {
        let mut prices = Prices::default();
        for (hour, price, amount) in [(7, 5, 1), (7, 9, 2), (7, 4, 3), (7, 6, 4), (9, 8, 5)] {
            record(&mut prices, hour, price, amount);
        }
        let expected = [
            Hour { hour: 7, open: 5, high: 9, low: 4, close: 6, amount: 10 },
            Hour { hour: 9, open: 8, high: 8, low: 8, close: 8, amount: 5 },
        ];
        assert_eq!(prices.hours, expected);
        assert_eq!(prices.sales.len(), 5);
    }

    #[test]
    fn no_hour_comes_twice_or_behind_a_later_one() {
        let mut prices = Prices::default();
        for (hour, price) in [(7, 5), (8, 6), (7, 9), (8, 7)] {
            record(&mut prices, hour, price, 1);
        }
        let expected = [
            Hour { hour: 7, open: 5, high: 5, low: 5, close: 5, amount: 1 },
            Hour { hour: 8, open: 6, high: 9, low: 6, close: 7, amount: 3 },
        ];
        assert_eq!(prices.hours, expected);
    }

    #[test]
    fn what_is_old_goes() {
        let mut prices = Prices::default();
        let hours = 2 * (PRICE_SALES_MAX + PRICE_HOURS_MAX) as u64;
        for hour in 0..hours {
            record(&mut prices, hour, 1, 1);
        }
        assert_eq!((prices.sales.len(), prices.hours.len()), (PRICE_SALES_MAX, PRICE_HOURS_MAX));
        assert_eq!(prices.hours.last().map(|last| last.hour), Some(hours - 1));
        assert_eq!(prices.sales.last().map(|last| last.at.unix_ms), Some(hours - 1));
    }
}
