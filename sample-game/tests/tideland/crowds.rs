//! Eight at one deal, one book, one bank and one name at the same moment: nothing is doubled, and nothing lost.

use std::net::SocketAddr;
use std::sync::Arc;

use daystar::Ref;
use sample_game::bank::Change;
use sample_game::guilds;
use sample_game::items::{Item, Kind};
use sample_game::market::{self, SeenOrder};
use sample_game::messages::{Event, Request};
use sample_game::settings::{GUILD_FOUNDING_GOLD, START_GOLD};
use sample_game::trade;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::guilds::{ask, ledger};
use crate::market::{cancel, collect, orders, wood_of};
use crate::visit::{Visitor, brisk, endowed, on_a_checked_island};

/// Two trade while six others give them things and try to come between; nothing is doubled, and nothing lost.
#[test]
fn nobody_comes_between_two_who_trade() {
    on_a_checked_island(endowed(&[Kind::Fish; 3]), async |server| {
        let mut crowd = vec![Visitor::join(server, "trader 0").await];
        for number in 1..8 {
            let mut visitor = Visitor::join(server, &format!("trader {number}")).await;
            visitor.walk_to(crowd[0].at, 0).await;
            crowd.push(visitor);
        }
        let mut at_work = JoinSet::new();
        for (number, visitor) in crowd.into_iter().enumerate() {
            at_work.spawn(haggle(visitor, number));
        }
        let crowd = at_work.join_all().await;
        let (mut gold, mut things, mut swaps) = (0, Vec::new(), 0);
        for (visitor, done) in crowd {
            let (more_gold, pack) = visitor.own().await;
            gold += more_gold;
            things.extend(pack.into_iter().map(|thing| thing.item));
            swaps += done;
            visitor.leave().await;
        }
        assert_eq!(gold, 8 * START_GOLD);
        let count = things.len();
        things.sort();
        things.dedup();
        assert_eq!((count, things.len()), (8 * 4, 8 * 4));
        assert!(swaps > 0, "nobody ever swapped anything");
    });
}

/// Trades, gives and gives up, in turns that differ from one to the next. How many swaps `visitor` completed.
async fn haggle(visitor: Visitor, number: usize) -> (Visitor, usize) {
    let mut swaps = 0;
    // The first two trade with each other, and the others try to trade with one of them.
    let with = format!("trader {}", if number == 0 { 1 } else { (number + 1) % 2 });
    for turn in 0..40 {
        let _ = visitor.attempt(Request::Trade(trade::Ask::Open { with: with.clone() })).await;
        let (gold, pack) = visitor.own().await;
        let things: Vec<Ref<Item>> = pack.iter().map(|thing| thing.item).take(turn % 3).collect();
        let gold = gold.min(turn as u64 % 7);
        if let Ok(Some(Event::Trade(trade::Told::Deal { revision, .. }))) = visitor
            .attempt(Request::Trade(trade::Ask::Offer { gold, things: things.clone() }))
            .await
        {
            for later in 0..3 {
                let number = revision.number + later;
                let revision = trade::Revision { number, ..revision };
                match visitor.attempt(Request::Trade(trade::Ask::Accept { revision })).await {
                    Ok(Some(Event::Trade(trade::Told::Swapped { .. }))) => swaps += 1,
                    Ok(Some(_)) => break,
                    _ => {}
                }
            }
        }
        match turn % 5 {
            0 => drop(visitor.attempt(Request::GiveGold { to: with.clone(), gold: 1 }).await),
            1 => {
                for item in things {
                    drop(visitor.attempt(Request::GiveItem { to: with.clone(), item }).await);
                }
            }
            2 => drop(visitor.attempt(Request::Trade(trade::Ask::Cancel)).await),
            _ => {}
        }
    }
    (visitor, swaps)
}

/// Eight deal in one good at once: no order is filled twice, and no gold and no wood comes or goes, but the fee.
#[test]
fn a_crowd_at_one_book_neither_makes_nor_loses_anything() {
    const EACH: usize = 5;
    on_a_checked_island(endowed(&[Kind::Wood; EACH]), async |server| {
        let mut at_work = JoinSet::new();
        for number in 0..8 {
            let visitor = Visitor::join(server, &format!("dealer {number}")).await;
            at_work.spawn(deal(visitor, number));
        }
        let crowd = at_work.join_all().await;
        for (visitor, _) in &crowd {
            for SeenOrder { order, left, .. } in orders(visitor).await {
                let ask = if left > 0 { cancel(order) } else { collect(order) };
                visitor.ask(ask).await;
            }
            assert_eq!(orders(visitor).await, []);
        }
        let (mut gold, mut wood, mut fills) = (0, 0, 0);
        for (visitor, filled) in crowd {
            gold += visitor.own().await.0;
            wood += visitor.count(Kind::Wood).await;
            fills += filled;
            visitor.leave().await;
        }
        assert_eq!(wood, 8 * EACH);
        assert!(fills > 0, "nothing was ever bought or sold");
        assert!(gold <= 8 * START_GOLD, "{gold} gold");
    });
}

