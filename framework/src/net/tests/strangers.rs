//! What strangers may cost: connections and logins by network, time, floods; and what they are shown.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use daystar_client::{ConnectError, Trust};
use daystar_protocol::close::CloseCode;
use daystar_protocol::handshake::ALPN;
use daystar_protocol::message::encode_message;
use daystar_protocol::to_server::ToServer;
use quinn::{ConnectionError, TransportErrorCode};

use crate::net::certificate::Certificate;
use crate::net::limits::Limits;
use crate::net::resume::Broken;
use crate::net::tests::raw;
use crate::net::tests::stand_in::{Report, Request, StandIn, loopback, network, soon};

#[tokio::test]
async fn a_network_has_so_many_connections_and_gets_them_back() {
    let limits =
        Limits { connections_per_network_max: 2, is_loopback_limited: true, ..Limits::default() };
    let server = StandIn::with(limits);
    let (ann, _anns) = server.join("ann").await;
    let (_bob, _bobs) = server.join("bob").await;
    let third = soon(server.builder("cid").connect()).await;
    assert!(matches!(third, Err(ConnectError::Full { .. })), "{third:?}");
    soon(ann.close()).await;
    server.join_when_there_is_room("dan").await;
}

/// A connection that does nothing may do so for ever.
fn patient() -> Limits {
    let hello_timeout = Duration::from_secs(3600);
    Limits { hello_timeout, is_loopback_limited: true, ..Limits::default() }
}

#[tokio::test]
async fn a_network_has_so_many_connections_that_do_nothing() {
    let server = StandIn::with(Limits { handshakes_per_network_max: 3, ..patient() });
    let idle = raw::idle(&server, loopback(), 3).await;
    let fourth = raw::connect(&server, ALPN).await;
    let Err(ConnectionError::ConnectionClosed(refused)) = fourth else { panic!("{fourth:?}") };
    assert_eq!(refused.error_code, TransportErrorCode::CONNECTION_REFUSED);
    let (ann, _anns) = server.join_from(network(2), "ann").await.unwrap();
    // One that has joined is none of them.
    let (_bob, _bobs) = server.join_from(network(2), "bob").await.unwrap();
    drop(ann);
    idle[1].close(0u32.into(), b"");
    server.join_when_there_is_room("cid").await;
}

#[tokio::test]
async fn connections_that_do_nothing_make_way_when_they_take_all_places() {
    let limits = Limits { handshakes_max: 4, handshakes_per_network_max: 3, ..patient() };
    let server = StandIn::with(limits);
    let many = raw::idle(&server, network(2), 3).await;
    let one = raw::idle(&server, network(3), 1).await;
    let (_ann, _anns) = server.join_from(network(4), "ann").await.unwrap();
    let (code, reason) = raw::closed(&many[0]).await;
    assert_eq!(code, Some(CloseCode::Busy));
    assert!(reason.contains("try again in a while"), "{reason}");
    // She needs no place any more, so nobody makes way for bob.
    let (_bob, _bobs) = server.join_from(network(4), "bob").await.unwrap();
    let rest = many[1..].iter().chain(&one);
    assert!(rest.into_iter().all(|idle| idle.close_reason().is_none()));
}

#[tokio::test]
async fn a_login_under_way_makes_way_too() {
    let limits =
        Limits { handshakes_max: 2, login_timeout: Duration::from_secs(3600), ..patient() };
    let server = StandIn::with(limits);
    let mut logins = Vec::new();
    for _ in 0..2 {
        logins.push(raw::greet(&server, "sloth").await);
    }
    let (_ann, _anns) = server.join_from(network(2), "ann").await.unwrap();
    assert_eq!(raw::closed(&logins[0].0).await.0, Some(CloseCode::Busy));
}

#[tokio::test]
async fn a_network_has_so_many_logins() {
    let limits = Limits {
        logins_burst: 2,
        logins_per_minute: 0.1,
        is_loopback_limited: true,
        ..Limits::default()
    };
    let server = StandIn::with(limits);
    let (_ann, _anns) = server.join("ann").await;
    assert!(server.rejection("").await.contains("a name is needed"));
    assert!(server.rejection("bob").await.contains("too many log in from your network"));
}

#[tokio::test]
async fn a_login_that_takes_too_long_is_refused() {
    let limits = Limits { login_timeout: Duration::from_millis(50), ..Limits::default() };
    let server = StandIn::with(limits);
    assert!(server.rejection("sloth").await.contains("took longer than 50ms"));
}

#[tokio::test]
async fn who_leaves_during_a_login_leaves_room_for_others() {
    let limits =
        Limits { handshakes_max: 1, login_timeout: Duration::from_secs(3600), ..Limits::default() };
    let server = StandIn::with(limits);
    let (connection, _send, _recv) = raw::greet(&server, "sloth").await;
    // By then the login is under way, and takes the only place.
    let bob = server.builder("bob").connect_timeout(Duration::from_millis(300));
    assert!(matches!(soon(bob.connect()).await, Err(ConnectError::TimedOut { .. })));
    connection.close(0u32.into(), b"");
    let (_ann, _anns) = server.join("ann").await;
}

