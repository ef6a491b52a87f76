//! Ann walks to a tree, a vein and a shoal, takes what they give, and waits until they have come back.

use std::time::Duration;

use daystar::Ref;
use sample_game::Tideland;
use sample_game::gathering::{Source, yields};
use sample_game::island::{Position, Tile, everywhere};
use sample_game::items::Kind;
use sample_game::messages::{Event, Request, SeenSource};
use sample_game::settings::{REACH, TREE_STROKES};
use tokio::task::JoinSet;

use crate::visit::{Visitor, brisk, endowed, on_a_checked_island, on_an_island, on_an_island_of};

#[test]
fn every_kind_of_source_gives_its_thing_and_comes_back() {
    on_an_island(async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        for (tile, kind) in
            [(Tile::Tree, Kind::Wood), (Tile::Vein, Kind::Ore), (Tile::Shoal, Kind::Fish)]
        {
            let seen = walk_to(&mut ann, tile).await;
            let (yielded, strokes) = yields(tile).expect("a source");
            assert_eq!((yielded, seen.kind, seen.left), (kind, kind, strokes));
            for left in (1..strokes).rev() {
                let answer = ann.ask(gather(seen)).await;
                assert_eq!(answer, Some(Event::Gathered { left, thing: None }));
            }
            let before = ann.own().await.1;
            let Some(Event::Gathered { left: 0, thing: Some(thing) }) = ann.ask(gather(seen)).await
            else {
                panic!("the last stroke must give {kind}");
            };
            assert_eq!(thing.kind, kind);
            assert_eq!(ann.own().await.1, [before, vec![thing]].concat());

            let exhausted = ann.until(|event| match event {
                Event::Exhausted { at } => Some(at),
                _ => None,
            });
            assert_eq!(exhausted.await, seen.at);
            let back = ann.until(|event| match event {
                Event::CameBack { at } => Some(at),
                _ => None,
            });
            assert_eq!(back.await, seen.at);
            assert_eq!(seen_again(&ann, seen.source).await.left, strokes);
        }
    });
}

#[test]
fn what_has_nothing_left_or_is_out_of_reach_gives_nothing() {
    on_an_island_of(endowed(&[]), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let seen = walk_to(&mut ann, Tile::Tree).await;
        for _ in 0..TREE_STROKES {
            ann.ask(gather(seen)).await;
        }
        let refusal = ann.refused(gather(seen)).await;
        assert!(refusal.contains("has nothing left; wait until it has come back"), "{refusal}");

        let away = everywhere()
            .find(|place| place.tile().is_open() && place.distance(seen.at) == REACH + 1)
            .expect("land beside the tree");
        ann.walk_to(away, 0).await;
        let refusal = ann.refused(gather(seen)).await;
        assert!(refusal.contains("is out of reach; walk next to it"), "{refusal}");
    });
}

#[test]
fn a_full_pack_leaves_the_last_stroke_to_others() {
    on_an_island_of(endowed(&[Kind::Wood; 14]), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let seen = walk_to(&mut ann, Tile::Tree).await;
        for _ in 1..TREE_STROKES {
            ann.ask(gather(seen)).await;
        }
        let refusal = ann.refused(gather(seen)).await;
        assert!(refusal.contains("ann carries 28050 g of 30000 already"), "{refusal}");
        assert_eq!(seen_again(&ann, seen.source).await.left, 1);
    });
}

#[test]
fn of_many_who_strike_the_same_tree_one_gets_the_wood() {
    let regrow_after = Duration::from_secs(3600);
    on_a_checked_island(Tideland { regrow_after, ..brisk() }, async |server| {
        let mut crowd = JoinSet::new();
        let mut first = Visitor::join(server, "first").await;
        let seen = walk_to(&mut first, Tile::Tree).await;
        let mut visitors = vec![first];
        for number in 1..8 {
            let mut visitor = Visitor::join(server, &format!("woodcutter {number}")).await;
            visitor.walk_to(seen.at, REACH).await;
            visitors.push(visitor);
        }
        for visitor in visitors {
            crowd.spawn(async move {
                let mut strokes = 0;
                while visitor.attempt(gather(seen)).await.is_ok() {
                    strokes += 1;
                }
                (strokes, visitor.count(Kind::Wood).await, visitor)
            });
        }
        let (mut strokes, mut wood) = (0, 0);
        for (struck, got, _) in crowd.join_all().await {
            strokes += struck;
            wood += got;
        }
        assert_eq!((strokes, wood), (TREE_STROKES, 1));
    });
}

fn gather(seen: SeenSource) -> Request {
    Request::Gather { source: seen.source }
}

/// Walks to the nearest source on such a tile, and looks at it.
async fn walk_to(visitor: &mut Visitor, tile: Tile) -> SeenSource {
    let nearest = |place: &Position| place.distance(visitor.at);
    let place = everywhere()
        .filter(|place| place.tile() == tile)
        .min_by_key(nearest)
        .expect("an island with such tiles");
    visitor.walk_to(place, REACH).await;
    *sources_seen(visitor).await.iter().find(|seen| seen.at == place).expect("it is in sight")
}

async fn seen_again(visitor: &Visitor, source: Ref<Source>) -> SeenSource {
    *sources_seen(visitor).await.iter().find(|seen| seen.source == source).expect("still in sight")
}

async fn sources_seen(visitor: &Visitor) -> Vec<SeenSource> {
    match visitor.ask(Request::Look).await {
        Some(Event::Seen { sources, .. }) => sources,
        other => panic!("Look was answered {other:?}"),
    }
}
