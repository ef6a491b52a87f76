//! How a session begins, or goes on: who greets, with what, and which versions and sizes are agreed.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The protocol's name in the TLS handshake.
pub const ALPN: &[u8] = b"daystar/1";

/// The version that the first frame of a session names.
pub const VERSION: u16 = 3;

/// How long the first frame may be (kind and body): a stranger gets no more room than a greeting with a signed token needs.
pub const HELLO_BYTES_MAX: usize = 4096;

/// The first frame of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol version that the client speaks, [`VERSION`].
    pub version: u16,
    /// The game it was built for.
    pub game: String,
    /// Who wants to join.
    pub credentials: Credentials,
}

/// Who a client says that it is, and what it shows for it. What is secret in it is not printed by `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Credentials {
    /// A name that anybody may say, for servers that ask for no more.
    Name(String),
    /// An account that the server keeps.
    Password {
        /// The account's name.
        account: String,
        /// Its password, as it was typed.
        password: String,
        /// Whether the account is to be made: then it must not exist yet. Otherwise it must.
        is_new: bool,
    },
    /// A token that somebody whom the server trusts has signed.
    Token(String),
    /// The session that this client had over a connection that was lost.
    Resume {
        /// Its number, from [`Welcome`](crate::to_client::ToClient::Welcome).
        session: u64,
        /// The newest secret of it that the client was told.
        secret: [u8; 32],
        /// How many frames that count the client has received in it.
        received: u64,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.debug_tuple("Name").field(name).finish(),
            Self::Password { account, is_new, .. } => f
                .debug_struct("Password")
                .field("account", account)
                .field("is_new", is_new)
                .finish_non_exhaustive(),
            Self::Token(_) => f.debug_tuple("Token").finish_non_exhaustive(),
            Self::Resume { session, received, .. } => f
                .debug_struct("Resume")
                .field("session", session)
                .field("received", received)
                .finish_non_exhaustive(),
        }
    }
}

/// What a client shows when it resumes its session. Not printed by `Debug`.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret([u8; 32]);

impl Secret {
    /// The secret with these bytes, which must be random.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}