fn send_frame(request: &Request) -> bytes::Bytes {
    ToServer::Send { payload: encode_message(request).unwrap() }.encode()
}

#[tokio::test]
async fn more_than_the_rate_is_held_back_and_nothing_of_it_lost() {
    let limits = Limits { message_burst: 5, messages_per_second: 500.0, ..Limits::default() };
    let mut server = StandIn::with(limits);
    let (ann, _anns) = server.join("ann").await;
    assert_eq!(server.report().await, Report::Opened("ann".to_owned()));
    for number in 0..200 {
        soon(ann.send(&Request::Echo(number.to_string()))).await.unwrap();
    }
    for number in 0..200 {
        let asked = Request::Echo(number.to_string());
        assert_eq!(server.report().await, Report::Received("ann".to_owned(), asked));
    }
}

#[tokio::test]
async fn a_flood_that_goes_on_is_ended_and_others_are_not_held_up() {
    let limits = Limits {
        message_burst: 50,
        messages_per_second: 100.0,
        message_patience: Duration::from_millis(500),
        ..Limits::default()
    };
    let server = StandIn::with(limits);
    let (connection, mut send, _recv) = raw::greet(&server, "eve").await;
    let flood = tokio::spawn(async move {
        let frame = send_frame(&Request::Nod);
        while send.write_chunk(frame.clone()).await.is_ok() {}
    });
    let (bob, _bobs) = server.join("bob").await;
    for _ in 0..20 {
        soon(bob.call(&Request::Nod)).await.unwrap();
    }
    let (code, reason) = raw::closed(&connection).await;
    assert_eq!(code, Some(CloseCode::RateLimit), "{reason}");
    assert!(reason.contains("more is sent than this server allows"), "{reason}");
    soon(flood).await.unwrap();
    soon(bob.call(&Request::Nod)).await.unwrap();
}

#[tokio::test]
async fn nothing_is_taken_before_the_handshake_is_done() {
    let server = StandIn::start();
    let other = raw::server_with_0rtt(ALPN);
    let echoing = tokio::spawn({
        let other = other.clone();
        async move {
            while let Some(incoming) = other.accept().await {
                let Ok(connection) = incoming.await else { continue };
                let _ = connection.closed().await;
            }
        }
    });
    let to_ours = raw::can_0rtt(server.address).await;
    // The same client can, where it may.
    let to_other = raw::can_0rtt(other.local_addr().unwrap()).await;
    assert_eq!((to_ours, to_other), (false, true));
    echoing.abort();
}

/// Writes a new certificate and its key, of a different age than what was there.
fn write_certificate(folder: &Path, age: u64) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    write(&folder.join("chain.pem"), &made.cert.pem(), age);
    write(&folder.join("key.pem"), &made.signing_key.serialize_pem(), age);
}

fn write(path: &Path, text: &str, age: u64) {
    std::fs::write(path, text).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(age)).unwrap();
}

#[tokio::test]
async fn a_certificate_is_read_again_and_a_broken_one_left() {
    let folder = tempfile::tempdir().unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    write_certificate(folder.path(), 1);
    let certificate = Certificate::from_files(chain.clone(), key.clone()).unwrap();
    let server = StandIn::presenting(Limits::default(), certificate, Broken::default());
    let (ann, _anns) = server.join("ann").await;

    write_certificate(folder.path(), 2);
    server.presented.refresh();
    let old = soon(server.builder("bob").connect()).await;
    let Err(ConnectError::Untrusted { actual: new, .. }) = old else { panic!("{old:?}") };
    let trust = Trust::Fingerprint(new);
    soon(server.builder("bob").trust(trust).connect()).await.unwrap();
    soon(ann.call(&Request::Nod)).await.unwrap();

    // Half of the next pair is there, then nonsense: neither is used.
    let before = std::fs::read_to_string(&key).unwrap();
    write_certificate(folder.path(), 3);
    write(&key, &before, 3);
    server.presented.refresh();
    soon(server.builder("cid").trust(trust).connect()).await.unwrap();
    write(&chain, "nonsense", 4);
    server.presented.refresh();
    soon(server.builder("dan").trust(trust).connect()).await.unwrap();
}

#[test]
fn files_that_are_no_certificate_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let [chain, key] = ["chain.pem", "key.pem"].map(|name| folder.path().join(name));
    let told = || Certificate::from_files(chain.clone(), key.clone()).unwrap_err().to_string();
    assert!(told().contains("chain.pem cannot be read"), "{}", told());
    write(&chain, "nonsense", 0);
    assert!(told().contains("chain.pem holds no certificate in PEM"), "{}", told());
    write_certificate(folder.path(), 0);
    let good = std::fs::read_to_string(&chain).unwrap();
    write(&key, "nonsense", 0);
    assert!(told().contains("key.pem holds no private key in PEM"), "{}", told());
    write_certificate(folder.path(), 0);
    write(&chain, &good, 0);
    assert!(told().contains("cannot be used"), "{}", told());
}
