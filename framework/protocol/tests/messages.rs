//! Messages as bytes: what goes in comes out, what is something else is an error, and a frame made in one go has the bytes of one
//! made in two.

use bytes::Bytes;
use daystar_protocol::fingerprint::Fingerprint;
use daystar_protocol::message::{DecodeError, Message, decode_message, encode_message};
use daystar_protocol::to_client::{ToClient, event_frame, reply_frame};
use daystar_protocol::to_server::{Level, ToServer, call_frame, send_frame};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Request {
    Say(String),
    Move { x: i32, y: i32 },
    Give { to: Vec<String>, gold: Option<u64> },
}

impl Message for Request {
    const NAME: &'static str = "Request";
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        ".{0,200}".prop_map(Request::Say),
        (any::<i32>(), any::<i32>()).prop_map(|(x, y)| Request::Move { x, y }),
        (proptest::collection::vec(".{0,9}", 0..5), any::<Option<u64>>())
            .prop_map(|(to, gold)| Request::Give { to, gold }),
    ]
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(request in request()) {
        let bytes = encode_message(&request).unwrap();
        prop_assert_eq!(decode_message::<Request>(&bytes).unwrap(), request);
    }

    #[test]
    fn a_byte_too_many_or_too_few_is_an_error(request in request(), extra in any::<u8>()) {
        let mut bytes = encode_message(&request).unwrap().to_vec();
        bytes.push(extra);
        let error = decode_message::<Request>(&bytes).unwrap_err();
        prop_assert!(matches!(error, DecodeError::Trailing { bytes: 1, name: "Request" }), "{}", error);
        bytes.truncate(bytes.len() - 2);
        prop_assert!(decode_message::<Request>(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode_message::<Request>(&bytes);
    }

    #[test]
    fn frames_made_in_one_go_are_the_same(request in request(), call in 1u32..) {
        let payload: Bytes = encode_message(&request).unwrap();
        let send = ToServer::Send { payload: payload.clone() };
        prop_assert_eq!(send_frame(&request).unwrap(), send.encode());
        for level in [None, Some(Level::Committed), Some(Level::Durable)] {
            let called = ToServer::Call { call, level, payload: payload.clone() };
            prop_assert_eq!(call_frame(call, level, &request).unwrap(), called.encode());
        }
        let event = ToClient::Event { payload: payload.clone() };
        prop_assert_eq!(event_frame(&request).unwrap(), event.encode());
        let reply = ToClient::Reply { call, payload: Some(payload) };
        prop_assert_eq!(reply_frame(call, Some(&request)).unwrap(), reply.encode());
        let empty = ToClient::Reply { call, payload: None };
        prop_assert_eq!(reply_frame::<Request>(call, None).unwrap(), empty.encode());
    }

    #[test]
    fn a_fingerprint_is_read_as_it_was_written(sha256 in any::<[u8; 32]>()) {
        let fingerprint = Fingerprint::new(sha256);
        prop_assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
        let pairs: Vec<String> = sha256.iter().map(|byte| format!("{byte:02X}")).collect();
        prop_assert_eq!(pairs.join(":").parse(), Ok(fingerprint));
    }
}

/// A length prefix that promises a billion strings must not be believed.
#[test]
fn a_list_that_promises_more_than_there_is_costs_nothing() {
    let bytes = [2, 0xff, 0xff, 0xff, 0xff, 0x0f];
    assert!(matches!(decode_message::<Request>(&bytes), Err(DecodeError::Malformed { .. })));
}

#[test]
fn texts_that_are_no_fingerprints_are_named() {
    for text in ["", "ab", &"a".repeat(63), &"a".repeat(65), &"g".repeat(64), &"é".repeat(64)] {
        let error = text.parse::<Fingerprint>().unwrap_err();
        assert!(error.to_string().contains(text));
    }
}
