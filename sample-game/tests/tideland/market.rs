//! Ann sells, Bob buys, and neither has to be there when it happens.

use std::net::SocketAddr;

use daystar::Ref;
use sample_game::items::{Item, Kind};
use sample_game::market::{Ask, Level, Order, SeenOrder, Side, Told};
use sample_game::messages::{Event, PackItem, Request};
use sample_game::settings::{
    MARKET_FEE_PERCENT, ORDER_AMOUNT_MAX, ORDER_PRICE_MAX, ORDERS_MAX, START_GOLD,
};

use crate::visit::{Visitor, endowed, on_a_checked_island};

#[test]
fn an_order_waits_until_somebody_fills_it_and_its_price_is_paid() {
    on_a_checked_island(endowed(&[Kind::Wood; 3]), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let bob = Visitor::join(server, "bob").await;
        let placed = sell(&ann, 3, 10).await;
        assert_eq!((placed.amount, placed.left, placed.waiting), (3, 3, 0));
        assert_eq!(ann.count(Kind::Wood).await, 0);
        assert_eq!(book(&bob).await, (vec![Level { price: 10, amount: 3 }], Vec::new()));

        let bought = buy(&bob, 2, 12).await;
        assert_eq!((bought.amount, bought.left, bought.waiting), (2, 0, 0));
        assert_eq!(
            bob.own().await.0,
            START_GOLD - 20,
            "the price is that of the order that waited"
        );
        assert_eq!(bob.count(Kind::Wood).await, 5);
        let (order, amount, price) = filled(&mut ann).await;
        assert_eq!((order, amount, price), (SeenOrder { left: 1, ..placed }, 2, 10));
        assert_eq!(ann.own().await.0, START_GOLD + 20 - fee(20));
        assert_eq!(book(&bob).await, (vec![Level { price: 10, amount: 1 }], Vec::new()));
        assert_eq!(orders(&ann).await, [order]);

        // What is over is listed nowhere.
        buy(&bob, 1, 10).await;
        assert_eq!(book(&bob).await, (Vec::new(), Vec::new()));
        assert_eq!((orders(&ann).await, orders(&bob).await), (Vec::new(), Vec::new()));
    });
}

#[test]
fn the_best_price_is_served_first_and_then_who_was_there_first() {
    on_an_island_with_wood(async |server| {
        let mut sellers = Vec::new();
        for (name, price) in [("late", 11), ("first", 10), ("second", 10), ("cheap", 9)] {
            let visitor = Visitor::join(server, name).await;
            sell(&visitor, 1, price).await;
            sellers.push(visitor);
        }
        let dan = Visitor::join(server, "dan").await;
        let order = buy(&dan, 3, 10).await;
        assert_eq!(order.left, 0);
        assert_eq!(dan.own().await.0, START_GOLD - 9 - 10 - 10);
        assert_eq!(orders(&sellers[0]).await[0].left, 1);

        // The same on the other side: who would pay most comes first.
        for (number, price) in [(1, 3), (2, 5), (3, 4)] {
            buy(&sellers[number], 1, price).await;
        }
        let (sells, buys) = book(&dan).await;
        assert_eq!(sells, [Level { price: 11, amount: 1 }]);
        assert_eq!(buys, [5, 4, 3].map(|price| Level { price, amount: 1 }));
        let gold = dan.own().await.0;
        sell(&dan, 2, 4).await;
        assert_eq!(dan.own().await.0, gold + 5 + 4);
        assert_eq!(book(&dan).await.1, [Level { price: 3, amount: 1 }]);
    });
}

