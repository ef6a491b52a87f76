//! Tests of what a character enters that happens to it.

use std::collections::BTreeMap;

use daystar_model::{ObjectId, Space};
use sample_game::island::{Tile, everywhere};
use sample_game::market::{SeenOrder, Side};
use sample_game::messages::PackItem;
use sample_game::trade::{Revision, SeenOffer, Told};

use super::*;
use crate::ledger::Ledger;

fn shell(index: u64) -> PackItem {
    PackItem { item: Ref::from_id(ObjectId::new(Space::Object, index)), kind: Kind::Shell }
}

/// Two places on the beach that are far from each other.
fn places() -> [Position; 2] {
    let mut beach = everywhere().filter(|at| at.tile() == Tile::Sand);
    let first = beach.next().expect("a beach");
    let far = beach.find(|at| at.distance(first) > 20).expect("a long beach");
    [first, far]
}

fn you(at: Position, gold: u64, pack: Vec<PackItem>) -> Event {
    let name = "ann".to_owned();
    Event::You { name, at, gold, pack, health: 90, fame: 0, hour: 9, is_night: false }
}

/// Ann with 100 gold and a shell.
fn ann(ledger: &Ledger) -> Character {
    let mut ann = Character::new(ledger.page("ann"), Done::default());
    ann.joined();
    ann.heard(you(places()[0], 100, vec![shell(1)]));
    ann
}

fn died(at: Position) -> Event {
    let things = vec![shell(1).item];
    Event::Fight(fights::Told::Died { by: "a wolf".to_owned(), at, gold: 50, things })
}

fn sold(left: u32) -> Event {
    let order = Ref::from_id(ObjectId::new(Space::Object, 9));
    let (side, kind) = (Side::Sell, Kind::Wood);
    let order =
        SeenOrder { order, side, kind, price: 40, amount: 3, left, waiting: 0, taken_back: 0 };
    Event::Market(market::Told::Filled { order, amount: 1, price: 40 })
}

/// What the ledger finds wrong if this is what the server says that she has.
fn audited(ledger: &Ledger, has: Holdings) -> Vec<String> {
    ledger.audit(BTreeMap::from([("ann".to_owned(), has)])).differences
}

#[test]
fn what_happens_by_itself_is_entered() {
    let ledger = Ledger::kept();
    let mut ann = ann(&ledger);
    ann.heard(sold(2));
    ann.heard(died(places()[1]));
    assert_eq!(ann.position(), Some(places()[1]));
    let has = Holdings::default().with(GOLD, 100 + 38 - 50).with(place(places()[1]), 1);
    assert_eq!(ann.holdings(), has);
    assert_eq!(audited(&ledger, has.clone()), Vec::<String>::new());
    assert_eq!(audited(&ledger, has.with(GOLD, 1)).len(), 1);
}

#[test]
fn what_happens_behind_a_statement_belongs_to_the_time_after_the_audit() {
    let ledger = Ledger::kept();
    let mut ann = ann(&ledger);
    let (before, after) = (ann.holdings(), Holdings::default().with(GOLD, 50));
    ann.has_stated = true;
    ann.heard(died(places()[1]));
    assert_eq!(audited(&ledger, before), Vec::<String>::new());
    ann.begin_act();
    assert_eq!(audited(&ledger, after.with(place(places()[1]), 1)), Vec::<String>::new());
}

#[test]
fn who_must_have_died_is_not_judged_and_who_was_robbed_is() {
    let [first, far] = places();
    for (at, gold, pack, is_unsure) in [
        (first, 100, vec![shell(1)], false),
        (first, 40, vec![], false),
        (far, 100, vec![shell(1)], false),
        (far, 50, vec![], true),
    ] {
        let mut ann = ann(&Ledger::kept());
        ann.joined();
        ann.heard(you(at, gold, pack));
        assert_eq!(ann.is_unsure, is_unsure, "{at}, {gold}");
    }
}

