//! Ann and Bob stand together, lay out what they would give, and swap it, all of it or nothing.

use std::net::SocketAddr;

use daystar::Ref;
use sample_game::island::everywhere;
use sample_game::items::{Item, Kind};
use sample_game::messages::{Event, PackItem, Request};
use sample_game::settings::{START_GOLD, TRADE_REACH};
use sample_game::trade::{Ask, Deal, Revision, SeenOffer, Told};

use crate::visit::{Visitor, brisk, endowed, on_a_checked_island, on_an_island, on_an_island_of};

#[test]
fn two_swap_what_they_have_laid_out() {
    on_a_checked_island(brisk(), async |server| {
        let (ann, mut bob) = ann_and_bob(server).await;
        let shell = bob.pack[0];
        let revision = open(&ann, "bob").await;
        assert_eq!(revision.number, 0);
        assert_eq!(offer(&ann, 30, &[]).await, at(revision, 1));
        assert_eq!(offer(&bob, 1, &[shell.item]).await, at(revision, 2));
        accept(&bob, at(revision, 2)).await;
        let answer = ann.ask(Request::Trade(Ask::Accept { revision: at(revision, 2) })).await;
        let pack = vec![ann.pack[0], shell];
        let gold = START_GOLD - 29;
        let swapped = Told::Swapped { with: "bob".to_owned(), gold, pack: pack.clone() };
        assert_eq!(answer, Some(Event::Trade(swapped)));
        let told = bob.until(|event| match event {
            Event::Trade(Told::Swapped { with, gold, pack }) => Some((with, gold, pack)),
            _ => None,
        });
        assert_eq!(told.await, ("ann".to_owned(), START_GOLD + 29, Vec::new()));
        assert_eq!(ann.own().await, (gold, pack));
        assert_eq!(bob.own().await, (START_GOLD + 29, Vec::new()));
        // It is over, so a new one can be opened.
        open(&bob, "ann").await;
    });
}

#[test]
fn both_see_every_state_of_the_deal_and_a_change_withdraws_what_was_accepted() {
    on_an_island(async |server| {
        let (mut ann, mut bob) = ann_and_bob(server).await;
        let deal = open(&ann, "bob").await;
        offer(&ann, 10, &[ann.pack[0].item]).await;
        accept(&bob, at(deal, 1)).await;
        offer(&ann, 10, &[]).await;
        let nothing = SeenOffer { gold: 0, things: Vec::new(), accepted: false };
        let ten = SeenOffer { gold: 10, ..nothing.clone() };
        let with_shell = SeenOffer { things: vec![ann.pack[0]], ..ten.clone() };
        let accepted = SeenOffer { accepted: true, ..nothing.clone() };
        assert_eq!(told(&mut ann).await, (with_shell.clone(), accepted, 1));
        for (theirs, revision) in [(nothing.clone(), 0), (with_shell, 1), (ten, 2)] {
            assert_eq!(told(&mut bob).await, (nothing.clone(), theirs, revision));
        }
        for trader in [&ann, &bob] {
            let accept = Ask::Accept { revision: at(deal, 1) };
            let refusal = trader.refused(Request::Trade(accept)).await;
            assert!(refusal.contains("the deal has changed"), "{refusal}");
        }
        // Bob's first acceptance counts no more.
        accept(&ann, at(deal, 2)).await;
        assert_eq!((ann.own().await.0, bob.own().await.0), (START_GOLD, START_GOLD));
    });
}

#[test]
fn who_is_told_late_does_not_accept_the_next_deal_for_the_last() {
    on_an_island(async |server| {
        let (ann, bob) = ann_and_bob(server).await;
        let last = open(&ann, "bob").await;
        offer(&bob, 5, &[]).await;
        bob.ask(Request::Trade(Ask::Cancel)).await;
        let next = open(&bob, "ann").await;
        offer(&bob, 0, &[bob.pack[0].item]).await;
        accept(&bob, at(next, 1)).await;
        let refusal = ann.refused(Request::Trade(Ask::Accept { revision: at(last, 1) })).await;
        assert!(refusal.contains("that deal is over"), "{refusal}");
        assert_eq!(bob.own().await, (START_GOLD, bob.pack.clone()));
    });
}

