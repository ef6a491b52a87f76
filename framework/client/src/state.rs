//! How a session's connection fares, for programs that show it.

use crate::error::Disconnected;

/// How a session's connection fares. See [`Client::state`](crate::Client::state).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectionState {
    /// The client has joined, and this connection is its first.
    Connected,
    /// The connection was lost. The client tries to come back; what is sent meanwhile waits.
    Reconnecting,
    /// The client is back: nothing was lost, and nothing came twice.
    Resumed,
    /// The session is over.
    Over(Disconnected),
}

impl ConnectionState {
    /// Whether what is sent now is on its way at once.
    pub fn is_connected(&self) -> bool {
        matches!(self, Self::Connected | Self::Resumed)
    }
}