/// Buys, sells and takes back, differently from one dealer to the next. How many orders were filled at once.
async fn deal(visitor: Visitor, number: u64) -> (Visitor, usize) {
    let mut fills = 0;
    for turn in number..number + 30 {
        let wood = wood_of(&visitor).await;
        let price = 18 + turn * 7 % 5;
        // All at once, so that there is always something to do. What cannot be for want of gold or wood, or because it would
        // be with oneself, is refused.
        let sell = |things: &[Ref<Item>], price| {
            visitor.attempt(Request::Market(market::Ask::Sell { things: things.to_vec(), price }))
        };
        let buy = |amount, price| {
            visitor.attempt(Request::Market(market::Ask::Buy { kind: Kind::Wood, amount, price }))
        };
        let few = wood.len().min(2);
        let (one, two, three, four) = match turn % 2 {
            0 => tokio::join!(
                sell(&wood[..few], price),
                buy(1, 23),
                buy(2, price),
                sell(&wood[few..], 17)
            ),
            _ => tokio::join!(
                buy(1, price),
                sell(&wood[..few], 17),
                sell(&wood[few..], price),
                buy(1, 23)
            ),
        };
        for answer in [one, two, three, four] {
            if let Ok(Some(Event::Market(market::Told::Placed { order, .. }))) = answer {
                fills += usize::from(order.left < order.amount);
            }
        }
        for SeenOrder { order, left, .. } in orders(&visitor).await {
            // It may be filled in this moment, and then there is nothing to be taken back.
            let ask = if left > 0 { cancel(order) } else { collect(order) };
            drop(visitor.attempt(ask).await);
        }
    }
    (visitor, fills)
}

/// Eight put gold into one bank and take it out again, all at once; then all of them leave at once.
#[test]
fn a_crowd_at_one_bank_neither_makes_nor_loses_gold() {
    on_a_checked_island(brisk(), async |server| {
        let crowd = crowd(server).await;
        ask(&crowd[0], guilds::Ask::Found { name: "herons".to_owned() }).await;
        for visitor in &crowd[1..] {
            ask(&crowd[0], guilds::Ask::Invite { who: visitor.name.clone() }).await;
            ask(visitor, guilds::Ask::Join { guild: "herons".to_owned() }).await;
            ask(&crowd[0], guilds::Ask::Promote { who: visitor.name.clone() }).await;
        }
        let mut at_work = JoinSet::new();
        for (number, visitor) in crowd.into_iter().enumerate() {
            at_work.spawn(pay_in_and_out(visitor, number as u64));
        }
        let crowd = at_work.join_all().await;
        let (carried, entries) = ledger(&crowd[0]).await;
        let bank = entries.iter().fold(carried, |gold, entry| match entry.change {
            Change::In(more) => gold + more,
            Change::Out(less) => gold - less,
        });
        let mut gold = bank;
        for visitor in &crowd {
            gold += visitor.own().await.0;
        }
        let all = 8 * START_GOLD - GUILD_FOUNDING_GOLD;
        assert_eq!(gold, all);

        let mut at_work = JoinSet::new();
        for visitor in crowd {
            at_work.spawn(async move {
                ask(&visitor, guilds::Ask::Leave).await;
                visitor
            });
        }
        let mut gold = 0;
        for visitor in at_work.join_all().await {
            gold += visitor.own().await.0;
        }
        assert_eq!(gold, all, "the last takes what is in the bank");
    });
}

async fn pay_in_and_out(visitor: Visitor, number: u64) -> Visitor {
    for turn in number..number + 30 {
        // There may not be so much, here or there, and then it is refused.
        drop(visitor.attempt(Request::Guild(guilds::Ask::Deposit { gold: 1 + turn % 9 })).await);
        drop(visitor.attempt(Request::Guild(guilds::Ask::Withdraw { gold: 1 + turn % 4 })).await);
    }
    visitor
}

/// Eight found a guild of the same name at once, again and again, and each time one of them does.
#[test]
fn of_a_crowd_that_founds_a_guild_of_one_name_one_does() {
    const ROUNDS: usize = 10;
    on_a_checked_island(brisk(), async |server| {
        let together = Arc::new(Barrier::new(8));
        let mut at_work = JoinSet::new();
        for visitor in crowd(server).await {
            let together = Arc::clone(&together);
            at_work.spawn(async move {
                let mut founded = Vec::new();
                for _ in 0..ROUNDS {
                    together.wait().await;
                    let found = Request::Guild(guilds::Ask::Found { name: "herons".to_owned() });
                    let is_founded = visitor.attempt(found).await.is_ok();
                    together.wait().await;
                    if is_founded {
                        ask(&visitor, guilds::Ask::Leave).await;
                    }
                    founded.push(is_founded);
                }
                founded
            });
        }
        let founded = at_work.join_all().await;
        for round in 0..ROUNDS {
            assert_eq!(founded.iter().filter(|founded| founded[round]).count(), 1, "in {round}");
        }
    });
}

async fn crowd(server: SocketAddr) -> Vec<Visitor> {
    let mut crowd = Vec::new();
    for number in 0..8 {
        crowd.push(Visitor::join(server, &format!("member {number}")).await);
    }
    crowd
}
