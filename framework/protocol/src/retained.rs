//! What a session needs to go on over another connection: what was sent and not acknowledged, and how far was received.
//!
//! In each direction the frames that must not be lost ([`Frame::counts`]) are numbered from one in the order in which they lie
//! on the stream. The numbers are not sent: both sides count.

use std::collections::VecDeque;
use std::marker::PhantomData;
use std::ops::Range;

use bytes::Bytes;

use crate::frame::{Frame, LENGTH_BYTES};

/// After so many received frames at the latest they are acknowledged.
pub const ACK_FRAMES: u64 = 64;

/// After so many bytes of received frames at the latest they are acknowledged.
pub const ACK_BYTES: usize = 32 * 1024;

/// The frames that were sent in one direction and are not acknowledged yet.
#[derive(Debug)]
pub struct Retained<F> {
    pieces: VecDeque<Piece>,
    /// How many have been acknowledged that are no longer in `pieces`.
    gone: u64,
    /// How many have been acknowledged, those included that a piece still holds.
    acknowledged: u64,
    sent: u64,
    bytes: usize,
    frames: PhantomData<fn() -> F>,
}

#[derive(Debug)]
struct Piece {
    bytes: Bytes,
    /// How many of its frames count.
    count: u64,
}

/// Why a session cannot go on from where the peer says it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{received} frames are said to be received, but {acknowledged} were before, and {sent} were sent"
)]
pub struct ReceivedError {
    /// What the peer says.
    pub received: u64,
    /// What it said before.
    pub acknowledged: u64,
    /// How many it can have received.
    pub sent: u64,
}

impl<F> Default for Retained<F> {
    fn default() -> Self {
        Self {
            pieces: VecDeque::new(),
            gone: 0,
            acknowledged: 0,
            sent: 0,
            bytes: 0,
            frames: PhantomData,
        }
    }
}

impl<F: Frame> Retained<F> {
    /// Keeps `piece`, whole frames one behind the other, as they are now sent.
    pub fn push(&mut self, piece: Bytes) {
        let count = counted::<F>(&piece).count() as u64;
        if count > 0 {
            self.sent += count;
            self.bytes += piece.len() + PIECE_COST;
            self.pieces.push_back(Piece { bytes: piece, count });
        }
    }

    /// The peer has received `received` frames since the session began: those need not be kept. One that says less
    /// than before is late, and changes nothing.
    ///
    /// # Errors
    /// [`ReceivedError`]: so many were not sent.
    pub fn acknowledge(&mut self, received: u64) -> Result<(), ReceivedError> {
        if received > self.sent {
            return Err(self.error(received));
        }
        self.acknowledged = self.acknowledged.max(received);
        while let Some(piece) =
            self.pieces.pop_front_if(|piece| self.gone + piece.count <= received)
        {
            self.gone += piece.count;
            self.bytes -= piece.bytes.len() + PIECE_COST;
        }
        Ok(())
    }

    /// What must be sent over the new connection to a peer that has received `received` frames, in order. It stays kept.
    ///
    /// # Errors
    /// [`ReceivedError`]: it cannot be so many, or so few.
    pub fn resume(&mut self, received: u64) -> Result<Vec<Bytes>, ReceivedError> {
        if received < self.acknowledged {
            return Err(self.error(received));
        }
        self.acknowledge(received)?;
        // What does not count was for the connection that is gone. The first piece may have been received in part.
        let mut again: Vec<Bytes> = Vec::new();
        for piece in self.pieces.drain(..) {
            again.extend(counted::<F>(&piece.bytes).map(|frame| piece.bytes.slice(frame)));
        }
        again.drain(..usize::try_from(received - self.gone).unwrap_or(usize::MAX).min(again.len()));
        crate::batch::join(&mut again);
        (self.gone, self.sent, self.bytes) = (received, received, 0);
        for piece in &again {
            self.push(piece.clone());
        }
        Ok(again)
    }

    /// How many bytes are kept, with what keeping them costs.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many frames the peer has said that it has received.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// How many frames that count have been sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    fn error(&self, received: u64) -> ReceivedError {
        ReceivedError { received, acknowledged: self.acknowledged, sent: self.sent }
    }
}

/// Where in `piece` the frames lie that count, each with its length field.
fn counted<F: Frame>(piece: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut next = 0;
    let frames = std::iter::from_fn(move || {
        let length = piece.get(next..)?.first_chunk::<LENGTH_BYTES>()?;
        let end = next.saturating_add(LENGTH_BYTES + u32::from_le_bytes(*length) as usize);
        let frame = next..end.min(piece.len());
        next = end;
        Some(frame)
    });
    frames
        .filter(|frame| piece.get(frame.start + LENGTH_BYTES).is_some_and(|kind| F::counts(*kind)))
}

/// What keeping a piece takes beside its bytes, about.
const PIECE_COST: usize = 64;

/// How many frames that count have been received in one direction, and when to say so.
#[derive(Clone, Copy, Debug, Default)]
pub struct Receipts {
    received: u64,
    said: u64,
    bytes: usize,
}

impl Receipts {
    /// A frame that counts, of about `bytes`, has been received, and whatever it asks for is taken care of.
    pub fn count(&mut self, bytes: usize) {
        self.received += 1;
        self.bytes += bytes;
    }

    /// How many have been received.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// What is to be acknowledged now, if it is time: it is then taken as said.
    pub fn due(&mut self) -> Option<u64> {
        if self.received - self.said < ACK_FRAMES && self.bytes < ACK_BYTES {
            return None;
        }
        Some(self.say())
    }

    /// What is to be acknowledged at once, whenever it was the last time: it is then taken as said.
    pub fn say(&mut self) -> u64 {
        (self.said, self.bytes) = (self.received, 0);
        self.received
    }
}
