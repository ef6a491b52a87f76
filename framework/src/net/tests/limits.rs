//! Limits: at each there is back-pressure or a refusal that says so, and room comes back.

use std::time::Duration;

use daystar_client::{ConnectError, ConnectionState, Disconnected, Incoming};

use crate::net::handler::Closed;
use crate::net::limits::Limits;
use crate::net::tests::stand_in::{Report, Request, StandIn, loopback, soon};

#[tokio::test]
async fn a_full_server_says_so_and_has_room_again_later() {
    let mut server = StandIn::with(Limits { connections_max: 2, ..Limits::default() });
    let (ann, _anns) = server.join("ann").await;
    let (_bob, _bobs) = server.join("bob").await;
    let third = soon(server.builder("cid").connect()).await;
    assert!(matches!(third, Err(ConnectError::Full { .. })), "{third:?}");
    soon(ann.close()).await;
    assert_eq!(server.closed().await, ("ann".to_owned(), Closed::ByClient));
    server.join_when_there_is_room("dan").await;
}

#[tokio::test]
async fn those_who_come_at_once_wait_their_turn() {
    let server = StandIn::with(Limits { handshakes_max: 2, ..Limits::default() });
    let endpoint = quinn::Endpoint::client(loopback()).unwrap();
    let joining: Vec<_> = (0..40)
        .map(|number| {
            let builder = server.builder(&format!("visitor {number}")).endpoint(endpoint.clone());
            tokio::spawn(builder.connect_timeout(Duration::from_secs(20)).connect())
        })
        .collect();
    for joined in joining {
        soon(joined).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_sessions_requests_wait_when_its_queue_is_full() {
    let mut server = StandIn::with(Limits { session_requests_max: 4, ..Limits::default() });
    let (ann, _events) = server.join("ann").await;
    assert_eq!(server.report().await, Report::Opened("ann".to_owned()));
    for number in 0..40 {
        soon(ann.send(&Request::Hold(number))).await.unwrap();
    }
    for round in 0..10 {
        for place in 0..4 {
            let asked = Request::Hold(round * 4 + place);
            assert_eq!(server.report().await, Report::Received("ann".to_owned(), asked));
        }
        // Another session's are not held up, and show that ann's fifth had time to come if it could.
        let (bob, _bobs) = server.join(&format!("bob {round}")).await;
        soon(bob.call(&Request::Nod)).await.unwrap();
        drop(bob);
        let gone = format!("bob {round}");
        while server.report().await != Report::Closed(gone.clone(), Closed::ByClient) {}
        assert_eq!(server.release(), 4);
    }
}

#[tokio::test]
async fn a_client_is_no_faster_for_coming_over_a_new_connection() {
    let limits = Limits { message_burst: 10, messages_per_second: 0.001, ..Limits::default() };
    let mut server = StandIn::with(limits);
    let (ann, _events) = server.join("ann").await;
    // Nine with the greeting: one may follow, and with the next she is held.
    for _ in 0..8 {
        soon(ann.call(&Request::Nod)).await.unwrap();
    }
    let mut state = ann.state();
    ann.break_connection();
    soon(state.wait_for(|state| *state == ConnectionState::Resumed)).await.unwrap();
    for _ in 0..8 {
        soon(ann.send(&Request::Nod)).await.unwrap();
    }
    // Another's way there and back shows that hers had time to come if they could.
    let (bob, _bobs) = server.join("bob").await;
    for _ in 0..8 {
        soon(bob.call(&Request::Nod)).await.unwrap();
    }
    let is_hers = |report: &Report| matches!(report, Report::Received(name, _) if name == "ann");
    let received = server.reported().into_iter().filter(is_hers).count();
    assert!((8..=10).contains(&received), "{received} of 16 came through");
}

#[tokio::test]
async fn all_sessions_together_queue_no_more_than_the_limit() {
    let limits = Limits { queued_bytes_max: 1000, ..Limits::default() };
    let mut server = StandIn::with(limits);
    let (ann, _anns) = server.join("ann").await;
    let (bob, _bobs) = server.join("bob").await;
    // A request larger than the whole queue passes alone.
    soon(ann.call(&Request::Echo("x".repeat(5000)))).await.unwrap();
    for number in 0..20 {
        soon(ann.send(&Request::Hold(number))).await.unwrap();
        soon(bob.send(&Request::Hold(number))).await.unwrap();
    }
    let mut held = 0;
    while held < 40 {
        if let Report::Received(_, Request::Hold(_)) = server.report().await {
            held += 1;
            if held % 4 == 0 {
                // 128 bytes and a few each: never more than seven at once.
                assert!(server.release() <= 7);
            }
        }
    }
}

#[tokio::test]
async fn a_frame_beyond_the_limit_ends_the_session_it_was_for() {
    let mut server = StandIn::start();
    let (ann, mut events) = server.join("ann").await;
    ann.send(&Request::Flood { events: 1, bytes: 2_000_000 }).await.unwrap();
    let closed = soon(events.next()).await;
    let Some(Incoming::Closed(Disconnected::ByServer { reason, .. })) = closed else {
        panic!("{closed:?}")
    };
    assert!(reason.contains("over its limit"), "{reason}");
    assert_eq!(server.closed().await, ("ann".to_owned(), Closed::Dropped(reason)));
}
