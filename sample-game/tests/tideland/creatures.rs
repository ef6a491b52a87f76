//! Ann hunts: a crab dies, is looted and comes back; a boar strikes back; a wolf does not wait to be struck.

use std::time::Duration;

use daystar::Ref;
use sample_game::creatures::{SeenCreature, dens};
use sample_game::fights::{Foe, Told};
use sample_game::island::{Position, Tile};
use sample_game::items::{Item, Kind};
use sample_game::settings::{REACH, START_GOLD};
use sample_game::species::Species;
use sample_game::{Tideland, Wild};
use tokio::task::JoinSet;

use crate::hunter::{still, wild};
use crate::stored::inspect;
use crate::visit::{Visitor, on_a_checked_island, on_an_island_in};

#[test]
fn a_dead_creature_leaves_a_bounty_and_something_of_itself() {
    on_a_checked_island(wild(Wild { crabs: 1, ..still() }), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let crab = walk_to_the_only(&mut ann, Species::Crab).await;
        assert_eq!((crab.species, crab.health), (Species::Crab, Species::Crab.health_max()));
        assert!(ann.hunt(crab.creature).await);
        let fell = ann.hears(|told| match told {
            Told::Fell { who, by, at } => Some((who, by, at)),
            _ => None,
        });
        assert_eq!(fell.await, ("a crab".to_owned(), "ann".to_owned(), crab.at));
        assert_eq!(ann.creatures().await, []);
        let refusal = ann.strike(Foe::Creature(crab.creature)).await.expect_err("it is dead");
        assert!(refusal.contains("it is dead"), "{refusal}");

        let lying = ann.remains().await;
        let [left] = &lying[..] else { panic!("one crab leaves one thing, not {lying:?}") };
        assert_eq!((&left.of[..], &left.killed_by[..], left.at), ("a crab", "ann", crab.at));
        let (gold, things) = ann.loot(left.remains).await.expect("there is something");
        assert_eq!(gold, Species::Crab.bounty());
        assert_eq!(things.iter().map(|thing| thing.kind).collect::<Vec<_>>(), [Kind::Shell]);
        assert_eq!(ann.own().await, (START_GOLD + gold, [&ann.pack[..], &things[..]].concat()));

        let refusal = ann.loot(left.remains).await.expect_err("it is taken");
        assert!(refusal.contains("those remains are gone"), "{refusal}");
        assert_eq!(ann.remains().await, []);
    });
}

#[test]
fn a_creature_that_was_killed_before_a_restart_comes_back_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let life = Wild { crabs: 1, comes_back_after: Duration::from_secs(2), ..still() };
    let mut killed = None;
    on_an_island_in(folder.path(), wild(life.clone()), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let crab = walk_to_the_only(&mut ann, Species::Crab).await;
        assert!(ann.hunt(crab.creature).await);
        killed = Some(crab);
        ann.leave().await;
    });

    let crab = killed.expect("a crab");
    on_an_island_in(folder.path(), wild(life), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        if ann.creatures().await.is_empty() {
            let back = ann.hears(|told| match told {
                Told::Prowled { creature, at, .. } => Some((creature, at)),
                _ => None,
            });
            assert_eq!(back.await, (crab.creature, crab.at));
        }
        assert_eq!(ann.creatures().await, [crab]);
    });
}

#[test]
fn a_boar_that_is_struck_goes_for_who_struck_it() {
    let life = Wild { boars: 1, prowl_every: Duration::from_millis(50), ..still() };
    on_a_checked_island(wild(life), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        chase(&mut ann, Species::Boar).await;
        let (by, damage, health) = ann
            .hears(|told| match told {
                Told::Hurt { by, damage, health } => Some((by, damage, health)),
                _ => None,
            })
            .await;
        assert_eq!(by, "a boar");
        assert!(Species::Boar.bite().contains(&damage) && health < 100, "{damage}, {health}");

        let stood = ann.at;
        let (by, woke, gold, things) = died(&mut ann).await;
        assert_eq!((&by[..], woke.tile()), ("a boar", Tile::Sand));
        assert_eq!(things, [ann.pack[0].item]);
        assert_eq!(ann.own().await, (START_GOLD - gold, Vec::new()));

        // It has what it wanted; what is left of her lies where she stood.
        ann.at = woke;
        ann.walk_to(stood, 0).await;
        let lying = ann.remains().await;
        let left = lying.iter().find(|left| left.of == "ann").expect("her remains");
        assert_eq!((left.at, &left.killed_by[..]), (stood, "a boar"));
        let (found, things) = ann.loot(left.remains).await.expect("her things");
        assert_eq!((found, things), (gold, ann.pack.clone()));
        assert_eq!(ann.own().await, (START_GOLD, ann.pack.clone()));
    });
}

