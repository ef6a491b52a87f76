//! The server is stopped and started again: whoever comes back finds everything as it was.

use std::time::Duration;

use sample_game::Tideland;
use sample_game::crafting::Recipe;
use sample_game::island::{Position, Tile, everywhere};
use sample_game::items::Kind;
use sample_game::messages::{Event, Request, SeenSource};
use sample_game::settings::{REACH, TREE_STROKES};

use crate::visit::{Visitor, brisk, endowed, on_an_island_in};

const STORE: &[Kind] = &[Kind::Bar, Kind::Plank];

#[test]
fn who_comes_back_after_a_restart_finds_everything_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut left = None;
    on_an_island_in(folder.path(), endowed(STORE), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let bob = Visitor::join(server, "bob").await;
        ann.ask(Request::Craft(Recipe::Sword)).await;
        bob.ask(Request::GiveGold { to: "ann".to_owned(), gold: 11 }).await;
        ann.walk_to(bob.at, 1).await;
        left = Some((ann.ask(Request::Me).await, ann.ask(Request::Leaders).await));
    });
    on_an_island_in(folder.path(), endowed(STORE), async |server| {
        let ann = Visitor::join(server, "ann").await;
        let found = Some((ann.ask(Request::Me).await, ann.ask(Request::Leaders).await));
        assert_eq!(found.map(without_time), left.map(without_time));
    });
}

#[test]
fn a_tree_felled_before_a_restart_comes_back_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let regrow_after = Duration::from_secs(2);
    let game = || Tideland { regrow_after, ..brisk() };
    let mut felled = None;
    on_an_island_in(folder.path(), game(), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let nearest = |place: &Position| place.distance(ann.at);
        let place = everywhere()
            .filter(|place| place.tile() == Tile::Tree)
            .min_by_key(nearest)
            .expect("an island with trees");
        ann.walk_to(place, REACH).await;
        let tree = tree_at(&ann, place).await;
        for _ in 0..TREE_STROKES {
            ann.ask(Request::Gather { source: tree.source }).await;
        }
        felled = Some(tree);
    });
    let felled = felled.expect("a tree");
    on_an_island_in(folder.path(), game(), async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        // Should it have come back before she did, there is nothing to be told.
        while tree_at(&ann, felled.at).await.left == 0 {
            let back = ann.until(|event| match event {
                Event::CameBack { at } => Some(at),
                _ => None,
            });
            assert_eq!(back.await, felled.at);
        }
        assert_eq!(tree_at(&ann, felled.at).await.left, TREE_STROKES);
    });
}

/// The answers, but for the hour, which goes on.
fn without_time((mut you, leaders): (Option<Event>, Option<Event>)) -> [Option<Event>; 2] {
    let Some(Event::You { hour, is_night, .. }) = &mut you else {
        panic!("Me was answered {you:?}");
    };
    (*hour, *is_night) = (0, false);
    [you, leaders]
}

async fn tree_at(visitor: &Visitor, place: Position) -> SeenSource {
    match visitor.ask(Request::Look).await {
        Some(Event::Seen { sources, .. }) => {
            *sources.iter().find(|seen| seen.at == place).expect("the tree is in sight")
        }
        other => panic!("Look was answered {other:?}"),
    }
}
