//! What is kept to be sent again, driven by any bytes, against a plain model: a list of all frames and a number. The peer says
//! any numbers; those that cannot be are refused, and change nothing.

#![no_main]

use bytes::Bytes;
use daystar_protocol::retained::Retained;
use daystar_protocol::to_client::ToClient;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut retained = Retained::<ToClient>::default();
    let mut all: Vec<Bytes> = Vec::new();
    let mut acknowledged = 0;
    for step in bytes.chunks_exact(3) {
        let (what, number) = (step[0], u64::from(u16::from_le_bytes([step[1], step[2]])));
        let sent = all.len() as u64;
        match what % 8 {
            0..4 => {
                let piece = piece(&mut all, what, number);
                retained.push(piece);
            }
            4 | 5 => {
                // Mostly a number that can be.
                let received = if what % 8 == 4 { number % (sent + 2) } else { number << 48 | number };
                let taken = retained.acknowledge(received);
                assert_eq!(taken.is_ok(), received <= sent);
                if taken.is_ok() {
                    acknowledged = acknowledged.max(received);
                }
            }
            _ => {
                let received = number % (sent + 2);
                let again = retained.resume(received);
                assert_eq!(again.is_ok(), (acknowledged..=sent).contains(&received));
                if let Ok(again) = again {
                    acknowledged = received;
                    let expected = all[usize::try_from(received).expect("fits")..].concat();
                    assert_eq!(again.concat(), expected);
                }
            }
        }
        assert_eq!(retained.sent(), all.len() as u64);
        let kept: usize = all.iter().skip(acknowledged as usize).map(Bytes::len).sum();
        assert!(retained.bytes() >= kept);
        assert!(kept > 0 || retained.bytes() == 0, "nothing is kept for nobody");
    }
});

/// Up to eight frames in one piece, of which some do not count; those that do are added to `all`.
fn piece(all: &mut Vec<Bytes>, what: u8, number: u64) -> Bytes {
    let mut piece = Vec::new();
    for place in 0..=what >> 5 {
        let frame = if number >> place & 3 == 3 {
            ToClient::Ack { received: number }.encode()
        } else {
            let mut payload = all.len().to_le_bytes().to_vec();
            payload.resize(8 + (number as usize >> place) % 64, what);
            all.push(ToClient::Event { payload: payload.into() }.encode());
            all[all.len() - 1].clone()
        };
        piece.extend_from_slice(&frame);
    }
    piece.into()
}
