//! Frames: a length, a kind, a body; and the decoder that finds them in a stream of chunks.

use std::cell::Cell;
use std::marker::PhantomData;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};

/// Bytes of the length field, which counts the kind and the body.
pub const LENGTH_BYTES: usize = 4;

/// How long a frame to the server may be (kind and body) unless set otherwise.
pub const TO_SERVER_BYTES_MAX: usize = 64 * 1024;

/// How long a frame to a client may be (kind and body) unless set otherwise.
pub const TO_CLIENT_BYTES_MAX: usize = 1024 * 1024;

/// The frames of one direction.
pub trait Frame: Sized {
    /// Whether this direction has frames of `kind`, asked before the body arrives.
    fn is_kind(kind: u8) -> bool;

    /// Whether frames of `kind` must not be lost: they are counted, acknowledged, and sent again on resumption.
    fn counts(kind: u8) -> bool;

    /// The frame of a kind and its body.
    ///
    /// # Errors
    /// [`FrameError::UnknownKind`] and [`FrameError::Malformed`].
    fn parse(kind: u8, body: Bytes) -> Result<Self, FrameError>;
}

/// Why bytes are not a frame. The stream cannot be used after it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length says more than was agreed.
    #[error("a frame of {bytes} bytes is too long: at most {bytes_max} are allowed here")]
    TooLong {
        /// What the length field says.
        bytes: usize,
        /// What it may say.
        bytes_max: usize,
    },
    /// The length says zero, but every frame has at least a kind.
    #[error("a frame of no bytes: every frame has at least its kind")]
    Empty,
    /// No such kind in this direction.
    #[error(
        "frames of kind {kind:#04x} do not exist in this direction: the bytes are not Daystar's"
    )]
    UnknownKind {
        /// The byte in the place of the kind.
        kind: u8,
    },
    /// The body is not one of its kind.
    #[error("the body of a {kind} frame is malformed: {cause}")]
    Malformed {
        /// The kind's name.
        kind: &'static str,
        /// What is wrong with it.
        cause: &'static str,
    },
    /// The peer speaks another version of the protocol.
    #[error("the client speaks version {theirs} of the protocol, this server version {ours}")]
    Version {
        /// What the peer said.
        theirs: u16,
        /// [`VERSION`](crate::handshake::VERSION).
        ours: u16,
    },
    /// The stream ended inside a frame.
    #[error("the stream ended inside a frame, {bytes} bytes into it")]
    Truncated {
        /// How many bytes of the frame there were, its length field included.
        bytes: usize,
    },
}

/// Finds frames in a stream that arrives in chunks of any size.
///
/// Holds memory only while a frame is incomplete, and never more than a small multiple of what has arrived
/// of it: a peer cannot make it allocate by announcing much and sending little.
#[derive(Debug)]
pub struct FrameDecoder<F> {
    /// The beginning of the frame whose end has not arrived, its length field included.
    partial: BytesMut,
    frame_bytes_max: usize,
    frames: PhantomData<fn() -> F>,
}

impl<F: Frame> FrameDecoder<F> {
    /// A decoder at the beginning of a stream, of frames (kind and body) of at most `frame_bytes_max` bytes.
    pub fn new(frame_bytes_max: usize) -> Self {
        Self { partial: BytesMut::new(), frame_bytes_max, frames: PhantomData }
    }

    /// Sets the limit for the frames whose length has not been seen yet.
    pub fn set_frame_bytes_max(&mut self, frame_bytes_max: usize) {
        self.frame_bytes_max = frame_bytes_max;
    }

    /// Takes bytes from the front of `chunk` until a frame is complete; `None` when all of `chunk` is taken and none is.
    ///
    /// # Errors
    /// [`FrameError`], as early as the bytes show it. The decoder is of no use afterwards.
    pub fn handle_bytes(&mut self, chunk: &mut &[u8]) -> Result<Option<F>, FrameError> {
        if self.partial.is_empty() {
            // The common way: the whole frame lies in the chunk, and is copied once, to its size. A slice of the
            // chunk would keep the datagram it came in alive for as long as the payload waits in a queue.
            let Some(needed) = self.check_head(chunk)? else { return Ok(self.keep(chunk)) };
            let Some((frame, rest)) = chunk.split_at_checked(needed) else {
                return Ok(self.keep(chunk));
            };
            *chunk = rest;
            let (kind, body) = (frame[LENGTH_BYTES], &frame[LENGTH_BYTES + 1..]);
            return F::parse(kind, Bytes::copy_from_slice(body)).map(Some);
        }
        while !chunk.is_empty() {
            let needed = self.check_head(&self.partial)?.unwrap_or(LENGTH_BYTES + 1);
            let (taken, rest) = chunk.split_at(chunk.len().min(needed - self.partial.len()));
            self.partial.extend_from_slice(taken);
            *chunk = rest;
            if self.check_head(&self.partial)?.is_some_and(|needed| needed == self.partial.len()) {
                let mut frame = std::mem::take(&mut self.partial).freeze();
                let kind = frame[LENGTH_BYTES];
                frame.advance(LENGTH_BYTES + 1);
                return F::parse(kind, frame).map(Some);
            }
        }
        Ok(None)
    }

