//! Reading the server's stream.

use bytes::{Buf, Bytes};
use daystar_protocol::client_session::{ClientSession, ClientSessionError, FromServer};
use quinn::{ConnectionError, ReadError, RecvStream};

/// The server's stream and how far it has been understood. Dropping a future of it loses nothing.
pub(crate) struct Reader {
    stream: RecvStream,
    session: ClientSession,
    /// What was read in one go; from `next_chunk` on it is yet to be understood.
    chunks: [Bytes; CHUNKS],
    next_chunk: usize,
}

/// Why nothing more comes from the server.
#[derive(Debug)]
pub(crate) enum ReadEnd {
    /// It ended its stream without a word.
    Finished,
    /// It broke the protocol.
    Violation(ClientSessionError),
    /// The connection is gone.
    Lost(ConnectionError),
}

impl Reader {
    pub(crate) fn new(stream: RecvStream, frame_bytes_max: usize) -> Self {
        let session = ClientSession::new(frame_bytes_max);
        Self { stream, session, chunks: [const { Bytes::new() }; CHUNKS], next_chunk: CHUNKS }
    }

    /// What the server says next.
    pub(crate) async fn next(&mut self) -> Result<FromServer, ReadEnd> {
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
                // The server took its stream back; nothing else can be: this side neither stops it nor uses 0-RTT.
                Err(_) => return Err(ReadEnd::Finished),
            }
        }
    }
}

/// How many datagrams' worth is taken at once: one lock of the connection for all of them.
const CHUNKS: usize = 8;