#[test]
fn deals_that_cannot_be_are_refused() {
    on_an_island(async |server| {
        let (ann, bob) = ann_and_bob(server).await;
        let mut cid = Visitor::join(server, "cid").await;
        for (who, reason) in
            [("ann", "that is yourself"), ("dan", "nobody on the island is called \"dan\"")]
        {
            let refusal = ann.refused(Request::Trade(Ask::Open { with: who.to_owned() })).await;
            assert!(refusal.contains(reason), "{refusal}");
        }
        let no_deal: Ref<Deal> = Ref::from_id(ann.pack[0].item.id());
        let revision = Revision { deal: no_deal, number: 0 };
        for ask in
            [Ask::Offer { gold: 1, things: Vec::new() }, Ask::Accept { revision }, Ask::Cancel]
        {
            let refusal = ann.refused(Request::Trade(ask)).await;
            assert!(refusal.contains("you are in no deal"), "{refusal}");
        }
        let far = everywhere()
            .find(|place| place.tile().is_open() && place.distance(ann.at) > TRADE_REACH)
            .expect("a large island");
        cid.walk_to(far, 0).await;
        let refusal = cid.refused(Request::Trade(Ask::Open { with: "ann".to_owned() })).await;
        assert!(refusal.contains("ann is too far away"), "{refusal}");

        open(&ann, "bob").await;
        cid.walk_to(ann.at, 0).await;
        let refusal = cid.refused(Request::Trade(Ask::Open { with: "ann".to_owned() })).await;
        assert!(refusal.contains("ann is in a deal with someone else"), "{refusal}");
        let refusal = ann.refused(Request::Trade(Ask::Open { with: "cid".to_owned() })).await;
        assert!(refusal.contains("you are in a deal already"), "{refusal}");

        let (mine, not_mine) = (ann.pack[0].item, bob.pack[0].item);
        for (gold, things, reason) in [
            (START_GOLD + 1, vec![], "ann has only 100 gold, and offers 101"),
            (0, vec![not_mine], "is not in the pack of ann"),
            (0, vec![mine, mine], "is offered twice"),
            (0, vec![mine; 1_000], "are too many"),
        ] {
            let refusal = ann.refused(Request::Trade(Ask::Offer { gold, things })).await;
            assert!(refusal.contains(reason), "{refusal}");
        }
        cid.leave().await;
        bob.leave().await;
        let mut ann = ann;
        assert_eq!(
            ended(&mut ann).await,
            ("bob".to_owned(), "the other has left the game".to_owned())
        );
        let refusal = ann.refused(Request::Trade(Ask::Open { with: "bob".to_owned() })).await;
        assert!(refusal.contains("bob is not in the game"), "{refusal}");
    });
}

#[test]
fn what_is_not_there_any_more_is_not_swapped() {
    on_a_checked_island(brisk(), async |server| {
        let (ann, bob) = ann_and_bob(server).await;
        let shell = ann.pack[0].item;
        let deal = open(&ann, "bob").await;
        offer(&ann, 5, &[shell]).await;
        offer(&bob, START_GOLD, &[]).await;
        ann.ask(Request::ThrowAway { item: shell }).await;
        accept(&ann, at(deal, 2)).await;
        let refusal = bob.refused(Request::Trade(Ask::Accept { revision: at(deal, 2) })).await;
        assert!(refusal.contains("is not in the pack of ann"), "{refusal}");

        // Nothing was swapped, and the deal can still be changed.
        assert_eq!((ann.own().await.0, bob.own().await.0), (START_GOLD, START_GOLD));
        assert_eq!(offer(&ann, 5, &[]).await, at(deal, 3));
        bob.ask(Request::GiveGold { to: "ann".to_owned(), gold: 1 }).await;
        accept(&ann, at(deal, 3)).await;
        let refusal = bob.refused(Request::Trade(Ask::Accept { revision: at(deal, 3) })).await;
        assert!(refusal.contains("bob has only 99 gold, and offers 100"), "{refusal}");
        assert_eq!(offer(&bob, START_GOLD - 1, &[]).await, at(deal, 4));
        accept(&bob, at(deal, 4)).await;
        ann.ask(Request::Trade(Ask::Accept { revision: at(deal, 4) })).await;
        assert_eq!(ann.own().await, (2 * START_GOLD - 5, Vec::new()));
        assert_eq!(bob.own().await, (5, bob.pack.clone()));
    });
}

