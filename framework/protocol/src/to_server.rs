//! The frames that a client sends.

use bytes::{BufMut, Bytes};

use crate::frame::{self, Frame, FrameError};
use crate::handshake::{Hello, VERSION};
use crate::message::{EncodeError, Message, encode_behind};

/// What must have become of a request before its caller is told of the outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// That it has taken effect. A crash of the server may still take it back.
    Committed,
    /// That nothing can take it back any more, a power cut included.
    Durable,
}

/// A frame from a client to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToServer {
    /// The first frame: who I am.
    Hello(Hello),
    /// A request that wants no answer.
    Send {
        /// The encoded message.
        payload: Bytes,
    },
    /// A request whose outcome is wanted.
    Call {
        /// The client's number for it, never zero; the answer repeats it.
        call: u32,
        /// When the outcome is wanted; `None`: when the server says.
        level: Option<Level>,
        /// The encoded message.
        payload: Bytes,
    },
    /// The last frame: the session ends because the client wants it to.
    Goodbye,
    /// How far the client has received what the server sent.
    Ack {
        /// How many frames that count it has received in this session.
        received: u64,
    },
}

impl ToServer {
    /// The frame as it goes onto the stream.
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Hello(hello) => frame::control(HELLO, hello),
            Self::Send { payload } => {
                let mut frame = frame::begin(SEND, payload.len());
                frame.extend_from_slice(payload);
                frame::finish(frame)
            }
            Self::Call { call, level, payload } => {
                let mut frame = call_head(*call, *level, payload.len());
                frame.extend_from_slice(payload);
                frame::finish(frame)
            }
            Self::Goodbye => frame::finish(frame::begin(GOODBYE, 0)),
            Self::Ack { received } => frame::control(ACK, received),
        }
    }
}

impl Frame for ToServer {
    fn counts(kind: u8) -> bool {
        matches!(kind, SEND | CALL | DURABLE_CALL | COMMITTED_CALL)
    }

    fn is_kind(kind: u8) -> bool {
        matches!(kind, HELLO | SEND | CALL | GOODBYE | DURABLE_CALL | ACK | COMMITTED_CALL)
    }

    fn parse(kind: u8, body: Bytes) -> Result<Self, FrameError> {
        match kind {
            HELLO => {
                // The version is read on its own: what follows it may look different in another one.
                match postcard::take_from_bytes::<u16>(&body) {
                    Ok((theirs, _)) if theirs != VERSION => {
                        Err(FrameError::Version { theirs, ours: VERSION })
                    }
                    _ => frame::parse_control("Hello", &body).map(Self::Hello),
                }
            }
            SEND => Ok(Self::Send { payload: body }),
            CALL => parse_call(None, body),
            DURABLE_CALL => parse_call(Some(Level::Durable), body),
            COMMITTED_CALL => parse_call(Some(Level::Committed), body),
            GOODBYE if body.is_empty() => Ok(Self::Goodbye),
            GOODBYE => Err(FrameError::Malformed { kind: "Goodbye", cause: "it has no body" }),
            ACK => frame::parse_control("Ack", &body).map(|received| Self::Ack { received }),
            kind => Err(FrameError::UnknownKind { kind }),
        }
    }
}

/// The frame of a [`ToServer::Send`], encoded in one go.
///
/// # Errors
/// Those of [`encode_message`](crate::message::encode_message).
pub fn send_frame<M: Message>(message: &M) -> Result<Bytes, EncodeError> {
    encode_behind(frame::begin(SEND, PAYLOAD_BYTES_GUESS), message).map(frame::finish)
}

/// The frame of a [`ToServer::Call`], encoded in one go.
///
/// # Errors
/// Those of [`encode_message`](crate::message::encode_message).
pub fn call_frame<M: Message>(
    call: u32,
    level: Option<Level>,
    message: &M,
) -> Result<Bytes, EncodeError> {
    let front = call_head(call, level, PAYLOAD_BYTES_GUESS);
    encode_behind(front, message).map(frame::finish)
}

fn parse_call(level: Option<Level>, mut body: Bytes) -> Result<ToServer, FrameError> {
    match frame::take_u32("Call", &mut body)? {
        0 => Err(FrameError::Malformed { kind: "Call", cause: "calls count from one" }),
        call => Ok(ToServer::Call { call, level, payload: body }),
    }
}

fn call_head(call: u32, level: Option<Level>, payload_bytes: usize) -> Vec<u8> {
    let kind = match level {
        None => CALL,
        Some(Level::Committed) => COMMITTED_CALL,
        Some(Level::Durable) => DURABLE_CALL,
    };
    let mut frame = frame::begin(kind, 4 + payload_bytes);
    frame.put_u32_le(call);
    frame
}

/// Requests are small: most fit the first allocation.
const PAYLOAD_BYTES_GUESS: usize = 48;

const HELLO: u8 = 0x01;
const SEND: u8 = 0x02;
const CALL: u8 = 0x03;
const GOODBYE: u8 = 0x04;
const DURABLE_CALL: u8 = 0x05;
const ACK: u8 = 0x06;
const COMMITTED_CALL: u8 = 0x07;
