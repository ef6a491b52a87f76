//! The market maker: keeps orders to buy and to sell a few goods around a price that it thinks fair, takes old ones back, and
//! collects what it bought.

use rand::RngExt;
use rand_pcg::Pcg32;
use sample_game::items::Kind;

use crate::link::Lost;
use crate::tideland::TidelandLink;
use crate::tideland::character::Character;
use crate::tideland::role::Role;

/// How many orders it keeps.
const ORDERS_KEPT: usize = 6;

/// How many it buys or sells at once at most.
const AMOUNT_MAX: u32 = 3;

/// What it deals in: what many have.
const GOODS: [Kind; 5] = [Kind::Shell, Kind::Wood, Kind::Fish, Kind::Ore, Kind::Plank];

/// A player who is out for the difference.
pub struct MarketMaker;

impl Role for MarketMaker {
    async fn act(
        &mut self,
        character: &mut Character,
        link: &mut TidelandLink,
        rng: &mut Pcg32,
    ) -> Result<(), Lost> {
        if let Some(order) = character.full_order()
            && rng.random_bool(0.5)
        {
            return character.collect(link, order).await;
        }
        let is_enough = character.order_count() >= ORDERS_KEPT;
        if rng.random_bool(if is_enough { 0.5 } else { 0.05 })
            && let Some(order) = character.some_open_order(rng)
        {
            return character.cancel_order(link, order).await;
        }
        let kind = GOODS[rng.random_range(0..GOODS.len())];
        match rng.random_range(0..100) {
            0..30 if !is_enough => sell(character, link, rng).await,
            30..60 if !is_enough => {
                let price = price(kind, 70..=110, rng);
                let amount = affordable(character.account().gold, price);
                match amount {
                    0 => character.ask_prices(link, kind).await,
                    most => character.buy(link, kind, rng.random_range(1..=most), price).await,
                }
            }
            60..70 => character.ask_book(link, kind).await,
            70..75 => character.ask_prices(link, kind).await,
            75..85 => character.look(link).await,
            _ => match character.useful_source() {
                Some((source, true)) => character.gather(link, source.source).await,
                _ => character.walk(link, rng).await,
            },
        }
    }
}

/// Offers some of what there is in the pack.
async fn sell(
    character: &mut Character,
    link: &mut TidelandLink,
    rng: &mut Pcg32,
) -> Result<(), Lost> {
    let Some(item) = character.some_item(rng) else { return character.walk(link, rng).await };
    let account = character.account();
    let Some(&kind) = account.items.get(&item) else { return Ok(()) };
    let most = rng.random_range(1..=AMOUNT_MAX) as usize;
    let things: Vec<_> = account.of_kind(kind).take(most).collect();
    let price = price(kind, 90..=130, rng);
    character.sell(link, things, price).await
}

/// What a thing is worth, about.
pub fn fair_price(kind: Kind) -> u64 {
    match kind {
        Kind::Shell => 2,
        Kind::Fish => 5,
        Kind::Wood => 6,
        Kind::Ore => 8,
        Kind::Pelt => 10,
        Kind::Plank => 14,
        Kind::Stew => 18,
        Kind::Bar => 26,
        Kind::Sword => 45,
    }
}

/// A price so many percent of the fair one, and at least one.
fn price(kind: Kind, percent: std::ops::RangeInclusive<u64>, rng: &mut Pcg32) -> u64 {
    (fair_price(kind) * rng.random_range(percent) / 100).max(1)
}

/// How many at that price are ordered at most.
fn affordable(gold: i128, price: u64) -> u32 {
    let count = gold.max(0) / i128::from(price.max(1));
    u32::try_from(count).unwrap_or(u32::MAX).min(AMOUNT_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_orders_more_than_there_is_gold_for() {
        assert_eq!([-5, 0, 9, 10, 25, 1000].map(|gold| affordable(gold, 10)), [0, 0, 0, 1, 2, 3]);
    }

    #[test]
    fn prices_lie_around_the_fair_one() {
        let mut rng = Pcg32::new(1, 1);
        let prices: Vec<u64> = (0..200).map(|_| price(Kind::Sword, 90..=130, &mut rng)).collect();
        assert!(prices.iter().all(|price| (40..=58).contains(price)), "{prices:?}");
        assert!(price(Kind::Shell, 1..=1, &mut rng) == 1, "nothing is for nothing");
    }
}
