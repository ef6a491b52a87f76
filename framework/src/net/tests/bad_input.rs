//! What no honest client does: each gets its own clear end, and nobody else notices.

use std::time::Duration;

use daystar_client::{CallError, Client, Disconnected, Events, Incoming, SendError};
use daystar_protocol::close::CloseCode;
use daystar_protocol::handshake::{ALPN, Secret};
use daystar_protocol::message::encode_message;
use daystar_protocol::to_client::ToClient;
use daystar_protocol::to_server::ToServer;

use crate::net::handler::Closed;
use crate::net::limits::Limits;
use crate::net::tests::raw;
use crate::net::tests::stand_in::{Event, Report, Request, StandIn, event, soon};

/// A client that was there before, and must go on as if nothing had happened.
struct Bystander(Client<Request, Event>, Events<Event>);

impl Bystander {
    async fn join(server: &mut StandIn) -> Self {
        let (client, events) = server.join("bystander").await;
        assert_eq!(server.report().await, Report::Opened("bystander".to_owned()));
        Self(client, events)
    }

    async fn stays_undisturbed(mut self) {
        soon(self.0.call(&Request::Flood { events: 1, bytes: 3 })).await.unwrap();
        assert_eq!(event(&mut self.1).await, Event::Flood(0, vec![0; 3]));
    }
}

#[tokio::test]
async fn garbage_instead_of_a_greeting() {
    let mut server = StandIn::start();
    let bystander = Bystander::join(&mut server).await;
    let (connection, mut send, _recv) = raw::open(&server).await;
    send.write_all(b"\x05\0\0\0\x77what?").await.unwrap();
    let (code, reason) = raw::closed(&connection).await;
    assert_eq!(code, Some(CloseCode::Violation));
    assert!(reason.contains("kind 0x77"), "{reason}");
    bystander.stays_undisturbed().await;
    assert!(!server.reported().contains(&Report::Opened(String::new())));
}

#[tokio::test]
async fn a_request_instead_of_a_greeting() {
    let server = StandIn::start();
    let (connection, mut send, _recv) = raw::open(&server).await;
    send.write_chunk(ToServer::Goodbye.encode()).await.unwrap();
    let (code, reason) = raw::closed(&connection).await;
    assert_eq!((code, &*reason), (Some(CloseCode::Violation), "the first frame must be Hello"));
}

#[tokio::test]
async fn garbage_behind_a_greeting() {
    let mut server = StandIn::start();
    let bystander = Bystander::join(&mut server).await;
    let (connection, mut send, _recv) = raw::greet(&server, "eve").await;
    send.write_all(&[1, 0, 0, 0, 0xee]).await.unwrap();
    let (code, reason) = raw::closed(&connection).await;
    assert_eq!(code, Some(CloseCode::Violation));
    assert!(reason.contains("kind 0xee"), "{reason}");
    assert_eq!(server.closed().await, ("eve".to_owned(), Closed::Dropped(reason)));
    bystander.stays_undisturbed().await;
}

#[tokio::test]
async fn a_second_greeting() {
    let mut server = StandIn::start();
    let (connection, mut send, _recv) = raw::greet(&server, "eve").await;
    send.write_chunk(ToServer::Hello(raw::hello("eve")).encode()).await.unwrap();
    let (code, reason) = raw::closed(&connection).await;
    assert_eq!(code, Some(CloseCode::Violation));
    assert_eq!(server.closed().await, ("eve".to_owned(), Closed::Dropped(reason)));
}

#[tokio::test]
async fn a_stream_cut_inside_a_frame() {
    let mut server = StandIn::start();
    let (connection, mut send, _recv) = raw::greet(&server, "eve").await;
    send.write_all(&[100, 0, 0, 0, 0x02, 1, 2, 3]).await.unwrap();
    send.finish().unwrap();
    let (code, reason) = raw::closed(&connection).await;
    assert_eq!(code, Some(CloseCode::Violation));
    assert!(reason.contains("ended inside a frame"), "{reason}");
    assert_eq!(server.closed().await, ("eve".to_owned(), Closed::Dropped(reason)));
}