#[test]
fn orders_are_filled_while_their_owners_are_away() {
    on_a_checked_island(endowed(&[Kind::Wood; 2]), async |server| {
        let ann = Visitor::join(server, "ann").await;
        let cid = Visitor::join(server, "cid").await;
        let wanted = buy(&ann, 2, 20).await;
        sell(&cid, 2, 30).await;
        ann.leave().await;
        cid.leave().await;

        let bob = Visitor::join(server, "bob").await;
        sell(&bob, 2, 20).await;
        assert_eq!(bob.own().await.0, START_GOLD + 40 - fee(40));
        buy(&bob, 2, 30).await;

        let cid = back(server, "cid").await;
        assert_eq!(cid.gold, START_GOLD + 60 - fee(60));
        assert_eq!(orders(&cid).await, []);
        let ann = back(server, "ann").await;
        assert_eq!(ann.gold, START_GOLD - 40);
        assert_eq!(ann.count(Kind::Wood).await, 2);
        assert_eq!(orders(&ann).await, [SeenOrder { left: 0, waiting: 2, ..wanted }]);
        let (order, _, pack) = collected(ann.ask(collect(wanted.order)).await);
        assert_eq!((order.waiting, pack.len()), (0, 5));
        assert_eq!(ann.count(Kind::Wood).await, 4);
        assert_eq!(orders(&ann).await, []);
        let refusal = ann.refused(collect(wanted.order)).await;
        assert!(refusal.contains("is no order of yours"), "{refusal}");
    });
}

#[test]
fn an_order_that_is_taken_back_gives_back_what_it_holds() {
    on_a_checked_island(endowed(&[Kind::Wood; 3]), async |server| {
        let ann = Visitor::join(server, "ann").await;
        let bob = Visitor::join(server, "bob").await;
        let (selling, buying) = (sell(&ann, 3, 10).await, buy(&ann, 2, 9).await);
        assert_eq!(ann.own().await.0, START_GOLD - 18);
        buy(&bob, 1, 10).await;
        sell(&bob, 1, 9).await;

        let refusal = bob.refused(cancel(selling.order)).await;
        assert!(refusal.contains("is no order of yours"), "{refusal}");
        let (order, gold, pack) = collected(ann.ask(cancel(selling.order)).await);
        assert_eq!((order.left, order.waiting, pack.len()), (0, 0, 3));
        assert_eq!(gold, START_GOLD - 18 + 10);
        // What it has bought comes along with the gold for what it has not.
        let (order, gold, pack) = collected(ann.ask(cancel(buying.order)).await);
        assert_eq!((order.left, order.waiting, pack.len()), (0, 0, 4));
        assert_eq!(gold, START_GOLD - 18 + 10 + 9);
        assert_eq!(book(&ann).await, (Vec::new(), Vec::new()));
        assert_eq!(orders(&ann).await, []);
    });
}

#[test]
fn what_a_pack_has_no_room_for_waits_at_the_market() {
    on_a_checked_island(endowed(&[Kind::Ore; 9]), async |server| {
        let ann = laden(server, "ann").await;
        let bob = laden(server, "bob").await;
        let ores: Vec<Ref<Item>> = ann.pack[1..3].iter().map(|thing| thing.item).collect();
        ann.ask(Request::Market(Ask::Sell { things: ores, price: 1 })).await;
        let answer =
            bob.ask(Request::Market(Ask::Buy { kind: Kind::Ore, amount: 2, price: 1 })).await;
        let order = placed(answer);
        assert_eq!((order.left, order.waiting), (0, 2));
        let refusal = bob.refused(collect(order.order)).await;
        assert!(refusal.contains("bob carries"), "{refusal}");
        let refusal = bob.refused(cancel(order.order)).await;
        assert!(refusal.contains("nothing is left of order"), "{refusal}");

        for waiting in [1, 0] {
            bob.ask(Request::ThrowAway { item: bob.own().await.1[1].item }).await;
            let (order, _, _) = collected(bob.ask(collect(order.order)).await);
            assert_eq!(order.waiting, waiting);
        }
        assert_eq!(orders(&bob).await, []);
    });
}

