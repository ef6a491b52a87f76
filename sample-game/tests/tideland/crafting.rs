//! Ann makes things of things. What cannot be made leaves her pack as it was.

use sample_game::crafting::Recipe;
use sample_game::items::Kind;
use sample_game::messages::{Event, Request};
use tokio::task::JoinSet;

use crate::visit::{Visitor, endowed, on_a_checked_island, on_an_island_of};

#[test]
fn things_are_used_up_and_a_new_one_is_made() {
    const STORE: &[Kind] = &[
        Kind::Wood,
        Kind::Wood,
        Kind::Wood,
        Kind::Wood,
        Kind::Ore,
        Kind::Ore,
        Kind::Fish,
        Kind::Fish,
    ];
    on_a_checked_island(endowed(STORE), async |server| {
        let ann = Visitor::join(server, "ann").await;
        for recipe in [Recipe::Plank, Recipe::Bar, Recipe::Sword, Recipe::Stew] {
            let before = ann.own().await.1;
            let Some(Event::Crafted { made, used }) = ann.ask(Request::Craft(recipe)).await else {
                panic!("{recipe} must be made");
            };
            assert_eq!(made.kind, recipe.gives());
            let needed: usize = recipe.needs().iter().map(|(_, count)| count).sum();
            assert_eq!(used.len(), needed);
            let mut after = before;
            after.retain(|thing| !used.contains(&thing.item));
            after.push(made);
            assert_eq!(ann.own().await.1, after);
        }
        let left: Vec<Kind> = ann.own().await.1.iter().map(|thing| thing.kind).collect();
        assert_eq!(left, [Kind::Shell, Kind::Sword, Kind::Stew]);
    });
}

#[test]
fn where_something_is_missing_nothing_is_used_up() {
    on_an_island_of(endowed(&[Kind::Ore, Kind::Ore, Kind::Fish]), async |server| {
        let ann = Visitor::join(server, "ann").await;
        let before = ann.own().await;
        for (recipe, missing) in [
            (Recipe::Plank, "for a plank you need 2 wood, and have 0"),
            (Recipe::Bar, "for a bar you need 1 wood, and have 0"),
            (Recipe::Sword, "for a sword you need 1 bar, and have 0"),
            (Recipe::Stew, "for a stew you need 2 fish, and have 1"),
        ] {
            let refusal = ann.refused(Request::Craft(recipe)).await;
            assert!(refusal.starts_with(missing), "{refusal}");
            assert_eq!(ann.own().await, before);
        }
    });
}

#[test]
fn wood_that_is_given_away_is_not_crafted_too() {
    on_a_checked_island(endowed(&[Kind::Wood, Kind::Wood]), async |server| {
        let mut crowd = JoinSet::new();
        let mut visitors = Vec::new();
        for number in 0..8 {
            visitors.push(Visitor::join(server, &format!("carpenter {number}")).await);
        }
        for (number, visitor) in visitors.into_iter().enumerate() {
            let next = format!("carpenter {}", (number + 1) % 8);
            crowd.spawn(async move {
                let pack = visitor.own().await.1;
                for thing in pack.iter().filter(|thing| thing.kind == Kind::Wood) {
                    let give = Request::GiveItem { to: next.clone(), item: thing.item };
                    // Whether the wood or the plank comes first, either may be refused.
                    let _ = visitor.attempt(give).await;
                    let _ = visitor.attempt(Request::Craft(Recipe::Plank)).await;
                }
                visitor
            });
        }
        let (mut wood, mut planks) = (0, 0);
        for visitor in crowd.join_all().await {
            wood += visitor.count(Kind::Wood).await;
            planks += visitor.count(Kind::Plank).await;
        }
        assert_eq!(wood + 2 * planks, 16);
    });
}