#[test]
fn orders_filled_unheard_are_found_and_entered_however_their_fees_were_rounded() {
    let mut first = sold(3);
    if let Event::Market(market::Told::Filled { order, .. }) = &mut first {
        order.price = 50;
    }
    for fee in [6, 7] {
        let ledger = Ledger::kept();
        let mut ann = ann(&ledger);
        let Event::Market(market::Told::Filled { order, .. }) = first.clone() else { return };
        ann.orders.told(order);
        ann.enter_news(&[]);
        let has = ann.holdings().with(GOLD, 150 - fee);
        assert_eq!(audited(&ledger, has.clone()), Vec::<String>::new(), "{fee}");
        assert_eq!(audited(&ledger, has.with(GOLD, 10)).len(), 1, "{fee}");
    }
}

#[test]
fn orders_expired_unheard_are_found_and_their_gold_is_entered() {
    for (is_heard, has_waiting) in [(false, false), (false, true), (true, true)] {
        let ledger = Ledger::kept();
        let mut ann = ann(&ledger);
        let Event::Market(market::Told::Filled { order, .. }) = sold(3) else { return };
        let placed = SeenOrder { side: Side::Buy, ..order };
        ann.orders.told(placed);
        let expired = if has_waiting {
            SeenOrder { left: 0, waiting: 1, taken_back: 2, ..placed }
        } else {
            SeenOrder { left: 0, taken_back: 3, ..placed }
        };
        let gold = u64::from(expired.taken_back) * placed.price;
        if is_heard {
            let (amount, price) = (1, placed.price);
            let filled = SeenOrder { left: 2, waiting: 1, ..placed };
            ann.heard(Event::Market(market::Told::Filled { order: filled, amount, price }));
            ann.heard(Event::Market(market::Told::Expired { order: expired, gold }));
        }
        // Of an order to buy in which nothing waits there is nothing any more.
        ann.enter_news(if has_waiting { std::slice::from_ref(&expired) } else { &[] });
        let has = Holdings::default().with(GOLD, 100 + i128::from(gold));
        let has = has.with(thing(shell(1).item, Kind::Shell), 1).with(place(places()[0]), 1);
        assert_eq!(audited(&ledger, has.clone()), Vec::<String>::new(), "{expired:?}");
        assert_eq!(audited(&ledger, has.with(GOLD, -1)).len(), 1, "{expired:?}");
        assert_eq!(ann.wrong, Vec::<String>::new());
    }
}

#[test]
fn an_order_that_stands_as_it_never_did_is_for_the_audit_to_judge() {
    let ledger = Ledger::kept();
    let mut ann = ann(&ledger);
    let Event::Market(market::Told::Filled { order, .. }) = sold(3) else { return };
    ann.orders.told(SeenOrder { left: 1, ..order });
    ann.enter_news(&[SeenOrder { left: 2, ..order }]);
    let found = audited(&ledger, ann.holdings());
    assert!(found.len() == 1 && found[0].starts_with("ann: was told that 1 are left"), "{found:?}");
    // Behind a crash that a lax server may have lost something in, that is all.
    assert_eq!(ann.wrong, Vec::<String>::new());
    assert_eq!(audited(&ledger, ann.holdings()), Vec::<String>::new());
}

#[test]
fn a_swap_is_what_was_agreed_to_and_one_that_was_not_is_wrong() {
    let mut ann = ann(&Ledger::kept());
    let swapped = || Told::Swapped { with: "bob".to_owned(), gold: 0, pack: Vec::new() };
    ann.heard(Event::Trade(swapped()));
    assert_eq!(ann.wrong.len(), 1);
    let offer = |gold| SeenOffer { gold, things: Vec::new(), accepted: true };
    let (yours, theirs) = (offer(7), offer(2));
    let with = "bob".to_owned();
    let deal = Ref::from_id(ObjectId::new(Space::Object, 9));
    let revision = Revision { deal, number: 3 };
    ann.heard(Event::Trade(Told::Deal { with, yours, theirs, revision }));
    ann.dealing.agree();
    ann.heard(Event::Trade(swapped()));
    assert_eq!((ann.account.gold, ann.wrong.len()), (95, 1));
}
