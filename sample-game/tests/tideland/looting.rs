//! Bob has died. What is left of him is taken, each part of it once, or decays.

use std::time::Duration;

use sample_game::Wild;
use sample_game::fights::{Foe, Told};
use sample_game::island::Tile;
use sample_game::items::Kind;
use sample_game::messages::Request;
use sample_game::settings::START_GOLD;
use tokio::task::JoinSet;

use crate::fights::LOST;
use crate::hunter::{amid, still, wild};
use crate::visit::{Endowed, Visitor, on_a_checked_island};

#[test]
fn remains_that_nobody_takes_decay_with_all_that_is_in_them() {
    let life = Wild { remains_last: Duration::from_millis(100), ..still() };
    on_a_checked_island(wild(life), async |server| {
        let meadow = amid(Tile::Grass);
        let mut ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        ann.walk_to(meadow, 0).await;
        bob.walk_to(meadow, 0).await;
        ann.slay("bob").await;
        let gone = ann
            .hears(|told| match told {
                Told::Cleared { remains } => Some(remains),
                _ => None,
            })
            .await;
        assert_eq!(ann.remains().await, []);
        assert!(ann.loot(gone).await.is_err());
        // The gold that decayed is nobody's: the ledger says so when the island is verified.
        assert_eq!((ann.own().await.0, bob.own().await.0), (START_GOLD, START_GOLD - LOST));
    });
}

#[test]
fn of_what_lies_there_each_takes_what_they_can_carry() {
    // Nobody can carry more than seven bars.
    let game = Endowed(wild(still()), &[Kind::Bar; 4]);
    on_a_checked_island(game, async |server| {
        let meadow = amid(Tile::Grass);
        let mut ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        ann.walk_to(meadow, 0).await;
        bob.walk_to(meadow, 0).await;
        ann.slay("bob").await;
        let left = ann.remains().await[0].remains;
        let (gold, things) = ann.loot(left).await.expect("there is something");
        let bars = things.iter().filter(|thing| thing.kind == Kind::Bar).count();
        assert_eq!((gold, bars, things.len()), (LOST, 3, 4), "three bars and a shell");
        let refusal = ann.loot(left).await.expect_err("no room");
        assert!(refusal.contains("weighs"), "{refusal}");
        ann.ask(Request::ThrowAway { item: things.last().expect("a bar").item }).await;
        assert_eq!(ann.loot(left).await.expect("one more").1.len(), 1);
        assert_eq!(ann.remains().await, []);
    });
}

#[test]
fn many_who_loot_at_once_share_what_there_is() {
    const LOOTERS: u64 = 8;
    // Each can carry two bars more, so it takes several to empty the remains.
    let game = Endowed(wild(still()), &[Kind::Bar; 5]);
    on_a_checked_island(game, async |server| {
        let meadow = amid(Tile::Grass);
        let mut bob = Visitor::join(server, "bob").await;
        bob.walk_to(meadow, 0).await;
        let mut coming = JoinSet::new();
        for number in 0..LOOTERS {
            coming.spawn(async move {
                let mut looter = Visitor::join(server, &format!("looter {number}")).await;
                looter.walk_to(meadow, 0).await;
                looter
            });
        }
        let looters = coming.join_all().await;
        // All against one; whoever strikes him when he is gone is out of reach.
        let mut looting = JoinSet::new();
        for looter in looters {
            looting.spawn(async move {
                while let Ok((_, left)) = looter.strike(Foe::Player("bob".to_owned())).await {
                    if left == 0 {
                        break;
                    }
                }
                let mut looted = (0, Vec::new());
                for left in looter.remains().await {
                    if let Ok((gold, things)) = looter.loot(left.remains).await {
                        looted.0 += gold;
                        looted.1.extend(things);
                    }
                }
                (looter, looted)
            });
        }
        let looters = looting.join_all().await;
        let gold: u64 = looters.iter().map(|(_, (gold, _))| gold).sum();
        assert_eq!((gold, bob.own().await), (LOST, (START_GOLD - LOST, Vec::new())));
        let mut things: Vec<_> = looters.iter().flat_map(|(_, (_, things))| things).collect();
        things.sort_by_key(|thing| thing.item);
        things.dedup();
        assert_eq!(things.len(), 6, "five bars and a shell, each of them once");
        for (looter, (gold, things)) in &looters {
            let (own, pack) = looter.own().await;
            assert_eq!(own, START_GOLD + gold);
            assert_eq!(pack.len(), 6 + things.len());
        }
    });
}
