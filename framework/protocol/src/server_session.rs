//! The server's view of one session: what a client may say, and when.

use bytes::Bytes;

use crate::close::CloseCode;
use crate::frame::{FrameDecoder, FrameError};
use crate::handshake::{HELLO_BYTES_MAX, Hello};
use crate::retained::ReceivedError;
use crate::to_server::{Level, ToServer};

/// The receiving side of a session on the server.
///
/// A client may send requests behind its greeting without waiting to be welcomed; they belong to the session if it
/// becomes one.
#[derive(Debug)]
pub struct ServerSession {
    decoder: FrameDecoder<ToServer>,
    state: State,
    frame_bytes_max: usize,
}

/// What a client has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromClient {
    /// Who it is. Comes first, and once.
    Hello(Hello),
    /// A request.
    Request {
        /// The number to answer it under, if an answer is wanted.
        call: Option<u32>,
        /// When the answer is wanted; `None`: when the server says.
        level: Option<Level>,
        /// The encoded message.
        payload: Bytes,
    },
    /// How far it has received what it was sent.
    Ack {
        /// How many frames that count, since the session began.
        received: u64,
    },
    /// It leaves. Comes last.
    Goodbye,
}

/// What a client did against the protocol. The session is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServerSessionError {
    /// The bytes are no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Something came before the greeting.
    #[error("the first frame must be Hello")]
    HelloExpected,
    /// The greeting came again.
    #[error("Hello came a second time in one session")]
    HelloTwice,
    /// An acknowledgement of what was not sent.
    #[error(transparent)]
    Received(#[from] ReceivedError),
    /// Frames keep coming faster than the server allows. What that is, only the server knows.
    #[error("more is sent than this server allows, and it went on when the server held back")]
    TooFast,
    /// Something came behind the last frame.
    #[error("a frame came behind Goodbye")]
    BehindGoodbye,
}

impl ServerSession {
    /// A session whose client has not spoken yet, and whose frames may have `frame_bytes_max` bytes (kind and body).
    pub fn new(frame_bytes_max: usize) -> Self {
        let decoder = FrameDecoder::new(HELLO_BYTES_MAX.min(frame_bytes_max));
        Self { decoder, state: State::Hello, frame_bytes_max }
    }

    /// Takes bytes from the front of `chunk` until the client has said something; `None` when all are taken.
    ///
    /// # Errors
    /// [`ServerSessionError`]; the session must then be closed with [`ServerSessionError::close_code`].
    pub fn handle_bytes(
        &mut self,
        chunk: &mut &[u8],
    ) -> Result<Option<FromClient>, ServerSessionError> {
        let Some(frame) = self.decoder.handle_bytes(chunk)? else { return Ok(None) };
        let said = match (&self.state, frame) {
            (State::Hello, ToServer::Hello(hello)) => {
                self.state = State::Open;
                self.decoder.set_frame_bytes_max(self.frame_bytes_max);
                FromClient::Hello(hello)
            }
            (State::Hello, _) => return Err(ServerSessionError::HelloExpected),
            (State::Open, ToServer::Hello(_)) => return Err(ServerSessionError::HelloTwice),
            (State::Open, ToServer::Send { payload }) => {
                FromClient::Request { call: None, level: None, payload }
            }
            (State::Open, ToServer::Call { call, level, payload }) => {
                FromClient::Request { call: Some(call), level, payload }
            }
            (State::Open, ToServer::Ack { received }) => FromClient::Ack { received },
            (State::Open, ToServer::Goodbye) => {
                self.state = State::Over;
                FromClient::Goodbye
            }
            (State::Over, _) => return Err(ServerSessionError::BehindGoodbye),
        };
        Ok(Some(said))
    }

    /// Says whether the client may end its stream here. Doing so means the same as [`FromClient::Goodbye`].
    ///
    /// # Errors
    /// [`FrameError::Truncated`] inside a frame, [`ServerSessionError::HelloExpected`] before the greeting.
    pub fn handle_end(&self) -> Result<(), ServerSessionError> {
        self.decoder.handle_end()?;
        match self.state {
            State::Hello => Err(ServerSessionError::HelloExpected),
            State::Open | State::Over => Ok(()),
        }
    }
}

impl ServerSessionError {
    /// What the connection is to be closed with.
    pub fn close_code(&self) -> CloseCode {
        match self {
            Self::Frame(FrameError::TooLong { .. }) => CloseCode::TooLong,
            Self::Frame(FrameError::Version { .. }) => CloseCode::Rejected,
            Self::TooFast => CloseCode::RateLimit,
            _ => CloseCode::Violation,
        }
    }
}

#[derive(Debug)]
enum State {
    Hello,
    Open,
    Over,
}
