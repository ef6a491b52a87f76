//! Joining frames into few pieces before they are written.

use bytes::{Bytes, BytesMut};

/// Joins the small frames of `frames` into larger pieces, in place and in order; a large one stays as it is, shared.
///
/// A transport keeps a record for each piece until it is acknowledged, and searches those records for each
/// packet, so a hundred frames of twenty bytes are dearer as they are than copied into one piece.
pub fn join(frames: &mut Vec<Bytes>) {
    if frames.len() < 2 {
        return;
    }
    let mut joined = 0;
    let mut read = 0;
    while read < frames.len() {
        let (count, bytes) = run(&frames[read..]);
        frames[joined] = if count < 2 {
            std::mem::take(&mut frames[read])
        } else {
            let mut piece = BytesMut::with_capacity(bytes);
            for frame in &mut frames[read..read + count] {
                piece.extend_from_slice(&std::mem::take(frame));
            }
            piece.freeze()
        };
        read += count.max(1);
        joined += 1;
    }
    frames.truncate(joined);
}

/// How many small frames `frames` begins with, up to a piece's size, and their bytes.
fn run(frames: &[Bytes]) -> (usize, usize) {
    let (mut count, mut bytes) = (0, 0);
    for frame in frames {
        if frame.len() >= SMALL_BYTES || bytes + frame.len() > PIECE_BYTES_MAX {
            break;
        }
        count += 1;
        bytes += frame.len();
    }
    (count, bytes)
}

/// Below this, copying a frame costs less than keeping a piece of its own for it: about one packet's worth.
const SMALL_BYTES: usize = 1024;

/// A piece's memory is kept until its last byte is acknowledged, so it must not hold a whole backlog.
const PIECE_BYTES_MAX: usize = 16 * 1024;
