//! Ann does not stop: to shout, to talk, to walk or to strike a tree. After a while she has to.

use std::time::Duration;

use daystar::Ref;
use sample_game::Tideland;
use sample_game::guilds;
use sample_game::island::Direction;
use sample_game::messages::{Event, Request};
use sample_game::settings::{ACT_BURST, SAY_BURST, SHOUT_BURST};

use crate::visit::{Visitor, on_an_island, on_an_island_of};

/// So many that they would take minutes if all of them were done at the pace that is allowed.
const MANY: u32 = 10_000;

#[test]
fn who_shouts_without_a_stop_is_hoarse() {
    on_an_island(async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let bob = Visitor::join(server, "bob").await;
        let shout = |number: u32| Request::Shout(number.to_string());
        let (number, refusal) = until_refused(&ann, shout).await;
        assert!(number >= SHOUT_BURST, "refused after {number}");
        assert!(refusal.contains("you are hoarse; shout again in "), "{refusal}");
        // Bob is not, and Ann can still talk. What was refused was not heard.
        bob.ask(Request::Shout("calm down".to_owned())).await;
        ann.ask(Request::Say("sorry".to_owned())).await;
        let mut heard = Vec::new();
        let end = ann.until(|event| match event {
            Event::Shouted { text, .. } => {
                heard.push(text);
                None
            }
            Event::Said { .. } => Some(()),
            _ => None,
        });
        end.await;
        let mut expected: Vec<_> = (0..number).map(|number| number.to_string()).collect();
        expected.push("calm down".to_owned());
        assert_eq!(heard, expected);
    });
}

#[test]
fn who_talks_without_a_stop_is_not_heard_any_more_near_or_by_the_guild() {
    on_an_island(async |server| {
        let found = guilds::Ask::Found { name: "herons".to_owned() };
        let near = |_| Request::Say("and".to_owned());
        let guild = |_| Request::Guild(guilds::Ask::Say("and".to_owned()));
        for (name, say) in [("ann", &near as &dyn Fn(u32) -> Request), ("bob", &guild)] {
            let visitor = Visitor::join(server, name).await;
            if name == "bob" {
                visitor.ask(Request::Guild(found.clone())).await;
            }
            let (number, refusal) = until_refused(&visitor, say).await;
            assert!(number >= SAY_BURST, "refused after {number}");
            assert!(refusal.contains("you talk too fast; say it in "), "{refusal}");
        }
    });
}

#[test]
fn who_walks_or_works_without_a_stop_is_out_of_breath() {
    let act_every = Duration::from_secs(60 * 60);
    on_an_island_of(Tideland { act_every, ..Tideland::default() }, async |server| {
        let ann = Visitor::join(server, "ann").await;
        // To and fro, which can be done for as long as one likes.
        let open = |way: &Direction| ann.at.step(*way).is_some_and(|to| to.tile().is_open());
        let to = Direction::ALL.into_iter().find(open).expect("no island of one tile");
        let fro = match to {
            Direction::North => Direction::South,
            Direction::East => Direction::West,
            Direction::South => Direction::North,
            Direction::West => Direction::East,
        };
        let walk = |number| Request::Walk(if number % 2 == 0 { to } else { fro });
        let (number, refusal) = until_refused(&ann, walk).await;
        assert_eq!(number, ACT_BURST);
        assert!(refusal.contains("you are out of breath; go on in 3"), "{refusal}");
        // Whoever strikes something must have breath for it, whatever that is.
        let source = Ref::from_id(ann.pack[0].item.id());
        let refusal = ann.refused(Request::Gather { source }).await;
        assert!(refusal.contains("you are out of breath"), "{refusal}");
    });
}

/// Asks until it is refused; how often it was not, and the refusal.
async fn until_refused(visitor: &Visitor, request: impl Fn(u32) -> Request) -> (u32, String) {
    for number in 0..MANY {
        if let Err(refusal) = visitor.attempt(request(number)).await {
            return (number, refusal);
        }
    }
    panic!("{} is never refused", visitor.name);
}
