//! Why a client is not let in, as a number that a program can act on; a text for people goes along with it.

/// Why there will be no session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RejectCode {
    /// Another reason, which the text says; the game's own among them.
    Other,
    /// The server runs another game.
    WrongGame,
    /// The server speaks another version of the protocol.
    WrongVersion,
    /// The credentials are not right, or are of a kind that the server does not take.
    WrongCredentials,
    /// Somebody of the same name is here.
    NameInUse,
    /// A limit is reached; the same may be let in later.
    Busy,
    /// The session that was to go on is over, or was never there, or cannot go on from where the client stands.
    SessionOver,
}

impl RejectCode {
    /// Every code, in the order of their numbers.
    pub const ALL: [Self; 7] = [
        Self::Other,
        Self::WrongGame,
        Self::WrongVersion,
        Self::WrongCredentials,
        Self::NameInUse,
        Self::Busy,
        Self::SessionOver,
    ];

    /// The number on the wire.
    pub const fn to_raw(self) -> u8 {
        self as u8
    }

    /// The code with the number `raw`; one that is not known is [`Other`](Self::Other), and the text has to do.
    pub fn from_raw(raw: u8) -> Self {
        Self::ALL.into_iter().find(|code| code.to_raw() == raw).unwrap_or(Self::Other)
    }
}
