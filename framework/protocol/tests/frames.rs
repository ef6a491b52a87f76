//! Frames under whatever bytes a network can bring: any split of a stream gives the same frames, what was encoded
//! comes back, and nothing a stranger sends does more than give an error.

use bytes::Bytes;
use daystar_protocol::batch;
use daystar_protocol::frame::{Frame, FrameDecoder, FrameError, LENGTH_BYTES};
use daystar_protocol::handshake::{Credentials, Hello, Secret, VERSION};
use daystar_protocol::reject::RejectCode;
use daystar_protocol::to_client::{self, REASON_BYTES_MAX, ToClient};
use daystar_protocol::to_server::{Level, ToServer};
use proptest::collection::vec;
use proptest::prelude::*;

const BYTES_MAX: usize = 4096;

/// Every frame in `stream`, fed in pieces of the given sizes, and how it ended.
fn decode<F: Frame>(stream: &[u8], pieces: &[usize]) -> (Vec<F>, Result<(), FrameError>) {
    let mut decoder = FrameDecoder::new(BYTES_MAX);
    let mut frames = Vec::new();
    let mut rest = stream;
    let mut sizes = pieces.iter().copied().cycle();
    while !rest.is_empty() {
        let size = sizes.next().unwrap_or(rest.len()).clamp(1, rest.len());
        let (mut chunk, behind) = rest.split_at(size);
        rest = behind;
        loop {
            match decoder.handle_bytes(&mut chunk) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break assert!(chunk.is_empty(), "an undecided decoder takes all"),
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, decoder.handle_end())
}

fn payload() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..300).prop_map(Bytes::from)
}

fn credentials() -> impl Strategy<Value = Credentials> {
    prop_oneof![
        ".{0,20}".prop_map(Credentials::Name),
        (".{0,20}", ".{0,20}", any::<bool>()).prop_map(|(account, password, is_new)| {
            Credentials::Password { account, password, is_new }
        }),
        ".{0,200}".prop_map(Credentials::Token),
        (any::<u64>(), any::<[u8; 32]>(), any::<u64>()).prop_map(|(session, secret, received)| {
            Credentials::Resume { session, secret, received }
        }),
    ]
}

fn secret() -> impl Strategy<Value = Secret> {
    any::<[u8; 32]>().prop_map(Secret::new)
}

fn level() -> impl Strategy<Value = Option<Level>> {
    prop_oneof![Just(None), Just(Some(Level::Committed)), Just(Some(Level::Durable))]
}

fn to_server() -> impl Strategy<Value = ToServer> {
    prop_oneof![
        (".{0,20}", credentials()).prop_map(|(game, credentials)| ToServer::Hello(Hello {
            version: VERSION,
            game,
            credentials
        })),
        any::<u64>().prop_map(|received| ToServer::Ack { received }),
        payload().prop_map(|payload| ToServer::Send { payload }),
        (1u32.., level(), payload()).prop_map(|(call, level, payload)| ToServer::Call {
            call,
            level,
            payload
        }),
        Just(ToServer::Goodbye),
    ]
}

fn to_client() -> impl Strategy<Value = ToClient> {
    prop_oneof![
        (any::<u64>(), secret(), any::<u32>()).prop_map(|(session, secret, window_ms)| {
            ToClient::Welcome { session, secret, window_ms }
        }),
        (secret(), any::<u64>())
            .prop_map(|(secret, received)| ToClient::Resumed { secret, received }),
        any::<u64>().prop_map(|received| ToClient::Ack { received }),
        (0..RejectCode::ALL.len(), ".{0,60}")
            .prop_map(|(code, reason)| ToClient::Rejected { code: RejectCode::ALL[code], reason }),
        payload().prop_map(|payload| ToClient::Event { payload }),
        (any::<u32>(), proptest::option::of(payload()))
            .prop_map(|(call, payload)| ToClient::Reply { call, payload }),
        (any::<u32>(), ".{0,60}").prop_map(|(call, reason)| ToClient::Refused { call, reason }),
        ".{0,60}".prop_map(|reason| ToClient::Closing { reason }),
    ]
}

