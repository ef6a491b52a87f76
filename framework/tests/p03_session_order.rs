//! P3: the events of one session run in the order in which they came, also when they are sent without waiting;
//! `left` runs once for each `joined`, also when the server was killed in between.

mod bank;

use bank::{Event, Request, Victim, ask, be_victim, join, join_again, next_event, serve};

/// Not a test: the server of the tests below, when it runs in a process of its own.
#[test]
fn victim() {
    be_victim();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_sends_is_done_in_order() {
    const EACH: u32 = 500;
    let server = serve();
    let (ann, mut ann_hears) = join(server.address(), "ann").await;
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    for number in 0..EACH {
        ann.send(&Request::Say(number)).await.expect("sent");
        bob.send(&Request::Say(number)).await.expect("sent");
    }
    let (mut from_ann, mut from_bob) = (0, 0);
    while from_ann < EACH || from_bob < EACH {
        let Event::Said { who, number } = next_event(&mut ann_hears).await else { continue };
        let expected = if who == "ann" { &mut from_ann } else { &mut from_bob };
        assert_eq!(number, *expected, "{who} was heard out of order");
        *expected += 1;
    }
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_in_flight_are_answered_each_with_its_own() {
    let server = serve();
    let (ann, _events) = join(server.address(), "ann").await;
    let (_bob, _bob_events) = join(server.address(), "bob").await;
    let mut answers = Vec::new();
    for _ in 0..50 {
        let giving = ann.clone();
        answers.push(tokio::spawn(async move {
            giving.call(&Request::Give { to: "bob".to_owned(), gold: 3 }).await
        }));
    }
    let mut given = 0;
    for answer in answers {
        match answer.await.expect("a task") {
            Ok(None) => given += 1,
            Ok(other) => panic!("a gift is answered with {other:?}"),
            Err(refusal) => assert_eq!(refusal.to_string(), "you have only 1 gold"),
        }
    }
    assert_eq!(given, 33, "a hundred gold are thirty-three gifts of three");
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn left_runs_once_per_joined_also_when_the_server_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    const KILLS: u32 = 3;
    for kills in 0..KILLS {
        let server = Victim::start(folder.path());
        let (ann, _events) = join_again(server.address, "ann").await;
        let seen = ask(&ann, Request::Look).await;
        assert!(
            matches!(seen, Event::Account { joined, left, .. } if joined == kills + 1 && left == kills),
            "after {kills} kills: {seen:?}"
        );
        // Told when it is on disk, and then the join before it is too.
        ann.call_durable(&Request::Look).await.expect("an answer");
        server.kill();
    }
}
