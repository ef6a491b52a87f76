//! The frames that the server sends.

use bytes::{Buf, BufMut, Bytes};

use crate::frame::{self, Frame, FrameError, LENGTH_BYTES};
use crate::handshake::Secret;
use crate::message::{EncodeError, Message, encode_behind};
use crate::reject::RejectCode;

/// A frame from the server to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToClient {
    /// The first frame of a session that is one.
    Welcome {
        /// The session's number.
        session: u64,
        /// What the client shows to resume it.
        secret: Secret,
        /// For how many milliseconds the session outlives a lost connection; zero: it does not.
        window_ms: u32,
    },
    /// The first frame of another connection of a session.
    Resumed {
        /// What the client shows to resume it the next time.
        secret: Secret,
        /// How many frames that count the server has received in it.
        received: u64,
    },
    /// The only frame of a session that is none.
    Rejected {
        /// Why, for a program to act on.
        code: RejectCode,
        /// Why, for a person to read.
        reason: String,
    },
    /// A message that answers nothing.
    Event {
        /// The encoded message.
        payload: Bytes,
    },
    /// A call's request has taken effect.
    Reply {
        /// Which call.
        call: u32,
        /// The encoded answer, if the game gave one.
        payload: Option<Bytes>,
    },
    /// A request has had no effect.
    Refused {
        /// Which call, or zero for a [`Send`](crate::to_server::ToServer::Send).
        call: u32,
        /// Why, for a person to read.
        reason: String,
    },
    /// The last frame: the server ends the session.
    Closing {
        /// Why, for a person to read.
        reason: String,
    },
    /// How far the server has received what the client sent.
    Ack {
        /// How many frames that count it has received in this session.
        received: u64,
    },
}

impl ToClient {
    /// The frame as it goes onto the stream. A reason is cut to [`REASON_BYTES_MAX`].
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Welcome { session, secret, window_ms } => {
                frame::control(WELCOME, &(*session, *secret, *window_ms))
            }
            Self::Resumed { secret, received } => frame::control(RESUMED, &(*secret, *received)),
            Self::Rejected { code, reason } => {
                frame::control(REJECTED, &(code.to_raw(), cut(reason)))
            }
            Self::Event { payload } => {
                let mut frame = frame::begin(EVENT, payload.len());
                frame.extend_from_slice(payload);
                frame::finish(frame)
            }
            Self::Reply { call, payload } => {
                let mut frame =
                    reply_head(*call, payload.is_some(), payload.as_ref().map_or(0, Bytes::len));
                frame.extend_from_slice(payload.as_deref().unwrap_or_default());
                frame::finish(frame)
            }
            Self::Refused { call, reason } => frame::control(REFUSED, &(*call, cut(reason))),
            Self::Closing { reason } => frame::control(CLOSING, &cut(reason)),
            Self::Ack { received } => frame::control(ACK, received),
        }
    }
}

impl Frame for ToClient {
    fn counts(kind: u8) -> bool {
        matches!(kind, EVENT | REPLY | REFUSED)
    }

    fn is_kind(kind: u8) -> bool {
        matches!(kind, WELCOME | REJECTED | EVENT | REPLY | REFUSED | CLOSING | RESUMED | ACK)
    }

    fn parse(kind: u8, mut body: Bytes) -> Result<Self, FrameError> {
        match kind {
            WELCOME => frame::parse_control("Welcome", &body)
                .map(|(session, secret, window_ms)| Self::Welcome { session, secret, window_ms }),
            RESUMED => frame::parse_control("Resumed", &body)
                .map(|(secret, received)| Self::Resumed { secret, received }),
            REJECTED => frame::parse_control("Rejected", &body)
                .map(|(code, reason)| Self::Rejected { code: RejectCode::from_raw(code), reason }),
            EVENT => Ok(Self::Event { payload: body }),
            REPLY => {
                let call = frame::take_u32("Reply", &mut body)?;
                let present = body.has_remaining().then(|| body.get_u8());
                match (present, body.is_empty()) {
                    (Some(1), _) => Ok(Self::Reply { call, payload: Some(body) }),
                    (Some(0), true) => Ok(Self::Reply { call, payload: None }),
                    _ => Err(FrameError::Malformed {
                        kind: "Reply",
                        cause: "it does not say whether there is an answer",
                    }),
                }
            }
            REFUSED => frame::parse_control("Refused", &body)
                .map(|(call, reason)| Self::Refused { call, reason }),
            CLOSING => {
                frame::parse_control("Closing", &body).map(|reason| Self::Closing { reason })
            }
            ACK => frame::parse_control("Ack", &body).map(|received| Self::Ack { received }),
            kind => Err(FrameError::UnknownKind { kind }),
        }
    }
}

/// The frame of a [`ToClient::Event`], encoded in one go.
///
/// # Errors
/// Those of [`encode_message`](crate::message::encode_message).
pub fn event_frame<M: Message>(message: &M) -> Result<Bytes, EncodeError> {
    encode_behind(frame::begin(EVENT, PAYLOAD_BYTES_GUESS), message).map(frame::finish)
}

/// The datagram that carries what the frame of a [`ToClient::Event`] does: its kind and its body, in the same memory.
pub fn datagram(event_frame: &Bytes) -> Bytes {
    event_frame.slice(LENGTH_BYTES.min(event_frame.len())..)
}

/// The payload of the event that `datagram` carries.
///
/// # Errors
/// [`FrameError`] when it carries none.
pub fn parse_datagram(mut datagram: Bytes) -> Result<Bytes, FrameError> {
    match datagram.first() {
        Some(&EVENT) => Ok(datagram.split_off(1)),
        Some(&kind) => Err(FrameError::UnknownKind { kind }),
        None => Err(FrameError::Empty),
    }
}

/// The frame of a [`ToClient::Reply`], encoded in one go.
///
/// # Errors
/// Those of [`encode_message`](crate::message::encode_message).
pub fn reply_frame<M: Message>(call: u32, message: Option<&M>) -> Result<Bytes, EncodeError> {
    let front = reply_head(call, message.is_some(), PAYLOAD_BYTES_GUESS);
    match message {
        Some(message) => encode_behind(front, message).map(frame::finish),
        None => Ok(frame::finish(front)),
    }
}

/// How many bytes of a reason are sent.
pub const REASON_BYTES_MAX: usize = 1024;

/// `reason` without what goes beyond [`REASON_BYTES_MAX`], cut between two characters.
fn cut(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(REASON_BYTES_MAX)]
}

fn reply_head(call: u32, present: bool, payload_bytes: usize) -> Vec<u8> {
    let mut frame = frame::begin(REPLY, 5 + payload_bytes);
    frame.put_u32_le(call);
    frame.put_u8(u8::from(present));
    frame
}

/// Events are small: most fit the first allocation.
const PAYLOAD_BYTES_GUESS: usize = 48;

// The two directions share no kind, so that a peer that talks the wrong way is noticed at its first byte.
const WELCOME: u8 = 0x81;
const REJECTED: u8 = 0x82;
const EVENT: u8 = 0x83;
const REPLY: u8 = 0x84;
const REFUSED: u8 = 0x85;
const CLOSING: u8 = 0x86;
const RESUMED: u8 = 0x87;
const ACK: u8 = 0x88;
