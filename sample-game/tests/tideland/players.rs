//! Ann leaves and comes back later: she finds everything as it was. Nobody can play her meanwhile.

use sample_game::messages::{Event, Request};
use sample_game::settings::START_GOLD;

use crate::visit::{Visitor, on_an_island};

#[test]
fn who_comes_back_goes_on_where_they_left_off() {
    on_an_island(async |server| {
        let mut bob = Visitor::join(server, "bob").await;
        let ann = Visitor::join(server, "ann").await;
        ann.ask(Request::GiveGold { to: "bob".to_owned(), gold: 1 }).await;
        bob.walk_to(ann.at, 0).await;
        let (place, shell) = (bob.at, bob.pack[0]);
        let bob = bob.come_back(server).await;
        assert_eq!((bob.at, bob.gold, &bob.pack[..]), (place, START_GOLD + 1, &[shell][..]));
    });
}

#[test]
fn who_is_not_in_the_game_is_not_seen_and_can_still_be_given_something() {
    on_an_island(async |server| {
        let mut ann = Visitor::join(server, "ann").await;
        let mut bob = Visitor::join(server, "bob").await;
        bob.walk_to(ann.at, 0).await;
        bob.leave().await;
        ann.until(|event| matches!(event, Event::Gone { who } if who == "bob").then_some(())).await;
        match ann.ask(Request::Look).await {
            Some(Event::Seen { players, .. }) => assert_eq!(players, []),
            other => panic!("Look was answered {other:?}"),
        }
        ann.ask(Request::GiveGold { to: "bob".to_owned(), gold: 2 }).await;
        assert_eq!(ann.own().await.0, START_GOLD - 2);
    });
}

#[test]
fn a_name_that_is_played_is_refused_and_its_player_undisturbed() {
    on_an_island(async |server| {
        let ann = Visitor::join(server, "ann").await;
        let refusal = Visitor::try_join(server, "ann").await.err().expect("a name can join once");
        assert!(refusal.contains("someone called `ann` is here already"), "{refusal}");
        assert_eq!(ann.own().await.0, START_GOLD);
    });
}

#[test]
fn a_player_may_be_called_like_a_region() {
    on_an_island(async |server| {
        let odd = Visitor::join(server, "region 8,8").await;
        assert_eq!(odd.own().await.0, START_GOLD);
    });
}
