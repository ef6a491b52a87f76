//! Any bytes as a stream of frames, in either direction and cut anywhere: the same frames and the same error however it is cut,
//! and what was read can be written, and read again.

#![no_main]

use std::fmt::Debug;

use bytes::Bytes;
use daystar_protocol::frame::{Frame, FrameDecoder, FrameError};
use daystar_protocol::to_client::{REASON_BYTES_MAX, ToClient};
use daystar_protocol::to_server::ToServer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((piece, stream)) = bytes.split_first() else { return };
    let piece = usize::from(*piece).max(1);
    check(stream, piece, ToServer::encode);
    check(stream, piece, |frame: &ToClient| match frame {
        // What is too long for a person to read is cut.
        ToClient::Rejected { reason, .. }
        | ToClient::Refused { reason, .. }
        | ToClient::Closing { reason }
            if reason.len() > REASON_BYTES_MAX =>
        {
            Bytes::new()
        }
        frame => frame.encode(),
    });
});

fn check<F: Frame + Debug + PartialEq>(
    stream: &[u8],
    piece: usize,
    encode: impl Fn(&F) -> Bytes,
) {
    let whole = read::<F>(stream, stream.len().max(1));
    assert_eq!(read::<F>(stream, piece), whole);
    for frame in whole.0 {
        let again = encode(&frame);
        if !again.is_empty() {
            assert_eq!(read::<F>(&again, piece), (vec![frame], Ok(())));
        }
    }
}

/// The frames of a stream that arrives in pieces of so many bytes, and how it ends.
fn read<F: Frame>(stream: &[u8], piece: usize) -> (Vec<F>, Result<(), FrameError>) {
    let mut decoder = FrameDecoder::new(FRAME_BYTES_MAX);
    let mut frames = Vec::new();
    for mut chunk in stream.chunks(piece) {
        loop {
            match decoder.handle_bytes(&mut chunk) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, decoder.handle_end())
}

/// Short, so that frames over the limit are met, too.
const FRAME_BYTES_MAX: usize = 2000;