#[tokio::test]
async fn a_frame_of_a_hundred_megabytes() {
    let mut server = StandIn::start();
    let bystander = Bystander::join(&mut server).await;
    let (connection, mut send, _recv) = raw::greet(&server, "eve").await;
    send.write_all(&100_000_000u32.to_le_bytes()).await.unwrap();
    let (code, reason) = raw::closed(&connection).await;
    assert_eq!(code, Some(CloseCode::TooLong));
    assert!(reason.contains("100000000 bytes is too long: at most 65536"), "{reason}");
    assert_eq!(server.closed().await, ("eve".to_owned(), Closed::Dropped(reason)));
    bystander.stays_undisturbed().await;
}

#[tokio::test]
async fn the_client_crate_does_not_send_what_is_too_long() {
    let server = StandIn::start();
    let (ann, _events) = server.join("ann").await;
    let request = Request::Echo("x".repeat(100_000_000));
    let sent = soon(ann.send(&request)).await;
    assert!(matches!(sent, Err(SendError::TooLong { bytes_max: 65536, .. })), "{sent:?}");
    let called = soon(ann.call(&request)).await;
    assert!(matches!(called, Err(CallError::TooLong { bytes_max: 65536, .. })), "{called:?}");
    assert_eq!(soon(ann.call(&Request::Nod)).await.unwrap(), None);
}

#[tokio::test]
async fn a_client_set_to_send_more_learns_why_it_was_dropped() {
    let server = StandIn::start();
    let builder = server.builder("ann").request_bytes_max(200_000_000);
    let (ann, mut events) = soon(builder.connect()).await.unwrap();
    let called = soon(ann.call(&Request::Echo("x".repeat(70_000)))).await;
    let Err(CallError::Disconnected(why)) = called else { panic!("{called:?}") };
    assert!(
        matches!(&why, Disconnected::Violation(reason) if reason.contains("at most 65536")),
        "{why}"
    );
    assert_eq!(soon(events.next()).await, Some(Incoming::Closed(why)));
}

#[tokio::test]
async fn no_greeting_in_time() {
    let hello_timeout = Duration::from_millis(300);
    let mut server = StandIn::with(Limits { hello_timeout, ..Limits::default() });
    let bystander = Bystander::join(&mut server).await;
    // One does not even open its stream, one does not finish its greeting.
    let silent = raw::connect(&server, ALPN).await.unwrap();
    let (slow, mut send, _recv) = raw::open(&server).await;
    let hello = ToServer::Hello(raw::hello("eve")).encode();
    send.write_all(&hello[..hello.len() - 1]).await.unwrap();
    for connection in [silent, slow] {
        let (code, reason) = raw::closed(&connection).await;
        assert_eq!((code, &*reason), (Some(CloseCode::HelloTimeout), "no Hello within 300ms"));
    }
    bystander.stays_undisturbed().await;
}

#[tokio::test]
async fn a_client_that_never_reads() {
    let slow_patience = Duration::from_millis(500);
    let mut server = StandIn::with(Limits { slow_patience, ..Limits::default() });
    let bystander = Bystander::join(&mut server).await;
    let flood = Request::Flood { events: 50, bytes: 1000 };
    // Who reads may be sent far more than the limit, in pieces.
    let (ann, mut events) = server.join("ann").await;
    for _ in 0..100 {
        soon(ann.call(&flood)).await.unwrap();
        for number in 0..50 {
            assert_eq!(event(&mut events).await, Event::Flood(number, vec![0; 1000]));
        }
    }
    // Who does not read gets what fits the windows and the outbox, is not read from any more, and then it is over.
    let (connection, mut send, _recv) = raw::greet(&server, "eve").await;
    for call in 1..=100 {
        let payload = encode_message(&flood).unwrap();
        if send.write_chunk(ToServer::Call { call, level: None, payload }.encode()).await.is_err() {
            break;
        }
    }
    let (code, reason) = raw::closed(&connection).await;
    assert_eq!(code, Some(CloseCode::TooSlow));
    // It was not sent as much as would be too much: that was not asked for any more.
    assert!(reason.contains("nothing could be sent to it for 500ms"), "{reason}");
    assert_eq!(server.closed().await, ("eve".to_owned(), Closed::Dropped(reason)));
    soon(ann.call(&flood)).await.unwrap();
    bystander.stays_undisturbed().await;
}

