//! A server that was killed and started again tells those who still send to the one before that it does not know them.

mod bank;

use std::net::Ipv4Addr;

use bank::{Victim, be_victim};
use daystar_client::Trust;
use quinn::{ConnectionError, Endpoint};

/// Not a test: the server, in a process of its own.
#[test]
fn victim() {
    be_victim();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_to_a_server_that_was_killed_is_told_so_by_the_next() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Victim::start(folder.path());
    let address = server.address;
    // Bare QUIC, to see what ends the connection.
    let socket = Endpoint::client((Ipv4Addr::LOCALHOST, 0).into()).expect("a socket");
    let config = daystar_client::tls::quic(Trust::Anyone).expect("a client");
    let connecting = socket.connect_with(config, address, "daystar").expect("a client");
    let connection = connecting.await.expect("a connection");
    let (mut stream, _reading) = connection.open_bi().await.expect("a stream");
    server.kill();
    let _server = Victim::start_at(folder.path(), address);
    stream.write_all(b"are you still there, server?").await.expect("nobody has said no yet");
    // Were it not told, the connection would end by the server's silence, in half a minute.
    let end = connection.closed().await;
    assert!(matches!(end, ConnectionError::Reset), "{end}");
}
