//! Reading one client's stream.

use bytes::{Buf, Bytes};
use daystar_protocol::server_session::{FromClient, ServerSession, ServerSessionError};
use quinn::{ConnectionError, ReadError, RecvStream};

/// A client's stream and how far it has been understood. Dropping a future of it loses nothing.
pub(super) struct Reader {
    stream: RecvStream,
    session: ServerSession,
    /// What was read in one go; from `next_chunk` on it is yet to be understood.
    chunks: [Bytes; CHUNKS],
    next_chunk: usize,
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
    pub(super) fn new(stream: RecvStream, frame_bytes_max: usize) -> Self {
        let session = ServerSession::new(frame_bytes_max);
        Self { stream, session, chunks: [const { Bytes::new() }; CHUNKS], next_chunk: CHUNKS }
    }

    /// What the client says next.
    pub(super) async fn next(&mut self) -> Result<FromClient, ReadEnd> {
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
                    Ok(Some(said)) => return Ok(said),
                    Ok(None) => {}
                    Err(error) => return Err(ReadEnd::Violation(error)),
                }
            }
            match self.stream.read_chunks(&mut self.chunks).await {
                // Chunks that were not filled are empty, and passed over.
                Ok(Some(_)) => self.next_chunk = 0,
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
