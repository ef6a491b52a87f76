//! Reading one client's stream.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use daystar_protocol::server_session::{FromClient, ServerSession, ServerSessionError};
use quinn::{ConnectionError, ReadError, RecvStream};

use crate::net::endpoint::Shared;
use crate::net::meters::Meters;
use crate::net::throttle::{Held, Throttle, TooFast};

/// A client's stream and how far it has been understood. Dropping a future of it loses nothing.
pub(super) struct Reader {
    stream: RecvStream,
    session: ServerSession,
    /// What was read in one go; from `next_chunk` on it is yet to be understood.
    chunks: [Bytes; CHUNKS],
    next_chunk: usize,
    meters: Arc<Meters>,
    throttle: Throttle,
}

/// Why nothing more comes from a client.
#[derive(Debug)]
pub(super) enum ReadEnd {
    /// It said goodbye, or ended its stream where that may be done.
    Finished,
    /// It broke the protocol.
    Violation(ServerSessionError),
    /// The connection is gone.
    Lost(ConnectionError),
}

impl Reader {
    pub(super) fn new(stream: RecvStream, shared: &Shared) -> Self {
        Self {
            stream,
            session: ServerSession::new(shared.limits.to_server_bytes_max),
            chunks: [const { Bytes::new() }; CHUNKS],
            next_chunk: CHUNKS,
            meters: Arc::clone(&shared.meters),
            throttle: Throttle::new(Arc::clone(&shared.message_rate)),
        }
    }

    /// How fast the client has been, for the connection that its session goes on over.
    pub(super) fn throttle(&self) -> Throttle {
        self.throttle.clone()
    }

    /// The client has been that fast over the connection before.
    pub(super) fn set_throttle(&mut self, throttle: Throttle) {
        self.throttle = throttle;
    }

    /// What the client says next.
    pub(super) async fn next(&mut self) -> Result<FromClient, ReadEnd> {
        self.throttle.hold().await;
        loop {
            while let Some(chunk) = self.chunks.get_mut(self.next_chunk) {
                let mut rest = &chunk[..];
                let said = self.session.handle_bytes(&mut rest);
                let used = chunk.len() - rest.len();
                chunk.advance(used);
                if chunk.is_empty() {
                    // The datagram's memory goes as soon as its last byte is understood.
                    *chunk = Bytes::new();
                    self.next_chunk += 1;
                }
                match said {
                    Ok(Some(FromClient::Goodbye)) => return Err(ReadEnd::Finished),
                    Ok(Some(said)) => {
                        self.meters.received_messages.increment(1);
                        return match self.throttle.count() {
                            Ok(Held::No) => Ok(said),
                            Ok(Held::Yes) => {
                                self.meters.rate_limited.increment(1);
                                Ok(said)
                            }
                            Err(TooFast) => Err(ReadEnd::Violation(ServerSessionError::TooFast)),
                        };
                    }
                    Ok(None) => {}
                    Err(error) => return Err(ReadEnd::Violation(error)),
                }
            }
            match self.stream.read_chunks(&mut self.chunks).await {
                // Chunks that were not filled are empty, and passed over.
                Ok(Some(_)) => {
                    self.next_chunk = 0;
                    let bytes = self.chunks.iter().map(Bytes::len).sum::<usize>();
                    self.meters.received_bytes.increment(bytes as u64);
                }
                Ok(None) => {
                    return Err(match self.session.handle_end() {
                        Ok(()) => ReadEnd::Finished,
                        Err(error) => ReadEnd::Violation(error),
                    });
                }
                Err(ReadError::ConnectionLost(error)) => return Err(ReadEnd::Lost(error)),
                // The client took its stream back; the others cannot be: nothing stops or closes this side, and 0-RTT is off.
                Err(_) => return Err(ReadEnd::Lost(ConnectionError::Reset)),
            }
        }
    }
}

/// How many datagrams' worth is taken at once: one lock of the connection for all of them.
const CHUNKS: usize = 8;