#[tokio::test]
async fn a_client_that_stops_its_servers_stream() {
    let mut server = StandIn::start();
    let (connection, mut send, mut recv) = raw::greet(&server, "eve").await;
    recv.stop(5u32.into()).unwrap();
    let payload = encode_message(&Request::Nod).unwrap();
    send.write_chunk(ToServer::Call { call: 1, level: None, payload }.encode()).await.unwrap();
    let (code, reason) = raw::closed(&connection).await;
    assert_eq!(code, Some(CloseCode::Violation));
    assert_eq!(server.closed().await, ("eve".to_owned(), Closed::Dropped(reason)));
}

#[tokio::test]
async fn a_program_that_forgets_its_events() {
    let mut server = StandIn::start();
    let builder = server.builder("ann").waiting_events_bytes_max(10_000);
    let (ann, mut events) = soon(builder.connect()).await.unwrap();
    let called = soon(ann.call(&Request::Flood { events: 100, bytes: 1000 })).await;
    let Err(CallError::Disconnected(why)) = called else { panic!("{called:?}") };
    assert!(matches!(why, Disconnected::EventsNotRead { bytes } if bytes > 10_000), "{why}");
    // What had come is still there, then the reason.
    assert_eq!(event(&mut events).await, Event::Flood(0, vec![0; 1000]));
    let last = async {
        while let Some(incoming) = events.next().await {
            if let Incoming::Closed(why) = incoming {
                return Some(why);
            }
        }
        None
    };
    assert_eq!(soon(last).await, Some(why));
    assert_eq!(server.closed().await, ("ann".to_owned(), Closed::ByClient));
}

#[tokio::test]
async fn a_program_that_wants_no_events() {
    let server = StandIn::start();
    let builder = server.builder("ann").waiting_events_bytes_max(10_000);
    let (ann, events) = soon(builder.connect()).await.unwrap();
    drop(events);
    soon(ann.call(&Request::Flood { events: 500, bytes: 1000 })).await.unwrap();
}

#[tokio::test]
async fn an_unknown_request() {
    let mut server = StandIn::start();
    let (_connection, mut send, mut recv) = raw::greet(&server, "eve").await;
    let payload = vec![0xff; 5].into();
    send.write_chunk(ToServer::Call { call: 4, level: None, payload }.encode()).await.unwrap();
    assert_eq!(server.report().await, Report::Opened("eve".to_owned()));
    assert_eq!(server.report().await, Report::Unknown("eve".to_owned()));
    let reason = "this is no request of hamlet".to_owned();
    let secret = Secret::default();
    let welcome = ToClient::Welcome { session: 1, secret, window_ms: 30_000 }.encode();
    let refused = ToClient::Refused { call: 4, reason }.encode();
    let mut answer = vec![0; welcome.len() + refused.len()];
    soon(recv.read_exact(&mut answer)).await.unwrap();
    // Behind the session's number comes the secret, which nobody can know.
    assert_eq!(answer[..6], welcome[..6]);
    assert_eq!(answer[welcome.len()..], refused);
}

#[tokio::test]
async fn an_event_of_another_game() {
    let server = StandIn::start();
    let (ann, mut events) = server.join("ann").await;
    ann.send(&Request::Nonsense).await.unwrap();
    let closed = soon(events.next()).await;
    assert!(matches!(closed, Some(Incoming::Closed(Disconnected::Unreadable(_)))), "{closed:?}");
    assert_eq!(soon(events.next()).await, None);
}