#[test]
fn orders_that_cannot_be_are_refused_and_change_nothing() {
    on_an_island_with_wood(async |server| {
        let ann = laden(server, "ann").await;
        let bob = laden(server, "bob").await;
        let kind = Kind::Wood;
        let [shell, one, two] = [0, 1, 2].map(|index: usize| ann.pack[index].item);
        let not_mine = bob.pack[1].item;
        let buy_of = |amount, price| Ask::Buy { kind, amount, price };
        let sell_of = |things: &[Ref<Item>], price| Ask::Sell { things: things.to_vec(), price };
        for (ask, reason) in [
            (buy_of(0, 1), "an order for nothing"),
            (buy_of(ORDER_AMOUNT_MAX as u32 + 1, 1), "are too many for one order"),
            (buy_of(u32::MAX, u64::MAX), "are too many for one order"),
            (buy_of(1, 0), "the price of one is from 1"),
            (buy_of(1, ORDER_PRICE_MAX + 1), "the price of one is from 1"),
            (buy_of(2, 51), "you have only 100 gold, and 2 at 51 may cost 102"),
            (sell_of(&[], 1), "an order for nothing"),
            (sell_of(&[one], 0), "the price of one is from 1"),
            (sell_of(&[one, one], 1), "is not there"),
            (sell_of(&[one, not_mine], 1), "is not there"),
            (sell_of(&[one, shell], 1), "not wood and shell"),
            (Ask::Cancel { order: bogus(one) }, "is no order of yours"),
            (Ask::Collect { order: bogus(one) }, "is no order of yours"),
        ] {
            let refusal = ann.refused(Request::Market(ask)).await;
            assert!(refusal.contains(reason), "{refusal}");
        }
        assert_eq!(ann.own().await, (START_GOLD, ann.pack.clone()));

        let order = placed(ann.ask(Request::Market(sell_of(&[one], 10))).await);
        let refusal = ann.refused(Request::Market(buy_of(1, 10))).await;
        assert!(refusal.contains("you would trade with yourself"), "{refusal}");
        let refusal = ann.refused(collect(order.order)).await;
        assert!(refusal.contains("nothing waits in order"), "{refusal}");
        for _ in 1..ORDERS_MAX {
            ann.ask(Request::Market(buy_of(1, 1))).await;
        }
        let refusal = ann.refused(Request::Market(sell_of(&[two], 10))).await;
        assert!(refusal.contains("you have 10 orders already"), "{refusal}");
        assert_eq!(ann.own().await, (START_GOLD - 9, vec![ann.pack[0], ann.pack[2], ann.pack[3]]));
    });
}

#[test]
fn what_was_paid_is_remembered() {
    on_an_island_with_wood(async |server| {
        let ann = Visitor::join(server, "ann").await;
        let bob = Visitor::join(server, "bob").await;
        for price in [7, 5] {
            sell(&ann, 1, price).await;
            buy(&bob, 1, 9).await;
        }
        let Some(Event::Market(Told::Prices { kind: Kind::Wood, sales, hours })) =
            ann.ask(Request::Market(Ask::Prices(Kind::Wood))).await
        else {
            panic!("Prices was not answered with prices");
        };
        assert_eq!(
            sales.iter().map(|sale| (sale.price, sale.amount)).collect::<Vec<_>>(),
            [(7, 1), (5, 1)]
        );
        // An hour of the island may end between the two.
        let (first, last) = (hours[0], hours[hours.len() - 1]);
        assert_eq!((first.open, first.high, last.low, last.close), (7, 7, 5, 5));
        assert_eq!(hours.iter().map(|hour| hour.amount).sum::<u64>(), 2);
        match ann.ask(Request::Market(Ask::Prices(Kind::Stew))).await {
            Some(Event::Market(Told::Prices { sales, hours, .. })) => {
                assert_eq!((sales.len(), hours.len()), (0, 0));
            }
            other => panic!("Prices was answered {other:?}"),
        }
    });
}

