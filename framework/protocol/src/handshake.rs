//! How a session begins: who greets, with what, and which versions and sizes are agreed.

use serde::{Deserialize, Serialize};

/// The protocol's name in the TLS handshake.
pub const ALPN: &[u8] = b"daystar/1";

/// The version that the first frame of a session names.
pub const VERSION: u16 = 2;

/// How long the first frame may be (kind and body): a stranger gets no more room than a greeting needs.
pub const HELLO_BYTES_MAX: usize = 1024;

/// The first frame of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The protocol version that the client speaks, [`VERSION`].
    pub version: u16,
    /// The game it was built for.
    pub game: String,
    /// Who wants to join.
    pub name: String,
}
