//! Who has made the most swords is the most famous, however many make theirs at once.

use sample_game::crafting::Recipe;
use sample_game::items::Kind;
use sample_game::messages::{Event, Leader, Request};
use sample_game::settings::LEADERS_TOLD;
use tokio::task::JoinSet;

use crate::visit::{Visitor, endowed, on_a_checked_island, on_an_island};

/// For three swords.
const STORE: &[Kind] = &[Kind::Bar, Kind::Bar, Kind::Bar, Kind::Plank, Kind::Plank, Kind::Plank];

#[test]
fn the_first_ten_are_told_the_most_famous_first() {
    on_a_checked_island(endowed(STORE), async |server| {
        let mut smiths = JoinSet::new();
        let mut expected = Vec::new();
        for number in 0..12_u64 {
            let (name, swords) = (format!("smith {number:02}"), number % 4);
            let smith = Visitor::join(server, &name).await;
            if swords > 0 {
                expected.push(Leader { name, fame: swords * Recipe::Sword.fame() });
            }
            smiths.spawn(async move {
                for _ in 0..swords {
                    smith.ask(Request::Craft(Recipe::Sword)).await;
                }
                smith
            });
        }
        let smiths = smiths.join_all().await;
        expected.sort_by_key(|leader| (u64::MAX - leader.fame, leader.name.clone()));
        expected.truncate(LEADERS_TOLD);
        assert_eq!(leaders(&smiths[0]).await, expected);
    });
}

#[test]
fn a_deed_below_the_first_step_does_not_bring_one_onto_the_board() {
    on_a_checked_island(endowed(&[Kind::Wood, Kind::Wood]), async |server| {
        let ann = Visitor::join(server, "ann").await;
        ann.ask(Request::Craft(Recipe::Plank)).await;
        assert_eq!(leaders(&ann).await, []);
        match ann.ask(Request::Me).await {
            Some(Event::You { fame, .. }) => assert_eq!(fame, Recipe::Plank.fame()),
            other => panic!("Me was answered {other:?}"),
        }
    });
}

#[test]
fn a_new_island_has_no_leaders() {
    on_an_island(async |server| {
        let ann = Visitor::join(server, "ann").await;
        assert_eq!(leaders(&ann).await, []);
    });
}

async fn leaders(visitor: &Visitor) -> Vec<Leader> {
    match visitor.ask(Request::Leaders).await {
        Some(Event::Leaders(leaders)) => leaders,
        other => panic!("Leaders was answered {other:?}"),
    }
}
