//! The bytes of `docs/PROTOCOL.md`, for every client in any language: what is written is this, and what is read means this.
//! A change of a vector is a new version of the protocol.

use bytes::Bytes;
use daystar_protocol::frame::{Frame, FrameDecoder, FrameError, TO_SERVER_BYTES_MAX};
use daystar_protocol::handshake::{Credentials, Hello, Secret};
use daystar_protocol::reject::RejectCode;
use daystar_protocol::to_client::{self, ToClient};
use daystar_protocol::to_server::{Level, ToServer};
use serde_json::Value;

fn vectors(json: &str) -> Vec<Value> {
    let vectors: Vec<Value> = serde_json::from_str(json).expect("a list of vectors");
    assert!(!vectors.is_empty());
    vectors
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn number<N: TryFrom<u64>>(value: &Value) -> N {
    N::try_from(value.as_u64().expect("a number")).ok().expect("a number of its size")
}

fn hex(value: &Value) -> Bytes {
    let digits = text(value);
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hexadecimal digits");
    (0..digits.len()).step_by(2).map(byte).collect()
}

fn secret(value: &Value) -> [u8; 32] {
    hex(value)[..].try_into().expect("32 bytes")
}

fn decode<F: Frame>(bytes: &[u8]) -> Result<Option<F>, FrameError> {
    let mut rest = bytes;
    let frame = FrameDecoder::new(TO_SERVER_BYTES_MAX).handle_bytes(&mut rest)?;
    assert!(rest.is_empty(), "nothing is left");
    Ok(frame)
}

fn credentials(said: &Value) -> Credentials {
    match &*text(&said["kind"]) {
        "Name" => Credentials::Name(text(&said["name"])),
        "Password" => Credentials::Password {
            account: text(&said["account"]),
            password: text(&said["password"]),
            is_new: said["is_new"].as_bool().expect("true or false"),
        },
        "Token" => Credentials::Token(text(&said["token"])),
        "Resume" => Credentials::Resume {
            session: number(&said["session"]),
            secret: secret(&said["secret"]),
            received: number(&said["received"]),
        },
        other => panic!("{other} are no credentials"),
    }
}

fn call(said: &Value, level: Option<Level>) -> ToServer {
    ToServer::Call { call: number(&said["call"]), level, payload: hex(&said["payload"]) }
}

fn to_server(said: &Value) -> ToServer {
    match &*text(&said["kind"]) {
        "Hello" => ToServer::Hello(Hello {
            version: number(&said["version"]),
            game: text(&said["game"]),
            credentials: credentials(&said["credentials"]),
        }),
        "Send" => ToServer::Send { payload: hex(&said["payload"]) },
        "Call" => call(said, None),
        "DurableCall" => call(said, Some(Level::Durable)),
        "CommittedCall" => call(said, Some(Level::Committed)),
        "Goodbye" => ToServer::Goodbye,
        "Ack" => ToServer::Ack { received: number(&said["received"]) },
        other => panic!("{other} is no frame to the server"),
    }
}

fn to_client(said: &Value) -> ToClient {
    match &*text(&said["kind"]) {
        "Welcome" => ToClient::Welcome {
            session: number(&said["session"]),
            secret: Secret::new(secret(&said["secret"])),
            window_ms: number(&said["window_ms"]),
        },
        "Resumed" => ToClient::Resumed {
            secret: Secret::new(secret(&said["secret"])),
            received: number(&said["received"]),
        },
        "Rejected" => ToClient::Rejected {
            code: RejectCode::from_raw(number(&said["code"])),
            reason: text(&said["reason"]),
        },
        "Event" => ToClient::Event { payload: hex(&said["payload"]) },
        "Reply" => ToClient::Reply {
            call: number(&said["call"]),
            payload: said["payload"].is_string().then(|| hex(&said["payload"])),
        },
        "Refused" => {
            ToClient::Refused { call: number(&said["call"]), reason: text(&said["reason"]) }
        }
        "Closing" => ToClient::Closing { reason: text(&said["reason"]) },
        "Ack" => ToClient::Ack { received: number(&said["received"]) },
        other => panic!("{other} is no frame to a client"),
    }
}

#[test]
fn frames_to_the_server() {
    for vector in vectors(include_str!("vectors/to_server.json")) {
        let (frame, bytes) = (to_server(&vector["frame"]), hex(&vector["hex"]));
        assert_eq!(frame.encode(), bytes, "{vector}");
        assert_eq!(decode(&bytes), Ok(Some(frame)), "{vector}");
    }
}

#[test]
fn frames_to_a_client() {
    for vector in vectors(include_str!("vectors/to_client.json")) {
        let (frame, bytes) = (to_client(&vector["frame"]), hex(&vector["hex"]));
        assert_eq!(frame.encode(), bytes, "{vector}");
        assert_eq!(decode(&bytes), Ok(Some(frame)), "{vector}");
    }
}

#[test]
fn bytes_that_are_refused() {
    for vector in vectors(include_str!("vectors/refused.json")) {
        let bytes = hex(&vector["hex"]);
        let refusal = match &*text(&vector["to"]) {
            "server" => decode::<ToServer>(&bytes).map(|frame| format!("{frame:?}")),
            _ => decode::<ToClient>(&bytes).map(|frame| format!("{frame:?}")),
        };
        let refusal = match refusal {
            Err(FrameError::Empty) => "Empty",
            Err(FrameError::TooLong { .. }) => "TooLong",
            Err(FrameError::UnknownKind { .. }) => "UnknownKind",
            Err(FrameError::Version { .. }) => "Version",
            Err(FrameError::Malformed { .. }) => "Malformed",
            other => panic!("{vector}: {other:?}"),
        };
        assert_eq!(refusal, text(&vector["error"]), "{vector}");
    }
}

#[test]
fn datagrams() {
    for vector in vectors(include_str!("vectors/datagrams.json")) {
        let (payload, bytes) = (hex(&vector["payload"]), hex(&vector["hex"]));
        let frame = ToClient::Event { payload: payload.clone() }.encode();
        assert_eq!(to_client::datagram(&frame), bytes, "{vector}");
        assert_eq!(to_client::parse_datagram(bytes), Ok(payload), "{vector}");
    }
}
