//! Who may say what, and when: both sides' views of a session against peers that keep to it and peers that do not.

use std::time::Duration;

use bytes::Bytes;
use daystar_protocol::client_session::{ClientSession, ClientSessionError, FromServer};
use daystar_protocol::close::CloseCode;
use daystar_protocol::frame::FrameError;
use daystar_protocol::handshake::{Credentials, HELLO_BYTES_MAX, Hello, Secret, VERSION};
use daystar_protocol::reject::RejectCode;
use daystar_protocol::server_session::{FromClient, ServerSession, ServerSessionError};
use daystar_protocol::to_client::ToClient;
use daystar_protocol::to_server::{Level, ToServer};

const SECRET: Secret = Secret::new([7; 32]);

fn hello() -> Hello {
    let credentials = Credentials::Name("ann".to_owned());
    Hello { version: VERSION, game: "hamlet".to_owned(), credentials }
}

fn welcome() -> ToClient {
    ToClient::Welcome { session: 5, secret: SECRET, window_ms: 30_000 }
}

fn payload() -> Bytes {
    Bytes::from_static(b"payload")
}

fn say(session: &mut ServerSession, frame: &ToServer) -> Result<FromClient, ServerSessionError> {
    let bytes = frame.encode();
    session.handle_bytes(&mut &bytes[..]).map(|said| said.expect("a whole frame says something"))
}

fn answer(session: &mut ClientSession, frame: &ToClient) -> Result<FromServer, ClientSessionError> {
    let bytes = frame.encode();
    session.handle_bytes(&mut &bytes[..]).map(|said| said.expect("a whole frame says something"))
}

#[test]
fn a_client_greets_asks_and_leaves() {
    let mut session = ServerSession::new(1 << 16);
    assert_eq!(session.handle_end(), Err(ServerSessionError::HelloExpected));
    assert_eq!(say(&mut session, &ToServer::Hello(hello())), Ok(FromClient::Hello(hello())));
    let request = |call, level| FromClient::Request { call, level, payload: payload() };
    assert_eq!(say(&mut session, &ToServer::Send { payload: payload() }), Ok(request(None, None)));
    for level in [None, Some(Level::Committed), Some(Level::Durable)] {
        let call = ToServer::Call { call: 9, level, payload: payload() };
        assert_eq!(say(&mut session, &call), Ok(request(Some(9), level)));
    }
    let acknowledged = say(&mut session, &ToServer::Ack { received: 64 });
    assert_eq!(acknowledged, Ok(FromClient::Ack { received: 64 }));
    assert_eq!(session.handle_end(), Ok(()));
    assert_eq!(say(&mut session, &ToServer::Goodbye), Ok(FromClient::Goodbye));
    assert_eq!(say(&mut session, &ToServer::Goodbye), Err(ServerSessionError::BehindGoodbye));
}

#[test]
fn several_frames_in_one_chunk_come_one_by_one() {
    let mut session = ServerSession::new(1 << 16);
    let frames =
        [ToServer::Hello(hello()), ToServer::Send { payload: payload() }, ToServer::Goodbye];
    let stream: Vec<u8> = frames.iter().flat_map(ToServer::encode).collect();
    let mut chunk = &stream[..];
    let mut said = Vec::new();
    while let Some(one) = session.handle_bytes(&mut chunk).unwrap() {
        said.push(one);
    }
    let request = FromClient::Request { call: None, level: None, payload: payload() };
    assert_eq!(said, [FromClient::Hello(hello()), request, FromClient::Goodbye]);
}

#[test]
fn a_client_must_greet_first_and_once() {
    let mut session = ServerSession::new(1 << 16);
    let early = say(&mut session, &ToServer::Send { payload: payload() });
    assert_eq!(early, Err(ServerSessionError::HelloExpected));

    let mut session = ServerSession::new(1 << 16);
    say(&mut session, &ToServer::Hello(hello())).unwrap();
    let again = say(&mut session, &ToServer::Hello(hello()));
    assert_eq!(again, Err(ServerSessionError::HelloTwice));
}

