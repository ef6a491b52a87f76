//! Ann walks to a tree, fells it, and waits until it has grown again.

use daystar::Ref;
use sample_game::island::{Tile, everywhere};
use sample_game::items::Kind;
use sample_game::messages::{Event, Request, SeenTree};
use sample_game::settings::{REACH, TREE_STROKES};
use sample_game::trees::Tree;

use crate::visit::{Visitor, on_an_island};

#[test]
fn a_tree_falls_gives_wood_and_grows_again() {
    on_an_island(async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let seen = walk_to_a_tree(&mut ann).await;
        assert_eq!(seen.strokes_left, TREE_STROKES);
        let chop = || Request::Chop { tree: seen.tree };
        for strokes_left in (1..TREE_STROKES).rev() {
            let answer = ann.ask(chop()).await;
            assert_eq!(answer, Some(Event::Chopped { strokes_left, wood: None }));
        }
        let Some(Event::Chopped { strokes_left: 0, wood: Some(wood) }) = ann.ask(chop()).await
        else {
            panic!("the last stroke must fell the tree and give wood");
        };
        assert_eq!(wood.kind, Kind::Wood);
        assert_eq!(ann.own().await.1, [ann.pack[0], wood]);

        let felled = ann.until(|event| match event {
            Event::TreeFell { at } => Some(at),
            _ => None,
        });
        assert_eq!(felled.await, seen.at);
        let grown = ann.until(|event| match event {
            Event::TreeGrew { at } => Some(at),
            _ => None,
        });
        assert_eq!(grown.await, seen.at);
        assert_eq!(tree_seen(&ann, seen.tree).await.strokes_left, TREE_STROKES);
    });
}

#[test]
fn a_stump_and_a_tree_out_of_reach_cannot_be_chopped() {
    on_an_island(async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let seen = walk_to_a_tree(&mut ann).await;
        let chop = || Request::Chop { tree: seen.tree };
        for _ in 0..TREE_STROKES {
            ann.ask(chop()).await;
        }
        // Should it have grown again already, it is a tree, and a stroke is right.
        if let Err(refusal) = ann.attempt(chop()).await {
            assert!(refusal.contains("is only a stump"), "{refusal}");
        }
        let away = everywhere()
            .find(|place| place.tile().is_open() && place.distance(seen.at) == REACH + 1)
            .expect("land beside the tree");
        ann.walk_to(away, 0).await;
        let refusal = ann.refused(chop()).await;
        assert!(refusal.contains("is out of reach; walk next to it"), "{refusal}");
    });
}

/// Walks to the first tree of the map, and looks at it.
async fn walk_to_a_tree(visitor: &mut Visitor) -> SeenTree {
    let place =
        everywhere().find(|place| place.tile() == Tile::Tree).expect("an island with trees");
    visitor.walk_to(place, REACH).await;
    match visitor.ask(Request::Look).await {
        Some(Event::Seen { trees, .. }) => {
            *trees.iter().find(|tree| tree.at == place).expect("the tree is in sight")
        }
        other => panic!("Look was answered {other:?}"),
    }
}

async fn tree_seen(visitor: &Visitor, tree: Ref<Tree>) -> SeenTree {
    match visitor.ask(Request::Look).await {
        Some(Event::Seen { trees, .. }) => {
            *trees.iter().find(|seen| seen.tree == tree).expect("the tree is in sight")
        }
        other => panic!("Look was answered {other:?}"),
    }
}
