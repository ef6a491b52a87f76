//! Ann and Bob fight. What is refused hurts nobody, and what the dead leave behind is all there.

use sample_game::Wild;
use sample_game::fights::{Ask, Foe, Told};
use sample_game::island::{Position, Tile};
use sample_game::items::Kind;
use sample_game::messages::{Event, Request};
use sample_game::settings::{
    BED_GOLD, FISTS, GOLD_LOST_PERCENT, HEALTH_MAX, REACH, START_GOLD, SWORD,
};
use sample_game::trade;

use crate::hunter::{NEVER, amid, still, wild};
use crate::visit::{Endowed, Visitor, on_a_checked_island};

/// What one who has the start gold loses.
pub(crate) const LOST: u64 = START_GOLD * GOLD_LOST_PERCENT / 100;

#[test]
fn who_is_slain_wakes_on_the_beach_and_leaves_gold_and_things_behind() {
    on_a_checked_island(wild(still()), async |server| {
        let meadow = amid(Tile::Grass);
        let mut ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        ann.walk_to(meadow, 0).await;
        bob.walk_to(meadow, REACH).await;
        ann.slay("bob").await;
        let (by, damage, health) = bob
            .hears(|told| match told {
                Told::Hurt { by, damage, health } => Some((by, damage, health)),
                _ => None,
            })
            .await;
        assert!(by == "ann" && FISTS.contains(&damage), "{damage} by {by}");
        assert_eq!(health, HEALTH_MAX - damage);
        let died = bob.hears(|told| match told {
            Told::Died { by, at, gold, things } => Some((by, at, gold, things)),
            _ => None,
        });
        let (by, woke, gold, things) = died.await;
        assert_eq!((&by[..], gold, &things[..]), ("ann", LOST, &[bob.pack[0].item][..]));
        match bob.ask(Request::Me).await {
            Some(Event::You { at, gold, pack, health, .. }) => {
                assert_eq!((at, at.tile(), gold), (woke, Tile::Sand, START_GOLD - LOST));
                assert_eq!((health, &pack[..]), (HEALTH_MAX, &[][..]));
            }
            other => panic!("Me was answered {other:?}"),
        }

        let lying = ann.remains().await;
        assert_eq!((lying.len(), &lying[0].of[..], &lying[0].killed_by[..]), (1, "bob", "ann"));
        assert_eq!(ann.loot(lying[0].remains).await, Ok((LOST, bob.pack.clone())));
        let both = [ann.pack[0], bob.pack[0]];
        assert_eq!(ann.own().await, (START_GOLD + LOST, both.to_vec()));
        // He can be seen and heard where he woke, and no longer where he died.
        bob.at = woke;
        ann.walk_to(woke, 0).await;
        let arrived = ann.until(|event| match event {
            Event::Moved { who, at } => (who == "ann" && at == woke).then_some(()),
            _ => None,
        });
        arrived.await;
        bob.ask(Request::Say("ow".to_owned())).await;
        let heard = ann.until(|event| matches!(event, Event::Said { .. }).then_some(event));
        assert_eq!(heard.await, Event::Said { who: "bob".to_owned(), text: "ow".to_owned() });
    });
}

#[test]
fn death_ends_a_deal() {
    on_a_checked_island(wild(still()), async |server| {
        let meadow = amid(Tile::Grass);
        let mut ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        ann.walk_to(meadow, 0).await;
        bob.walk_to(meadow, 0).await;
        // Even if the one who kills is the one who would have traded.
        ann.ask(Request::Trade(trade::Ask::Open { with: "bob".to_owned() })).await;
        ann.slay("bob").await;
        for trader in [&mut ann, &mut bob] {
            let why = trader.until(|event| match event {
                Event::Trade(trade::Told::Ended { why, .. }) => Some(why),
                _ => None,
            });
            assert_eq!(why.await, "bob has died");
        }
    });
}

#[test]
fn strikes_that_cannot_be_are_refused_and_hurt_nobody() {
    on_a_checked_island(wild(still()), async |server| {
        let (meadow, beach) = (amid(Tile::Grass), amid(Tile::Sand));
        let mut ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        let refused = async |ann: &Visitor, name: &str, reason: &str| {
            let refusal = ann.strike(Foe::Player(name.to_owned())).await.expect_err(reason);
            assert!(refusal.contains(reason), "{refusal}");
        };
        ann.walk_to(meadow, 0).await;
        bob.walk_to(meadow, 0).await;
        refused(&ann, "ann", "that is yourself").await;
        refused(&ann, "cid", "nobody on the island is called \"cid\"").await;
        bob.walk_to(Position { x: meadow.x + REACH + 1, ..meadow }, 0).await;
        refused(&ann, "bob", "is out of reach; walk next to it").await;
        for visitor in [&mut ann, &mut bob] {
            visitor.walk_to(beach, 0).await;
        }
        refused(&ann, "bob", "there is peace on the beach").await;
        assert_eq!(health(&bob).await, HEALTH_MAX);

        ann.walk_to(meadow, 0).await;
        bob.walk_to(meadow, 0).await;
        bob.leave().await;
        ann.until(|event| matches!(event, Event::Gone { who } if who == "bob").then_some(())).await;
        refused(&ann, "bob", "bob is not in the game").await;
    });
}

