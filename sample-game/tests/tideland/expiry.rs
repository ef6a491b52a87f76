//! Orders that nobody fills for long are taken back, with what they hold, whether their owners are there or not.

use std::time::Duration;

use sample_game::Tideland;
use sample_game::items::Kind;
use sample_game::market::{SeenOrder, Told};
use sample_game::messages::Event;
use sample_game::settings::{EXPIRED_AT_ONCE_MAX, ORDERS_MAX, START_GOLD};

use crate::market::{back, buy, collect, orders, sell};
use crate::visit::{Endowed, Visitor, endowed, on_a_checked_island};

#[test]
fn what_an_expired_order_held_comes_back() {
    on_a_checked_island(forgetful(&[Kind::Wood; 3]), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let buying = buy(&ann, 2, 9).await;
        let selling = sell(&ann, 3, 10).await;
        let mut over = [expiry(&mut ann).await, expiry(&mut ann).await];
        over.sort_by_key(|(_, gold)| *gold);
        let sold = SeenOrder { left: 0, waiting: 3, taken_back: 3, ..selling };
        let bought = SeenOrder { left: 0, taken_back: 2, ..buying };
        assert_eq!(over, [(sold, 0), (bought, 18)]);
        assert_eq!(ann.own().await.0, START_GOLD);
        // The gold was all that the one held, and what the other holds is fetched.
        assert_eq!(orders(&ann).await.len(), 1);
        assert_eq!(ann.count(Kind::Wood).await, 0);
        ann.ask(collect(selling.order)).await;
        assert_eq!(ann.count(Kind::Wood).await, 3);
        assert_eq!(orders(&ann).await, []);
    });
}

#[test]
fn of_an_order_that_was_filled_in_part_the_rest_expires() {
    on_a_checked_island(forgetful(&[Kind::Wood; 3]), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let bob = Visitor::join(server, "bob").await;
        let placed = buy(&ann, 3, 9).await;
        // Unless its time is over by then, bob's wood is sold.
        let left = sell(&bob, 1, 9).await.left;
        let (order, gold) = expiry(&mut ann).await;
        assert_eq!(order, SeenOrder { left: 0, waiting: 1 - left, taken_back: 2 + left, ..placed });
        assert_eq!(gold, 9 * u64::from(2 + left));
        assert_eq!(ann.own().await.0, START_GOLD - 9 * u64::from(1 - left));
    });
}

#[test]
fn orders_expire_while_their_owners_are_away_however_many_there_are() {
    on_a_checked_island(forgetful(&[]), async |server| {
        let players = EXPIRED_AT_ONCE_MAX / ORDERS_MAX + 2;
        let name = |number: usize| format!("player {number}");
        for number in 0..players {
            let visitor = Visitor::join(server, &name(number)).await;
            for price in 1..=ORDERS_MAX as u64 {
                buy(&visitor, 1, price).await;
            }
            visitor.leave().await;
        }
        for number in 0..players {
            let mut visitor = back(server, &name(number)).await;
            while !orders(&visitor).await.is_empty() {
                expiry(&mut visitor).await;
            }
            assert_eq!(visitor.own().await.0, START_GOLD);
        }
    });
}

/// An island on which orders do not last.
fn forgetful(things: &'static [Kind]) -> Endowed {
    let Endowed(island, things) = endowed(things);
    Endowed(Tideland { orders_last: Duration::from_millis(500), ..island }, things)
}

/// How the next of the visitor's orders stands that has expired, and the gold that came back.
async fn expiry(visitor: &mut Visitor) -> (SeenOrder, u64) {
    let told = visitor.until(|event| match event {
        Event::Market(Told::Expired { order, gold }) => Some((order, gold)),
        _ => None,
    });
    told.await
}