proptest! {
    #[test]
    fn any_split_of_a_clients_stream_gives_its_frames(
        frames in vec(to_server(), 0..20),
        pieces in vec(1usize..200, 1..20),
    ) {
        let stream: Vec<u8> = frames.iter().flat_map(ToServer::encode).collect();
        prop_assert_eq!(decode(&stream, &pieces), (frames, Ok(())));
    }

    #[test]
    fn any_split_of_a_servers_stream_gives_its_frames(
        frames in vec(to_client(), 0..20),
        pieces in vec(1usize..200, 1..20),
    ) {
        let stream: Vec<u8> = frames.iter().flat_map(ToClient::encode).collect();
        prop_assert_eq!(decode(&stream, &pieces), (frames, Ok(())));
    }

    #[test]
    fn arbitrary_bytes_do_the_same_in_one_piece_and_in_many(
        stream in vec(any::<u8>(), 0..500),
        pieces in vec(1usize..20, 1..20),
    ) {
        prop_assert_eq!(decode::<ToServer>(&stream, &pieces), decode::<ToServer>(&stream, &[]));
        prop_assert_eq!(decode::<ToClient>(&stream, &pieces), decode::<ToClient>(&stream, &[]));
    }

    #[test]
    fn arbitrary_bodies_of_real_kinds_never_panic(
        kind in prop_oneof![0x01u8..=0x07, 0x81u8..=0x88],
        body in vec(any::<u8>(), 0..200),
    ) {
        let body = Bytes::from(body);
        let _ = ToServer::parse(kind, body.clone());
        let _ = ToClient::parse(kind, body);
    }

    #[test]
    fn a_stream_cut_inside_a_frame_is_truncated(frame in to_client(), cut in any::<prop::sample::Index>()) {
        let stream = frame.encode();
        let cut = 1 + cut.index(stream.len() - 1);
        let (frames, end) = decode::<ToClient>(&stream[..cut], &[7]);
        prop_assert!(frames.is_empty());
        prop_assert_eq!(end, Err(FrameError::Truncated { bytes: cut }));
    }

    #[test]
    fn joining_frames_changes_no_byte(sizes in vec(prop_oneof![0usize..40, 900usize..1200, Just(5000)], 0..40)) {
        let mut frames: Vec<Bytes> =
            sizes.iter().enumerate().map(|(n, size)| Bytes::from(vec![n as u8; *size])).collect();
        let before: Vec<u8> = frames.iter().flatten().copied().collect();
        batch::join(&mut frames);
        let after: Vec<u8> = frames.iter().flatten().copied().collect();
        prop_assert_eq!(&after, &before);
        // A piece ends only before or behind a large frame, or when it is full.
        let large = sizes.iter().filter(|size| **size >= 1024).count();
        prop_assert!(frames.len() <= 2 * large + 1 + before.len() / (15 * 1024));
    }
}

/// Asks for nothing but the announced length, so an allocation by it would be this test's end.
#[test]
fn a_length_beyond_the_limit_is_refused_before_its_body_comes() {
    for length in [BYTES_MAX as u32 + 1, 100_000_000, u32::MAX] {
        let (frames, end) = decode::<ToServer>(&length.to_le_bytes(), &[]);
        assert!(frames.is_empty());
        assert_eq!(end, Err(FrameError::TooLong { bytes: length as usize, bytes_max: BYTES_MAX }));
    }
}

#[test]
fn a_frame_of_exactly_the_limit_passes() {
    let frame = ToServer::Send { payload: Bytes::from(vec![7; BYTES_MAX - 1]) };
    let stream = frame.encode();
    assert_eq!(stream.len(), LENGTH_BYTES + BYTES_MAX);
    assert_eq!(decode(&stream, &[1000]), (vec![frame], Ok(())));
}

#[test]
fn an_unknown_kind_is_refused_before_its_body_comes() {
    for kind in [0u8, 0x08, 0x81, 0xff] {
        let (_, end) = decode::<ToServer>(&[200, 0, 0, 0, kind], &[1]);
        assert_eq!(end, Err(FrameError::UnknownKind { kind }));
    }
    let (_, end) = decode::<ToClient>(&[200, 0, 0, 0, 0x01], &[1]);
    assert_eq!(end, Err(FrameError::UnknownKind { kind: 0x01 }));
}

#[test]
fn a_frame_without_a_kind_is_refused() {
    assert_eq!(decode::<ToServer>(&[0, 0, 0, 0], &[]).1, Err(FrameError::Empty));
}

#[test]
fn text_of_another_protocol_is_refused_at_its_first_bytes() {
    let (_, end) = decode::<ToServer>(b"GET / HTTP/1.1\r\n\r\n", &[]);
    assert!(matches!(end, Err(FrameError::TooLong { .. })), "{end:?}");
}