#[test]
fn a_stranger_gets_no_more_room_than_a_greeting_needs() {
    let large = ToServer::Send { payload: vec![0; HELLO_BYTES_MAX].into() };
    let mut session = ServerSession::new(1 << 16);
    let error = say(&mut session, &large).unwrap_err();
    assert!(matches!(
        error,
        ServerSessionError::Frame(FrameError::TooLong { bytes_max: HELLO_BYTES_MAX, .. })
    ));
    assert_eq!(error.close_code(), CloseCode::TooLong);

    let mut session = ServerSession::new(1 << 16);
    say(&mut session, &ToServer::Hello(hello())).unwrap();
    assert!(say(&mut session, &large).is_ok(), "after the greeting the ordinary limit counts");
}

#[test]
fn each_violation_has_its_close_code() {
    let mut session = ServerSession::new(1 << 16);
    let garbage = session.handle_bytes(&mut &[5, 0, 0, 0, 0x77][..]).unwrap_err();
    assert_eq!(garbage.close_code(), CloseCode::Violation);
    let mut session = ServerSession::new(1 << 16);
    let other = Hello { version: 9, ..hello() };
    let version = say(&mut session, &ToServer::Hello(other)).unwrap_err();
    assert_eq!(version.close_code(), CloseCode::Rejected);
    for code in CloseCode::ALL {
        assert_eq!(CloseCode::from_raw(code.to_raw().into()), Some(code));
    }
    assert_eq!(CloseCode::from_raw(1000), None);
}

#[test]
fn a_server_welcomes_answers_and_closes() {
    let mut session = ClientSession::new(1 << 20);
    assert_eq!(session.handle_end(), Err(ClientSessionError::WelcomeExpected));
    let welcomed = answer(&mut session, &welcome());
    let window = Duration::from_secs(30);
    assert_eq!(welcomed, Ok(FromServer::Welcome { session: 5, secret: SECRET, window }));
    let acknowledged = answer(&mut session, &ToClient::Ack { received: 64 });
    assert_eq!(acknowledged, Ok(FromServer::Ack { received: 64 }));
    let refused = |call| ToClient::Refused { call, reason: "no".to_owned() };
    let refusal = |call| Ok(FromServer::Refused { call, reason: "no".to_owned() });
    assert_eq!(answer(&mut session, &refused(0)), refusal(None));
    assert_eq!(answer(&mut session, &refused(3)), refusal(Some(3)));
    assert_eq!(session.handle_end(), Ok(()));
    let closing = ToClient::Closing { reason: "night".to_owned() };
    let closed = answer(&mut session, &closing);
    assert_eq!(closed, Ok(FromServer::Closing { reason: "night".to_owned() }));
    assert_eq!(answer(&mut session, &closing), Err(ClientSessionError::BehindEnd));
}

#[test]
fn a_server_must_answer_the_greeting_first_and_once() {
    let mut session = ClientSession::new(1 << 20);
    let early = answer(&mut session, &ToClient::Event { payload: payload() });
    assert_eq!(early, Err(ClientSessionError::WelcomeExpected));

    let mut session = ClientSession::new(1 << 20);
    answer(&mut session, &welcome()).unwrap();
    let again = answer(&mut session, &welcome());
    assert_eq!(again, Err(ClientSessionError::WelcomeTwice));

    let mut session = ClientSession::new(1 << 20);
    let rejected = ToClient::Rejected { code: RejectCode::Busy, reason: "full".to_owned() };
    answer(&mut session, &rejected).unwrap();
    let after = answer(&mut session, &welcome());
    assert_eq!(after, Err(ClientSessionError::BehindEnd));
}

#[test]
fn a_session_goes_on_where_its_connection_was_lost() {
    let mut session = ClientSession::new(1 << 20);
    let resumed = ToClient::Resumed { secret: SECRET, received: 9 };
    let said = answer(&mut session, &resumed);
    assert_eq!(said, Ok(FromServer::Resumed { secret: SECRET, received: 9 }));
    assert!(answer(&mut session, &ToClient::Event { payload: payload() }).is_ok());
    assert_eq!(answer(&mut session, &resumed), Err(ClientSessionError::WelcomeTwice));
}
