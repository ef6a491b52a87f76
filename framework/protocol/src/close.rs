//! The codes that a QUIC connection is closed with; a text for people goes along with each.

/// Why a connection was closed, as the QUIC application close code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The client said goodbye, and all is well.
    Goodbye,
    /// The server ended the session: the game wanted it, or the server stops.
    Closing,
    /// The server did not let the client join.
    Rejected,
    /// The peer sent what is not the protocol.
    Violation,
    /// The peer announced a frame longer than allowed.
    TooLong,
    /// The client was connected but did not greet in time.
    HelloTimeout,
    /// The client does not read what it is sent as fast as it is sent.
    TooSlow,
    /// The server has reached a limit of its own.
    Busy,
    /// The session goes on over another connection; or its client has joined anew from elsewhere, and this session is over.
    Replaced,
    /// The client asked for more than the server allows in so much time.
    RateLimit,
    /// The connection ends, the session does not: its client means to resume it.
    Detached = 11,
}

impl CloseCode {
    /// Every code, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Goodbye,
        Self::Closing,
        Self::Rejected,
        Self::Violation,
        Self::TooLong,
        Self::HelloTimeout,
        Self::TooSlow,
        Self::Busy,
        Self::Replaced,
        Self::RateLimit,
        Self::Detached,
    ];

    /// The number on the wire.
    pub const fn to_raw(self) -> u32 {
        self as u32
    }

    /// The code with the number `raw`.
    pub fn from_raw(raw: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|code| u64::from(code.to_raw()) == raw)
    }
}