#[test]
fn malformed_bodies_say_which_frame_and_what_is_wrong() {
    let wrong = |kind, body: &[u8]| {
        let body = Bytes::copy_from_slice(body);
        let server = ToServer::parse(kind, body.clone()).map(|_| ());
        let client = ToClient::parse(kind, body).map(|_| ());
        match (server, client) {
            (Err(FrameError::Malformed { kind, .. }), _)
            | (_, Err(FrameError::Malformed { kind, .. })) => kind,
            other => panic!("{kind:#x}: {other:?}"),
        }
    };
    assert_eq!(wrong(0x01, &[3, 200, 1]), "Hello");
    assert_eq!(wrong(0x01, &[3, 0, 0, 0, 9]), "Hello"); // a byte behind the name
    assert_eq!(wrong(0x01, &[3, 0, 4, 0]), "Hello"); // no such credentials
    assert_eq!(wrong(0x06, &[0x80]), "Ack");
    assert_eq!(wrong(0x03, &[1, 0, 0]), "Call");
    assert_eq!(wrong(0x03, &[0, 0, 0, 0, 5]), "Call"); // call zero
    assert_eq!(wrong(0x05, &[0, 0, 0, 0, 5]), "Call");
    assert_eq!(wrong(0x07, &[0, 0, 0, 0, 5]), "Call");
    assert_eq!(wrong(0x04, &[1]), "Goodbye");
    assert_eq!(wrong(0x81, &[]), "Welcome");
    assert_eq!(wrong(0x81, &[1; 33]), "Welcome"); // no window
    assert_eq!(wrong(0x82, &[0, 2, 0xff, 0xfe]), "Rejected"); // not UTF-8
    assert_eq!(wrong(0x87, &[1; 32]), "Resumed");
    assert_eq!(wrong(0x88, &[1, 1]), "Ack");
    assert_eq!(wrong(0x84, &[1, 0, 0, 0]), "Reply");
    assert_eq!(wrong(0x84, &[1, 0, 0, 0, 0, 7]), "Reply"); // no answer, and yet a byte
    assert_eq!(wrong(0x84, &[1, 0, 0, 0, 2]), "Reply");
    assert_eq!(wrong(0x85, &[1]), "Refused");
    assert_eq!(wrong(0x86, &[5, b'a']), "Closing");
}

#[test]
fn another_version_is_told_whatever_follows_it() {
    let end = ToServer::parse(0x01, Bytes::from_static(&[7, 0xff, 0xff, 0xff]));
    assert_eq!(end, Err(FrameError::Version { theirs: 7, ours: VERSION }));
}

#[test]
fn a_reject_code_of_a_later_version_is_another_reason() {
    let frame = ToClient::parse(0x82, Bytes::from_static(b"\xc8\x02no"));
    assert_eq!(frame, Ok(ToClient::Rejected { code: RejectCode::Other, reason: "no".to_owned() }));
}

#[test]
fn what_is_secret_is_not_printed() {
    let secret = [0xee; 32]; // 238
    let resume = Credentials::Resume { session: 1, secret, received: 2 };
    let password = Credentials::Password {
        account: "ann".to_owned(),
        password: "238".to_owned(),
        is_new: false,
    };
    let welcome = ToClient::Welcome { session: 1, secret: Secret::new(secret), window_ms: 2 };
    let token = Credentials::Token("238".to_owned());
    let printed = format!("{resume:?} {password:?} {token:?} {welcome:?}");
    assert!(!printed.contains("238"), "{printed}");
}

#[test]
fn an_event_goes_by_datagram_as_it_goes_by_stream() {
    let frame = ToClient::Event { payload: Bytes::from_static(b"here") }.encode();
    let datagram = to_client::datagram(&frame);
    assert_eq!(datagram, &b"\x83here"[..]);
    assert_eq!(to_client::parse_datagram(datagram), Ok(Bytes::from_static(b"here")));
    let other = to_client::parse_datagram(Bytes::from_static(b"\x84here"));
    assert_eq!(other, Err(FrameError::UnknownKind { kind: 0x84 }));
    assert_eq!(to_client::parse_datagram(Bytes::new()), Err(FrameError::Empty));
}

#[test]
fn a_long_reason_is_cut_between_two_characters() {
    let frame = ToClient::Closing { reason: "ж".repeat(REASON_BYTES_MAX) + "x" }.encode();
    let (frames, _) = decode::<ToClient>(&frame, &[]);
    assert_eq!(frames, [ToClient::Closing { reason: "ж".repeat(REASON_BYTES_MAX / 2) }]);
}
