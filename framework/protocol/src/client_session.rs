//! The client's view of one session: what the server may say, and when.

use std::time::Duration;

use bytes::Bytes;

use crate::frame::{FrameDecoder, FrameError};
use crate::handshake::Secret;
use crate::reject::RejectCode;
use crate::retained::ReceivedError;
use crate::to_client::ToClient;

/// The receiving side of a session on the client.
#[derive(Debug)]
pub struct ClientSession {
    decoder: FrameDecoder<ToClient>,
    state: State,
}

/// What the server has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromServer {
    /// The session exists. Comes first, unless [`FromServer::Resumed`] or [`FromServer::Rejected`] does.
    Welcome {
        /// The session's number.
        session: u64,
        /// What to show to resume it.
        secret: Secret,
        /// How long it outlives a lost connection; zero: it does not.
        window: Duration,
    },
    /// The session goes on over this connection. Comes first.
    Resumed {
        /// What to show to resume it the next time.
        secret: Secret,
        /// How many frames that count the server has received in it.
        received: u64,
    },
    /// There will be no session. Comes alone.
    Rejected {
        /// Why, for a program to act on.
        code: RejectCode,
        /// Why.
        reason: String,
    },
    /// A message that answers nothing.
    Event {
        /// The encoded message.
        payload: Bytes,
    },
    /// A call has taken effect.
    Reply {
        /// Which call.
        call: u32,
        /// The encoded answer, if there is one.
        payload: Option<Bytes>,
    },
    /// A request has had no effect.
    Refused {
        /// Which call; `None`: a request that wanted no answer.
        call: Option<u32>,
        /// Why.
        reason: String,
    },
    /// How far the server has received what it was sent.
    Ack {
        /// How many frames that count, since the session began.
        received: u64,
    },
    /// The server ends the session. Comes last.
    Closing {
        /// Why.
        reason: String,
    },
}

/// What a server did against the protocol. The session is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientSessionError {
    /// The bytes are no frame.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Something came before the welcome.
    #[error("the server's first frame must be Welcome, Resumed or Rejected")]
    WelcomeExpected,
    /// A welcome or a rejection came again.
    #[error("the server answered the greeting a second time")]
    WelcomeTwice,
    /// An acknowledgement of what was not sent.
    #[error(transparent)]
    Received(#[from] ReceivedError),
    /// Something came behind the last frame.
    #[error("the server sent a frame behind the last one of the session")]
    BehindEnd,
}

impl ClientSession {
    /// A session whose server has not spoken yet, and whose frames may have `frame_bytes_max` bytes (kind and body).
    pub fn new(frame_bytes_max: usize) -> Self {
        Self { decoder: FrameDecoder::new(frame_bytes_max), state: State::Welcome }
    }

    /// Takes bytes from the front of `chunk` until the server has said something; `None` when all are taken.
    ///
    /// # Errors
    /// [`ClientSessionError`]; the connection must then be closed.
    pub fn handle_bytes(
        &mut self,
        chunk: &mut &[u8],
    ) -> Result<Option<FromServer>, ClientSessionError> {
        let Some(frame) = self.decoder.handle_bytes(chunk)? else { return Ok(None) };
        let said = match (&self.state, frame) {
            (State::Welcome, ToClient::Welcome { session, secret, window_ms }) => {
                self.state = State::Open;
                let window = Duration::from_millis(window_ms.into());
                FromServer::Welcome { session, secret, window }
            }
            (State::Welcome, ToClient::Resumed { secret, received }) => {
                self.state = State::Open;
                FromServer::Resumed { secret, received }
            }
            (State::Welcome, ToClient::Rejected { code, reason }) => {
                self.state = State::Over;
                FromServer::Rejected { code, reason }
            }
            (State::Welcome | State::Open, ToClient::Closing { reason }) => {
                self.state = State::Over;
                FromServer::Closing { reason }
            }
            (State::Welcome, _) => return Err(ClientSessionError::WelcomeExpected),
            (
                State::Open,
                ToClient::Welcome { .. } | ToClient::Resumed { .. } | ToClient::Rejected { .. },
            ) => {
                return Err(ClientSessionError::WelcomeTwice);
            }
            (State::Open, ToClient::Ack { received }) => FromServer::Ack { received },
            (State::Open, ToClient::Event { payload }) => FromServer::Event { payload },
            (State::Open, ToClient::Reply { call, payload }) => FromServer::Reply { call, payload },
            (State::Open, ToClient::Refused { call, reason }) => {
                FromServer::Refused { call: (call != 0).then_some(call), reason }
            }
            (State::Over, _) => return Err(ClientSessionError::BehindEnd),
        };
        Ok(Some(said))
    }

    /// Says whether the stream may end here.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] inside a frame, [`ClientSessionError::WelcomeExpected`] before any answer.
    pub fn handle_end(&self) -> Result<(), ClientSessionError> {
        self.decoder.handle_end()?;
        match self.state {
            State::Welcome => Err(ClientSessionError::WelcomeExpected),
            State::Open | State::Over => Ok(()),
        }
    }
}

#[derive(Debug)]
enum State {
    Welcome,
    Open,
    Over,
}
