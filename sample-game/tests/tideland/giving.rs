//! Ann and Bob give each other gold and a shell. Whatever is refused leaves both as they were.

use sample_game::items::Kind;
use sample_game::messages::{Event, Request};
use sample_game::settings::{PACK_ITEMS_MAX, START_GOLD};

use crate::visit::{Visitor, endowed, on_an_island, on_an_island_of};

#[test]
fn gold_goes_from_one_to_the_other() {
    on_an_island(async |server| {
        let ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        let answer = ann.ask(Request::GiveGold { to: "bob".to_owned(), gold: 30 }).await;
        assert_eq!(answer, Some(Event::Purse { gold: START_GOLD - 30 }));
        let got = bob.until(|event| match event {
            Event::GotGold { from, gold } => Some((from, gold)),
            _ => None,
        });
        assert_eq!(got.await, ("ann".to_owned(), 30));
        assert_eq!((ann.own().await.0, bob.own().await.0), (START_GOLD - 30, START_GOLD + 30));
    });
}

#[test]
fn gifts_of_gold_that_cannot_be_are_refused_and_change_nothing() {
    on_an_island(async |server| {
        let ann = Visitor::join(server, "ann").await;
        let bob = Visitor::join(server, "bob").await;
        let give = |to: &str, gold| Request::GiveGold { to: to.to_owned(), gold };
        for (request, reason) in [
            (give("bob", START_GOLD + 1), "you have only 100 gold"),
            (give("bob", u64::MAX), "you have only 100 gold"),
            (give("bob", 0), "name an amount"),
            (give("ann", 1), "that is yourself"),
            (give("cid", 1), "nobody on the island is called \"cid\""),
            (give("region 3,4", 1), "nobody on the island is called"),
        ] {
            let refusal = ann.refused(request).await;
            assert!(refusal.contains(reason), "{refusal}");
        }
        assert_eq!((ann.own().await.0, bob.own().await.0), (START_GOLD, START_GOLD));
    });
}

#[test]
fn an_item_leaves_one_pack_and_is_in_the_other() {
    on_an_island(async |server| {
        let ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        let shell = ann.pack[0];
        let give = || Request::GiveItem { to: "bob".to_owned(), item: shell.item };
        assert_eq!(ann.ask(give()).await, Some(Event::Pack { pack: Vec::new() }));
        let got = bob.until(|event| match event {
            Event::GotItem { from, item } => Some((from, item)),
            _ => None,
        });
        assert_eq!(got.await, ("ann".to_owned(), shell));
        assert_eq!(ann.own().await.1, []);
        assert_eq!(bob.own().await.1, [bob.pack[0], shell]);

        let refusal = ann.refused(give()).await;
        assert!(refusal.contains("is not there; Me tells"), "{refusal}");
    });
}

#[test]
fn gifts_leave_one_place_free_in_a_pack() {
    on_an_island(async |server| {
        let bob = Visitor::join(server, "bob").await;
        let give = |item| Request::GiveItem { to: "bob".to_owned(), item };
        for number in 2..PACK_ITEMS_MAX {
            let giver = Visitor::join(server, &format!("giver {number}")).await;
            giver.ask(give(giver.pack[0].item)).await;
        }
        // The last place is Bob's own.
        assert_eq!(bob.own().await.1.len(), PACK_ITEMS_MAX - 1);
        let ann = Visitor::join(server, "ann").await;
        let shell = ann.pack[0].item;
        let refusal = ann.refused(give(shell)).await;
        assert!(refusal.contains("the pack of bob has room for no more gifts"), "{refusal}");
        assert_eq!(ann.own().await.1, ann.pack);

        bob.ask(Request::ThrowAway { item: bob.pack[0].item }).await;
        assert_eq!(bob.own().await.1.len(), PACK_ITEMS_MAX - 2);
        ann.ask(give(shell)).await;
        assert_eq!(bob.own().await.1.len(), PACK_ITEMS_MAX - 1);
    });
}

#[test]
fn gifts_leave_room_for_the_heaviest_that_is_gathered() {
    // Thirteen pieces of wood and a shell; with another piece there would be no room for a piece of ore, with another shell there is.
    on_an_island_of(endowed(&[Kind::Wood; 13]), async |server| {
        let ann = Visitor::join(server, "ann").await;
        let bob = Visitor::join(server, "bob").await;
        let before = ann.own().await;
        let give = |item| Request::GiveItem { to: "bob".to_owned(), item };
        let refusal = ann.refused(give(before.1[1].item)).await;
        assert!(refusal.contains("the pack of bob has room for no more gifts"), "{refusal}");
        assert_eq!(ann.own().await, before);
        ann.ask(give(ann.pack[0].item)).await;
        assert_eq!(bob.count(Kind::Shell).await, 2);
    });
}