#[test]
fn a_deal_ends_when_one_calls_it_off_walks_away_or_leaves() {
    on_a_checked_island(brisk(), async |server| {
        let (mut ann, mut bob) = ann_and_bob(server).await;
        let place = ann.at;
        open(&ann, "bob").await;
        bob.ask(Request::Trade(Ask::Cancel)).await;
        for (trader, with) in [(&mut ann, "bob"), (&mut bob, "ann")] {
            let why = "bob has called it off".to_owned();
            assert_eq!(ended(trader).await, (with.to_owned(), why));
        }

        open(&ann, "bob").await;
        let away = everywhere()
            .find(|to| to.tile().is_open() && to.distance(place) == TRADE_REACH + 1)
            .expect("a large island");
        bob.walk_to(away, 0).await;
        for (trader, with) in [(&mut ann, "bob"), (&mut bob, "ann")] {
            let why = "bob has walked away".to_owned();
            assert_eq!(ended(trader).await, (with.to_owned(), why));
        }

        bob.walk_to(place, 0).await;
        open(&ann, "bob").await;
        let bob = bob.come_back(server).await;
        assert_eq!(ended(&mut ann).await.0, "bob");
        open(&bob, "ann").await;
    });
}

#[test]
fn packs_that_are_full_can_swap_one_for_one() {
    on_an_island_of(endowed(&[Kind::Ore; 9]), async |server| {
        let (ann, bob) = ann_and_bob(server).await;
        let (mine, theirs) = (ann.own().await.1[1].item, bob.own().await.1[1].item);
        let deal = open(&ann, "bob").await;
        offer(&ann, 0, &[mine]).await;
        accept(&bob, at(deal, 1)).await;
        let refusal = ann.refused(Request::Trade(Ask::Accept { revision: at(deal, 1) })).await;
        assert!(refusal.contains("bob carries"), "{refusal}");

        offer(&bob, 0, &[theirs]).await;
        accept(&bob, at(deal, 2)).await;
        ann.ask(Request::Trade(Ask::Accept { revision: at(deal, 2) })).await;
        let has = |pack: Vec<PackItem>, item| pack.iter().any(|thing| thing.item == item);
        assert!(has(ann.own().await.1, theirs) && has(bob.own().await.1, mine));
    });
}

async fn ann_and_bob(server: SocketAddr) -> (Visitor, Visitor) {
    let ann = Visitor::join(server, "ann").await;
    let mut bob = Visitor::join(server, "bob").await;
    bob.walk_to(ann.at, 0).await;
    (ann, bob)
}

/// Opens a deal. Its revision.
async fn open(who: &Visitor, with: &str) -> Revision {
    revision(who.ask(Request::Trade(Ask::Open { with: with.to_owned() })).await)
}

/// Lays something out. The deal's revision then.
async fn offer(who: &Visitor, gold: u64, things: &[Ref<Item>]) -> Revision {
    revision(who.ask(Request::Trade(Ask::Offer { gold, things: things.to_vec() })).await)
}

/// Accepts as the first of the two.
async fn accept(who: &Visitor, with: Revision) {
    let answer = who.ask(Request::Trade(Ask::Accept { revision: with })).await;
    assert_eq!(revision(answer), with);
}

/// Another state of the same deal.
fn at(of: Revision, number: u32) -> Revision {
    Revision { number, ..of }
}

fn revision(answer: Option<Event>) -> Revision {
    match answer {
        Some(Event::Trade(Told::Deal { revision, .. })) => revision,
        other => panic!("a deal was expected, and not {other:?}"),
    }
}

/// How a deal stands that the other has changed: one's own side, the other, and the revision.
async fn told(visitor: &mut Visitor) -> (SeenOffer, SeenOffer, u32) {
    let told = visitor.until(|event| match event {
        Event::Trade(Told::Deal { yours, theirs, revision, .. }) => {
            Some((yours, theirs, revision.number))
        }
        _ => None,
    });
    told.await
}

/// With whom a deal has ended, and why.
async fn ended(visitor: &mut Visitor) -> (String, String) {
    let told = visitor.until(|event| match event {
        Event::Trade(Told::Ended { with, why }) => Some((with, why)),
        _ => None,
    });
    told.await
}
