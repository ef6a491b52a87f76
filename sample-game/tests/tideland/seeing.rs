//! Ann stands somewhere, Bob walks up to her: now they see and hear each other.

use sample_game::messages::{Event, Request, SeenPlayer};
use sample_game::settings::{REGION_SIDE, SAY_CHARS_MAX, SIGHT};

use crate::visit::{Visitor, on_an_island};

#[test]
fn players_see_who_is_near_and_hear_what_happens_there() {
    on_an_island(async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        bob.walk_to(ann.at, SIGHT).await;
        assert!(seen_by(&ann).await.contains(&SeenPlayer { name: "bob".to_owned(), at: bob.at }));
        assert!(seen_by(&bob).await.contains(&SeenPlayer { name: "ann".to_owned(), at: ann.at }));
        let last_step = bob.at;
        ann.until(|event| match event {
            Event::Moved { who, at } => (who == "bob" && at == last_step).then_some(()),
            _ => None,
        })
        .await;

        bob.ask(Request::Say("good morning".to_owned())).await;
        let said = ann.until(|event| match event {
            Event::Said { who, text } => Some((who, text)),
            _ => None,
        });
        assert_eq!(said.await, ("bob".to_owned(), "good morning".to_owned()));
    });
}

#[test]
fn far_away_only_a_shout_is_heard() {
    on_an_island(async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        // Two regions further nobody is near, wherever in their regions the two stand.
        let far = 3 * REGION_SIDE;
        let goal = sample_game::island::everywhere()
            .find(|place| place.tile().is_open() && place.distance(ann.at) > far)
            .expect("a large island");
        bob.walk_to(goal, 0).await;
        assert_eq!(seen_by(&bob).await, []);
        // Whatever Ann heard of Bob's walk, she heard before this.
        bob.ask(Request::Say("hello?".to_owned())).await;
        bob.ask(Request::Shout("hello!".to_owned())).await;
        let heard = ann.until(|event| match event {
            Event::Said { text, .. } | Event::Shouted { text, .. } => Some(text),
            _ => None,
        });
        assert_eq!(heard.await, "hello!");
    });
}

#[test]
fn the_sea_the_trees_and_the_cliffs_stop_a_walker() {
    on_an_island(async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let (shore, into_the_sea) = sample_game::island::everywhere()
            .filter(|place| place.tile().is_open())
            .find_map(|place| {
                let direction = sample_game::island::Direction::North;
                let next = place.step(direction)?;
                (next.tile() == sample_game::island::Tile::Water).then_some((place, direction))
            })
            .expect("an island has a shore");
        ann.walk_to(shore, 0).await;
        let refusal = ann.refused(Request::Walk(into_the_sea)).await;
        assert!(refusal.contains("is the sea; walk around it"), "{refusal}");
        match ann.ask(Request::Me).await {
            Some(Event::You { at, .. }) => assert_eq!(at, shore),
            other => panic!("Me was answered {other:?}"),
        }
    });
}

#[test]
fn what_cannot_be_said_is_refused() {
    on_an_island(async |server| {
        let ann = Visitor::join(server, "ann").await;
        for (text, reason) in [
            (" ".to_owned(), "say something"),
            ("x".repeat(SAY_CHARS_MAX + 1), "say it in parts"),
            ("a\u{7}b".to_owned(), "control character"),
        ] {
            for request in [Request::Say(text.clone()), Request::Shout(text)] {
                let refusal = ann.refused(request).await;
                assert!(refusal.contains(reason), "{refusal}");
            }
        }
    });
}

async fn seen_by(visitor: &Visitor) -> Vec<SeenPlayer> {
    match visitor.ask(Request::Look).await {
        Some(Event::Seen { players, .. }) => players,
        other => panic!("Look was answered {other:?}"),
    }
}