#[test]
fn a_creature_that_dozes_wakes_when_somebody_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    on_an_island_in(folder.path(), wild(Wild { boars: 1, ..still() }), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        ann.walk_to(dens(Species::Boar, 1)[0], 0).await;
        ann.leave().await;
    });
    let boars = inspect(folder.path(), &["--type", "Creature"]);
    assert_eq!(boars.len(), 1);
    assert_eq!(boars[0]["value"]["is_awake"], true, "{}", boars[0]);
}

#[test]
fn at_night_a_wolf_goes_for_everyone() {
    let life = Wild { wolves: 1, prowl_every: Duration::from_millis(50), ..still() };
    let game = Tideland { first_hour: 21, ..wild(life) };
    on_a_checked_island(game, async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        ann.walk_to(dens(Species::Wolf, 1)[0], 1).await;
        assert_eq!(died(&mut ann).await.0, "a wolf");
    });
}

#[test]
fn many_who_strike_one_creature_and_loot_its_remains_share_one_bounty_and_one_pelt() {
    const HUNTERS: u64 = 8;
    on_a_checked_island(wild(Wild { boars: 1, ..still() }), async |server| {
        let mut coming = JoinSet::new();
        for number in 0..HUNTERS {
            coming.spawn(async move {
                let mut hunter = Visitor::join(server, &format!("hunter {number}")).await;
                let boar = walk_to_the_only(&mut hunter, Species::Boar).await;
                (hunter, boar)
            });
        }
        let mut hunting = JoinSet::new();
        for (hunter, boar) in coming.join_all().await {
            hunting.spawn(async move {
                let has_killed = hunter.hunt(boar.creature).await;
                // Whoever did not find it dead has killed it, so it has fallen for everyone by now.
                let left = hunter.remains().await;
                let mut looted = (0, Vec::new());
                for left in left {
                    if let Ok((gold, things)) = hunter.loot(left.remains).await {
                        looted.0 += gold;
                        looted.1.extend(things);
                    }
                }
                (hunter, has_killed, looted)
            });
        }
        let hunters = hunting.join_all().await;
        assert_eq!(hunters.iter().filter(|(_, has_killed, _)| *has_killed).count(), 1);
        let bounty: u64 = hunters.iter().map(|(_, _, (gold, _))| gold).sum();
        assert_eq!(bounty, Species::Boar.bounty());
        let things: Vec<_> = hunters.iter().flat_map(|(_, _, (_, things))| things).collect();
        assert_eq!(things.iter().map(|thing| thing.kind).collect::<Vec<_>>(), [Kind::Pelt]);

        let (mut gold, mut pelts) = (0, 0);
        for (hunter, _, _) in &hunters {
            let (own, pack) = hunter.own().await;
            gold += own;
            pelts += pack.iter().filter(|thing| thing.kind == Kind::Pelt).count();
        }
        assert_eq!((gold, pelts), (HUNTERS * START_GOLD + bounty, 1));
    });
}

/// Walks up to the only creature of a species, which does not move.
async fn walk_to_the_only(visitor: &mut Visitor, species: Species) -> SeenCreature {
    let den = dens(species, 1)[0];
    visitor.walk_to(den, REACH).await;
    let seen = visitor.creatures().await;
    *seen.iter().find(|creature| creature.at == den).unwrap_or_else(|| panic!("{seen:?}"))
}

/// Runs after the only creature of a species until it has been struck.
async fn chase(visitor: &mut Visitor, species: Species) {
    let den = dens(species, 1)[0];
    loop {
        let Some(seen) = visitor.creatures().await.first().copied() else {
            visitor.walk_to(den, REACH).await;
            continue;
        };
        visitor.walk_to(seen.at, REACH).await;
        match visitor.strike(Foe::Creature(seen.creature)).await {
            Ok(_) => return,
            Err(refusal) => assert!(refusal.contains("out of reach"), "{refusal}"),
        }
    }
}

/// Waits for death; by whom, where one wakes, and what stays behind.
async fn died(visitor: &mut Visitor) -> (String, Position, u64, Vec<Ref<Item>>) {
    visitor
        .hears(|told| match told {
            Told::Died { by, at, gold, things } => Some((by, at, gold, things)),
            _ => None,
        })
        .await
}