#[test]
fn an_arm_gets_tired() {
    on_a_checked_island(wild(Wild { strike_every: NEVER, ..still() }), async |server| {
        let meadow = amid(Tile::Grass);
        let mut ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        ann.walk_to(meadow, 0).await;
        bob.walk_to(meadow, 0).await;
        let strike = async || ann.strike(Foe::Player("bob".to_owned())).await;
        let (damage, left) = strike().await.expect("the first strike");
        assert_eq!(left, HEALTH_MAX - damage);
        let refusal = strike().await.expect_err("a second strike");
        assert!(refusal.contains("your arm is still tired; strike again in 3"), "{refusal}");
        assert!(health(&bob).await >= left);
    });
}

#[test]
fn a_sword_cuts_and_food_heals() {
    let game = Endowed(wild(still()), &[Kind::Sword, Kind::Stew, Kind::Stew]);
    on_a_checked_island(game, async |server| {
        let meadow = amid(Tile::Grass);
        let mut ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        ann.walk_to(meadow, 0).await;
        bob.walk_to(meadow, 0).await;
        let pack = bob.own().await.1;
        let eat = |index: usize| Request::Fight(Ask::Eat { item: pack[index].item });
        let stew = pack.iter().position(|item| item.kind == Kind::Stew).expect("a gift");
        let refusal = bob.refused(eat(stew)).await;
        assert!(refusal.contains("you are well"), "{refusal}");

        let mut left = HEALTH_MAX;
        while left > 50 {
            let (damage, now) = ann.strike(Foe::Player("bob".to_owned())).await.expect("a strike");
            assert!(SWORD.contains(&damage), "{damage}");
            left = now;
        }
        let refusal = bob.refused(eat(0)).await;
        assert!(refusal.contains("shell cannot be eaten"), "{refusal}");
        match bob.ask(eat(stew)).await {
            Some(Event::Fight(Told::Healed { health, .. })) => assert!(health >= left + 40),
            other => panic!("eating was answered {other:?}"),
        }
        assert_eq!(bob.own().await.1.len(), pack.len() - 1);
        let refusal = bob.refused(eat(stew)).await;
        assert!(refusal.contains("is not in your pack"), "{refusal}");
        let refusal = ann.refused(eat(stew + 1)).await;
        assert!(refusal.contains("is not in your pack"), "{refusal}");
    });
}

#[test]
fn a_bed_on_the_beach_costs_gold_and_heals_everything() {
    on_a_checked_island(Endowed(wild(still()), &[Kind::Sword]), async |server| {
        let (meadow, beach) = (amid(Tile::Grass), amid(Tile::Sand));
        let mut ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        ann.walk_to(meadow, 0).await;
        bob.walk_to(meadow, 0).await;
        for _ in 0..5 {
            ann.strike(Foe::Player("bob".to_owned())).await.expect("a strike");
        }
        let rest = || Request::Fight(Ask::Rest);
        let refusal = bob.refused(rest()).await;
        assert!(refusal.contains("beds on the beach only"), "{refusal}");
        bob.walk_to(beach, 0).await;
        let gold = START_GOLD - BED_GOLD;
        let healed = Told::Healed { health: HEALTH_MAX, gold };
        assert_eq!(bob.ask(rest()).await, Some(Event::Fight(healed)));
        assert_eq!(bob.own().await.0, gold);
        let refusal = bob.refused(rest()).await;
        assert!(refusal.contains("you are well"), "{refusal}");
        bob.ask(Request::GiveGold { to: "ann".to_owned(), gold }).await;
        let refusal = bob.refused(rest()).await;
        assert!(refusal.contains("a bed costs 5 gold, and you have 0"), "{refusal}");
    });
}

async fn health(visitor: &Visitor) -> u16 {
    match visitor.ask(Request::Me).await {
        Some(Event::You { health, .. }) => health,
        other => panic!("Me was answered {other:?}"),
    }
}
