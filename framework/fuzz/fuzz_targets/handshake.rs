//! Any bytes as what each side hears first, and behind it: a violation or a greeting that can be written and read again, and of
//! which nothing secret is ever printed; never a panic.

#![no_main]

use daystar_protocol::client_session::ClientSession;
use daystar_protocol::frame::{TO_CLIENT_BYTES_MAX, TO_SERVER_BYTES_MAX};
use daystar_protocol::handshake::{Credentials, HELLO_BYTES_MAX, Hello};
use daystar_protocol::server_session::{FromClient, ServerSession};
use daystar_protocol::to_server::ToServer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // As they are, and as the body of a Hello, so that not every input must find out how one begins.
    server_hears(bytes);
    let length = u32::try_from(bytes.len() + 1).expect("inputs are short");
    server_hears(&[&length.to_le_bytes()[..], &[0x01], bytes].concat());
    let mut session = ClientSession::new(TO_CLIENT_BYTES_MAX);
    let mut chunk = bytes;
    while let Ok(Some(_)) = session.handle_bytes(&mut chunk) {}
    let _ = session.handle_end();
});

fn server_hears(bytes: &[u8]) {
    let mut session = ServerSession::new(TO_SERVER_BYTES_MAX);
    let mut chunk = bytes;
    let mut is_first = true;
    while let Ok(Some(said)) = session.handle_bytes(&mut chunk) {
        assert_eq!(is_first, matches!(said, FromClient::Hello(_)), "Hello comes first, and once");
        is_first = false;
        if let FromClient::Hello(hello) = said {
            check(hello);
        }
    }
    let _ = session.handle_end();
}

fn check(hello: Hello) {
    let frame = ToServer::Hello(hello.clone()).encode();
    assert!(frame.len() <= 4 + HELLO_BYTES_MAX, "what was read is no longer than what may be sent");
    let again = ServerSession::new(TO_SERVER_BYTES_MAX).handle_bytes(&mut &frame[..]);
    assert_eq!(again, Ok(Some(FromClient::Hello(hello.clone()))));
    // Two that differ in their secrets only look alike.
    let mut other = hello.clone();
    match &mut other.credentials {
        Credentials::Name(_) => {}
        Credentials::Password { password, .. } => password.push('x'),
        Credentials::Token(token) => token.push('x'),
        Credentials::Resume { secret, .. } => secret[0] ^= 1,
    }
    assert_eq!(format!("{hello:?}"), format!("{other:?}"));
}
