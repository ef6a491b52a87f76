//! The ends of sessions: each is told once, with the true reason, on both sides.

use std::time::Duration;

use daystar_client::{CallError, Disconnected, Incoming, SendError};
use daystar_protocol::close::CloseCode;
use daystar_protocol::message::encode_message;
use daystar_protocol::to_server::ToServer;

use crate::net::handler::Closed;
use crate::net::limits::Limits;
use crate::net::tests::raw;
use crate::net::tests::stand_in::{Event, Report, Request, StandIn, event, soon};

#[tokio::test]
async fn a_client_says_goodbye_behind_what_it_sent() {
    let mut server = StandIn::start();
    let (ann, mut events) = server.join("ann").await;
    for number in 0..10 {
        ann.send(&Request::Echo(number.to_string())).await.unwrap();
    }
    soon(ann.close()).await;
    assert_eq!(server.report().await, Report::Opened("ann".to_owned()));
    for number in 0..10 {
        let asked = Request::Echo(number.to_string());
        assert_eq!(server.report().await, Report::Received("ann".to_owned(), asked));
    }
    assert_eq!(server.report().await, Report::Closed("ann".to_owned(), Closed::ByClient));
    assert_eq!(soon(events.next()).await, Some(Incoming::Closed(Disconnected::ByClient)));
    assert_eq!(soon(events.next()).await, None);
    let late = ann.send(&Request::Nod).await;
    assert!(matches!(late, Err(SendError::Disconnected(Disconnected::ByClient))), "{late:?}");
    let late = ann.call(&Request::Nod).await;
    assert!(matches!(late, Err(CallError::Disconnected(Disconnected::ByClient))), "{late:?}");
}

#[tokio::test]
async fn dropping_the_last_clone_is_a_goodbye() {
    let mut server = StandIn::start();
    let (ann, _events) = server.join("ann").await;
    let clone = ann.clone();
    drop(ann);
    soon(clone.call(&Request::Nod)).await.unwrap();
    clone.send(&Request::Echo("last".to_owned())).await.unwrap();
    drop(clone);
    let last = Report::Received("ann".to_owned(), Request::Echo("last".to_owned()));
    while server.report().await != last {}
    assert_eq!(server.report().await, Report::Closed("ann".to_owned(), Closed::ByClient));
}

#[tokio::test]
async fn the_game_ends_a_session_behind_what_it_sent() {
    let mut server = StandIn::start();
    let (ann, mut events) = server.join("ann").await;
    let kicked = soon(ann.call(&Request::Kick("cheating".to_owned()))).await;
    let (code, reason) = (CloseCode::Closing, "cheating".to_owned());
    let why = Disconnected::ByServer { code, reason };
    assert!(
        matches!(&kicked, Err(CallError::Disconnected(actual)) if *actual == why),
        "{kicked:?}"
    );
    assert_eq!(event(&mut events).await, Event::Told("out!".to_owned()));
    assert_eq!(soon(events.next()).await, Some(Incoming::Closed(why)));
    assert_eq!(soon(events.next()).await, None);
    let closed = server.closed().await;
    assert_eq!(closed, ("ann".to_owned(), Closed::Dropped("cheating".to_owned())));
}

#[tokio::test]
async fn a_client_that_vanishes_is_lost() {
    let mut server = StandIn::start();
    let (connection, _send, _recv) = raw::greet(&server, "ann").await;
    assert_eq!(server.report().await, Report::Opened("ann".to_owned()));
    connection.close(77u32.into(), b"crashed");
    assert_eq!(server.report().await, Report::Closed("ann".to_owned(), Closed::Lost));
}

#[tokio::test]
async fn ending_the_stream_is_a_goodbye() {
    let mut server = StandIn::start();
    let (connection, mut send, _recv) = raw::greet(&server, "ann").await;
    send.finish().unwrap();
    assert_eq!(server.closed().await, ("ann".to_owned(), Closed::ByClient));
    assert_eq!(raw::closed(&connection).await.1, "goodbye");
}

#[tokio::test]
async fn a_stopping_server_tells_everybody_and_frees_its_port() {
    let mut server = StandIn::start();
    let mut clients = Vec::new();
    for number in 0..10 {
        clients.push(server.join(&format!("visitor {number}")).await);
    }
    assert_eq!(server.reported().len(), 10, "all have joined");
    let address = server.address;
    let mut stopped = server.stop("closing time").await;
    // All were told of before the shutdown was over.
    stopped.sort_by_key(|report| format!("{report:?}"));
    let why = || Closed::Dropped("closing time".to_owned());
    let closed = (0..10).map(|number| Report::Closed(format!("visitor {number}"), why()));
    assert_eq!(stopped, closed.collect::<Vec<_>>());
    for (client, mut events) in clients {
        let (code, reason) = (CloseCode::Closing, "closing time".to_owned());
        let why = Disconnected::ByServer { code, reason };
        assert_eq!(soon(events.next()).await, Some(Incoming::Closed(why.clone())));
        let late = client.call(&Request::Nod).await;
        assert!(
            matches!(&late, Err(CallError::Disconnected(actual)) if *actual == why),
            "{late:?}"
        );
    }
    // The socket goes with quinn's own task, a moment later.
    let bound = async {
        while std::net::UdpSocket::bind(address).is_err() {
            tokio::task::yield_now().await;
        }
    };
    soon(bound).await;
}

#[tokio::test]
async fn a_stopping_server_does_not_wait_for_a_client_that_never_reads() {
    let close_timeout = Duration::from_millis(100);
    let mut server = StandIn::with(Limits { close_timeout, ..Limits::default() });
    let (connection, mut send, _recv) = raw::greet(&server, "eve").await;
    let payload = encode_message(&Request::Flood { events: 900, bytes: 1000 }).unwrap();
    send.write_chunk(ToServer::Call { call: 1, level: None, payload }.encode()).await.unwrap();
    assert_eq!(server.report().await, Report::Opened("eve".to_owned()));
    assert!(matches!(server.report().await, Report::Received(..)));
    let stopped = server.stop("closing time").await;
    let why = Closed::Dropped("closing time".to_owned());
    assert_eq!(stopped, [Report::Closed("eve".to_owned(), why)]);
    let told = raw::closed(&connection).await;
    assert_eq!(told, (Some(CloseCode::Closing), "closing time".to_owned()));
}
