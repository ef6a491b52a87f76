//! P3: the events of one session run in the order in which they came, also when they are sent without waiting, and over
//! however many connections; `left` runs once for each `joined`, also when the server was killed in between.

mod bank;

use std::time::Duration;

use bank::{Bank, Event, Request, Victim, ask, be_victim, join, join_again, next_event, serve};
use daystar::{Breaks, Server};
use daystar_client::{ConnectionState, Disconnected, Incoming};
use tokio::time::timeout;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_a_server_that_was_killed_is_told_that_its_session_is_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Victim::start(folder.path());
    let address = server.address;
    let (ann, mut events) = join(address, "ann").await;
    ann.call_durable(&Request::Look).await.expect("an answer");
    server.kill();
    let _server = Victim::start_at(folder.path(), address);
    // As the client would notice by itself when nothing has come for half a minute.
    ann.break_connection();
    match events.next().await {
        Some(Incoming::Closed(Disconnected::NotResumed(_))) => {}
        other => panic!("{other:?}"),
    }
    let (ann, _events) = join_again(address, "ann").await;
    let seen = ask(&ann, Request::Look).await;
    assert!(matches!(seen, Event::Account { joined: 2, left: 1, .. }), "{seen:?}");
}

/// How often a connection is lost below, and what is said each time.
const LOSSES: u32 = 40;
const EACH: u32 = 10;

/// What `ann` hears of what she says, of which every third waits for the disk, while her connection is lost again and again.
async fn heard_over_lost_connections(breaks: Breaks) -> Vec<u32> {
    let server = Server::builder(Bank).in_memory().broken(breaks).start().expect("a server");
    let (ann, mut events) = join(server.address(), "ann").await;
    let talking = tokio::spawn(async move {
        let mut state = ann.state();
        for number in 0..LOSSES * EACH {
            let request = match number % 3 {
                0 => Request::SayDurably(number),
                _ => Request::Say(number),
            };
            if ann.send(&request).await.is_err() {
                break;
            }
            if number % EACH == EACH / 2 && state.borrow_and_update().is_connected() {
                // In turn: the server learns of it, and it does not, and goes on to send where nobody hears it.
                if (number / EACH).is_multiple_of(2) {
                    ann.abandon_connection();
                } else {
                    ann.break_connection();
                }
                // Seen to be lost, so that each loss is one of its own, and what follows is sent without a connection.
                state.changed().await.expect("a state");
            }
            if number % EACH == EACH - 1 {
                let is_settled = |state: &ConnectionState| *state != ConnectionState::Reconnecting;
                state.wait_for(is_settled).await.expect("a state");
            }
        }
        let _ = ann.send(&Request::Say(u32::MAX)).await;
        ann
    });
    let mut heard = Vec::new();
    // A server that is broken on purpose may say nothing more, or end the session.
    let patience = Duration::from_secs(5);
    while let Ok(Some(Incoming::Event(event))) = timeout(patience, events.next()).await {
        match event {
            Event::Said { number: u32::MAX, .. } => break,
            Event::Said { number, .. } => heard.push(number),
            _ => {}
        }
    }
    drop(talking.await.expect("a task"));
    server.stop().expect("a clean end");
    heard
}

fn all_in_order() -> Vec<u32> {
    (0..LOSSES * EACH).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_goes_on_in_order_over_lost_connections() {
    assert_eq!(heard_over_lost_connections(Breaks::default()).await, all_in_order());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_twice_is_seen() {
    let breaks = Breaks { received_is_ignored: true, ..Breaks::default() };
    assert_ne!(heard_over_lost_connections(breaks).await, all_in_order());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_seen() {
    let breaks = Breaks { retained_is_forgotten: true, ..Breaks::default() };
    assert_ne!(heard_over_lost_connections(breaks).await, all_in_order());
}

#[tokio::test(flavor = "multi_thread")]
async fn left_runs_once_for_one_who_does_not_come_back_and_not_for_one_who_does() {
    let builder = Server::builder(Bank).in_memory();
    let server = builder.resume_window(Duration::from_millis(300)).start().expect("a server");
    let (ann, _events) = join(server.address(), "ann").await;
    ann.break_connection();
    let seen = ask(&ann, Request::Look).await;
    assert!(matches!(seen, Event::Account { joined: 1, left: 0, .. }), "{seen:?}");
    let (bob, _events) = join(server.address(), "bob").await;
    bob.vanish();
    let (bob, _events) = join_again(server.address(), "bob").await;
    let seen = ask(&bob, Request::Look).await;
    assert!(matches!(seen, Event::Account { joined: 2, left: 1, .. }), "{seen:?}");
    server.stop().expect("a clean end");
}
