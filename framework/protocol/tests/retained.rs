//! What is kept to be sent again, against a plain model: a list of all frames and a number.

use bytes::Bytes;
use daystar_protocol::batch;
use daystar_protocol::retained::{ACK_BYTES, ACK_FRAMES, Receipts, Retained};
use daystar_protocol::to_client::ToClient;
use proptest::collection::vec;
use proptest::prelude::*;

/// One thing that happens to the sending side.
#[derive(Clone, Debug)]
enum Step {
    /// Frames are sent in one go: events of these sizes; `None` is a frame that does not count.
    Send(Vec<Option<usize>>),
    /// The peer acknowledges this share of what was sent and it has not acknowledged.
    Ack(prop::sample::Index),
    /// The connection is lost; the peer has received this share of the same.
    Resume(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let frame = prop_oneof![9 => (0usize..300).prop_map(Some), 2 => (900usize..5000).prop_map(Some), 1 => Just(None)];
    prop_oneof![
        4 => vec(frame, 1..30).prop_map(Step::Send),
        2 => any::<prop::sample::Index>().prop_map(Step::Ack),
        1 => any::<prop::sample::Index>().prop_map(Step::Resume),
    ]
}

proptest! {
    #[test]
    fn what_is_sent_again_is_what_was_not_received(steps in vec(step(), 1..40)) {
        let mut retained = Retained::<ToClient>::default();
        let mut all: Vec<Bytes> = Vec::new();
        let mut acknowledged = 0;
        for step in steps {
            match step {
                Step::Send(sizes) => {
                    let mut frames = Vec::new();
                    for size in sizes {
                        let frame = match size {
                            Some(size) => {
                                // Each frame tells which it is.
                                let mut payload = all.len().to_le_bytes().to_vec();
                                payload.resize(8 + size, 7);
                                ToClient::Event { payload: payload.into() }.encode()
                            }
                            None => ToClient::Ack { received: 1 }.encode(),
                        };
                        all.extend(size.map(|_| frame.clone()));
                        frames.push(frame);
                    }
                    batch::join(&mut frames);
                    frames.into_iter().for_each(|piece| retained.push(piece));
                }
                Step::Ack(index) => {
                    acknowledged += index.index(all.len() - acknowledged + 1);
                    retained.acknowledge(acknowledged as u64).unwrap();
                }
                Step::Resume(index) => {
                    acknowledged += index.index(all.len() - acknowledged + 1);
                    let again: Vec<u8> =
                        retained.resume(acknowledged as u64).unwrap().into_iter().flatten().collect();
                    let expected: Vec<u8> = all[acknowledged..].iter().flatten().copied().collect();
                    prop_assert_eq!(again, expected);
                }
            }
            prop_assert_eq!(retained.sent(), all.len() as u64);
            let kept: usize = all[acknowledged..].iter().map(Bytes::len).sum();
            // A piece is kept whole until the last of it is acknowledged.
            prop_assert!(retained.bytes() >= kept, "{} for {kept}", retained.bytes());
            prop_assert!(acknowledged < all.len() || retained.bytes() == 0, "nothing is kept for nobody");
        }
    }

    #[test]
    fn receipts_are_due_behind_so_many_frames_or_bytes(sizes in vec(0usize..3000, 0..300)) {
        let mut receipts = Receipts::default();
        let (mut frames, mut bytes) = (0, 0);
        for (number, size) in (1..).zip(sizes) {
            receipts.count(size);
            frames += 1;
            bytes += size;
            let is_time = frames >= ACK_FRAMES || bytes >= ACK_BYTES;
            prop_assert_eq!(receipts.due(), is_time.then_some(number));
            if is_time {
                (frames, bytes) = (0, 0);
            }
        }
    }
}

#[test]
fn a_peer_cannot_have_received_what_was_not_sent_nor_forget_what_it_said() {
    let mut retained = Retained::<ToClient>::default();
    for _ in 0..3 {
        retained.push(ToClient::Event { payload: Bytes::new() }.encode());
    }
    let error = retained.acknowledge(4).unwrap_err();
    assert_eq!((error.received, error.acknowledged, error.sent), (4, 0, 3));
    retained.acknowledge(2).unwrap();
    retained.acknowledge(1).unwrap(); // late, and no harm
    assert!(retained.resume(1).is_err());
    assert!(retained.resume(4).is_err());
    assert_eq!(retained.resume(2).unwrap().len(), 1);
    assert_eq!(retained.resume(3).unwrap().len(), 0);
}
