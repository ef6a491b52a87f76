//! Ann and Bob meet by day and at night.

use sample_game::island::everywhere;
use sample_game::messages::{Event, Request};
use sample_game::settings::SIGHT_AT_NIGHT;
use sample_game::{Tideland, Wild};

use crate::visit::{Visitor, brisk, on_an_island_of};

/// An island whose first day begins at this hour. An hour is a minute, so the tests do not see the sun move far.
fn at(first_hour: u8) -> Tideland {
    Tideland { first_hour, wild: Wild::tame(), ..brisk() }
}

#[test]
fn a_newcomer_hears_what_time_it_is_and_can_ask() {
    for (hour, night) in [(8, false), (14, false), (21, true), (1, true)] {
        on_an_island_of(at(hour), async |server| {
            let ann = Visitor::join(server, "ann").await;
            for answer in [ann.ask(Request::Me).await, ann.ask(Request::Hour).await] {
                let Some(
                    Event::You { hour: told, is_night, .. } | Event::Hour { hour: told, is_night },
                ) = answer
                else {
                    panic!("the time was told as {answer:?}");
                };
                assert!((hour..hour + 3).contains(&told), "{told} o'clock, begun at {hour}");
                assert_eq!(is_night, night);
            }
        });
    }
}

#[test]
fn at_night_one_does_not_see_as_far_as_by_day() {
    for (hour, seen_from_afar) in [(10, 1), (0, 0)] {
        on_an_island_of(at(hour), async |server| {
            let mut ann = Visitor::join(server, "ann").await;
            let bob = Visitor::join(server, "bob").await;
            let afar = everywhere()
                .find(|p| p.tile().is_open() && p.distance(bob.at) == SIGHT_AT_NIGHT + 1)
                .expect("land near bob");
            ann.walk_to(afar, 0).await;
            assert_eq!(players_seen(&ann).await, seen_from_afar);
            ann.walk_to(bob.at, SIGHT_AT_NIGHT).await;
            assert_eq!(players_seen(&ann).await, 1);
        });
    }
}

async fn players_seen(visitor: &Visitor) -> usize {
    match visitor.ask(Request::Look).await {
        Some(Event::Seen { players, .. }) => players.len(),
        other => panic!("Look was answered {other:?}"),
    }
}