pub(crate) async fn wood_of(visitor: &Visitor) -> Vec<Ref<Item>> {
    let pack = visitor.own().await.1;
    pack.iter().filter(|thing| thing.kind == Kind::Wood).map(|thing| thing.item).collect()
}

/// Joins, and looks at what newcomers have got here.
async fn laden(server: SocketAddr, name: &str) -> Visitor {
    let mut visitor = Visitor::join(server, name).await;
    visitor.pack = visitor.own().await.1;
    visitor
}

/// Joins again, as soon as the server has noticed that the player left.
pub(crate) async fn back(server: SocketAddr, name: &str) -> Visitor {
    loop {
        match Visitor::try_join(server, name).await {
            Ok(visitor) => return visitor,
            Err(reason) => assert!(reason.contains("is here already"), "{reason}"),
        }
    }
}

fn on_an_island_with_wood(story: impl AsyncFnOnce(SocketAddr)) {
    on_a_checked_island(endowed(&[Kind::Wood; 3]), story);
}

/// Sells some of the visitor's wood.
pub(crate) async fn sell(who: &Visitor, amount: usize, price: u64) -> SeenOrder {
    let mut things = wood_of(who).await;
    things.truncate(amount);
    assert_eq!(things.len(), amount, "{} has not so much wood", who.name);
    let order = placed(who.ask(Request::Market(Ask::Sell { things, price })).await);
    assert_eq!((order.side, order.kind, order.price), (Side::Sell, Kind::Wood, price));
    order
}

/// Orders some wood.
pub(crate) async fn buy(who: &Visitor, amount: u32, price: u64) -> SeenOrder {
    let ask = Ask::Buy { kind: Kind::Wood, amount, price };
    let order = placed(who.ask(Request::Market(ask)).await);
    assert_eq!((order.side, order.kind, order.price), (Side::Buy, Kind::Wood, price));
    order
}

pub(crate) fn cancel(order: Ref<Order>) -> Request {
    Request::Market(Ask::Cancel { order })
}

pub(crate) fn collect(order: Ref<Order>) -> Request {
    Request::Market(Ask::Collect { order })
}

fn placed(answer: Option<Event>) -> SeenOrder {
    match answer {
        Some(Event::Market(Told::Placed { order, .. })) => order,
        other => panic!("an order that was placed was expected, and not {other:?}"),
    }
}

fn collected(answer: Option<Event>) -> (SeenOrder, u64, Vec<PackItem>) {
    match answer {
        Some(Event::Market(Told::Collected { order, gold, pack })) => (order, gold, pack),
        other => panic!("what was collected was expected, and not {other:?}"),
    }
}

async fn filled(visitor: &mut Visitor) -> (SeenOrder, u32, u64) {
    let told = visitor.until(|event| match event {
        Event::Market(Told::Filled { order, amount, price }) => Some((order, amount, price)),
        _ => None,
    });
    told.await
}

/// What sellers and buyers of wood want.
async fn book(visitor: &Visitor) -> (Vec<Level>, Vec<Level>) {
    match visitor.ask(Request::Market(Ask::Book(Kind::Wood))).await {
        Some(Event::Market(Told::Book { kind: Kind::Wood, sells, buys })) => (sells, buys),
        other => panic!("Book was answered {other:?}"),
    }
}

pub(crate) async fn orders(visitor: &Visitor) -> Vec<SeenOrder> {
    match visitor.ask(Request::Market(Ask::Orders)).await {
        Some(Event::Market(Told::Orders(orders))) => orders,
        other => panic!("Orders was answered {other:?}"),
    }
}

/// What the market keeps of a sale.
fn fee(gold: u64) -> u64 {
    gold * MARKET_FEE_PERCENT / 100
}

/// A reference that a client made up: to something that is no order.
fn bogus(item: Ref<Item>) -> Ref<Order> {
    Ref::from_id(item.id())
}