    /// Says whether the stream may end here.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] when a frame has begun.
    pub fn handle_end(&self) -> Result<(), FrameError> {
        match self.partial.len() {
            0 => Ok(()),
            bytes => Err(FrameError::Truncated { bytes }),
        }
    }

    /// The size of the frame that `start` begins, length field included, when that much can be told.
    fn check_head(&self, start: &[u8]) -> Result<Option<usize>, FrameError> {
        let Some((length, rest)) = start.split_first_chunk::<LENGTH_BYTES>() else {
            return Ok(None);
        };
        let bytes = u32::from_le_bytes(*length) as usize;
        if bytes > self.frame_bytes_max {
            return Err(FrameError::TooLong { bytes, bytes_max: self.frame_bytes_max });
        }
        if bytes == 0 {
            return Err(FrameError::Empty);
        }
        match rest.first() {
            Some(kind) if !F::is_kind(*kind) => Err(FrameError::UnknownKind { kind: *kind }),
            _ => Ok(Some(LENGTH_BYTES + bytes)),
        }
    }

    fn keep(&mut self, chunk: &mut &[u8]) -> Option<F> {
        self.partial.extend_from_slice(chunk);
        *chunk = &[];
        None
    }
}

thread_local! {
    /// Where frames are written before their length is known. So a finished frame is one piece of memory of just its size:
    /// one made of the vector itself would keep its spare room, and need another piece to be shared.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The beginning of a frame whose body is appended by the caller; [`finish`] fills the length in.
pub(crate) fn begin(kind: u8, body_bytes_guess: usize) -> Vec<u8> {
    let mut frame = SCRATCH.take();
    frame.clear();
    frame.reserve(LENGTH_BYTES + 1 + body_bytes_guess);
    frame.put_u32_le(0);
    frame.put_u8(kind);
    frame
}

/// The finished frame: its length is now known.
pub(crate) fn finish(mut frame: Vec<u8>) -> Bytes {
    // A frame beyond four gigabytes cannot be written down; the saturated length makes every peer refuse it.
    let length = u32::try_from(frame.len() - LENGTH_BYTES).unwrap_or(u32::MAX);
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    if frame.capacity() > SCRATCH_BYTES_MAX {
        return Bytes::from(frame);
    }
    let finished = Bytes::copy_from_slice(&frame);
    SCRATCH.set(frame);
    finished
}

/// Longer frames are not copied, and their memory is not kept.
const SCRATCH_BYTES_MAX: usize = 4 * 1024;

/// A frame whose body is a control structure.
pub(crate) fn control<T: Serialize>(kind: u8, body: &T) -> Bytes {
    // Serialising integers and strings into memory cannot fail.
    let body = postcard::to_stdvec(body).unwrap_or_default();
    let mut frame = begin(kind, body.len());
    frame.extend_from_slice(&body);
    finish(frame)
}

/// The control structure that `body` is, and nothing behind it.
pub(crate) fn parse_control<T: DeserializeOwned>(
    kind: &'static str,
    body: &[u8],
) -> Result<T, FrameError> {
    match postcard::take_from_bytes(body) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(FrameError::Malformed { kind, cause: "bytes are left behind its last field" }),
        Err(_) => Err(FrameError::Malformed { kind, cause: "its fields cannot be read" }),
    }
}

/// A `u32` at the front of `body`, taken off it.
pub(crate) fn take_u32(kind: &'static str, body: &mut Bytes) -> Result<u32, FrameError> {
    let Some(number) = body.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes)) else {
        return Err(FrameError::Malformed { kind, cause: "its header is cut short" });
    };
    body.advance(4);
    Ok(number)
}
