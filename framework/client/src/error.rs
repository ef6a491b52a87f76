//! What can go wrong for a client, one type per operation.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use daystar_protocol::client_session::ClientSessionError;
use daystar_protocol::close::CloseCode;
use daystar_protocol::fingerprint::Fingerprint;
use daystar_protocol::message::{DecodeError, EncodeError};
use daystar_protocol::reject::RejectCode;

/// Why a client could not join.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The builder was not told something it cannot guess.
    #[error("the client's {what} is not set: call `.{what}(..)` on the builder")]
    Unset {
        /// The builder's method.
        what: &'static str,
    },
    /// This machine does not give the client a socket.
    #[error("no UDP socket could be opened: {0}")]
    Socket(#[source] io::Error),
    /// TLS or QUIC cannot be set up as asked.
    #[error("the connection to {server} cannot be set up: {cause}")]
    Setup {
        /// The server's address.
        server: SocketAddr,
        /// What was said against it.
        cause: String,
    },
    /// Nobody answered, or the join took too long.
    #[error("{server} did not let the client join within {after:?}: is a server running there?")]
    TimedOut {
        /// The server's address.
        server: SocketAddr,
        /// How long was waited.
        after: Duration,
    },
    /// The server has no room for another connection.
    #[error("{server} refused the connection: it is full; try again later")]
    Full {
        /// The server's address.
        server: SocketAddr,
    },
    /// Something else than a Daystar server of this version listens there.
    #[error("{server} does not speak daystar/1: it is another kind of server, or another version")]
    WrongProtocol {
        /// The server's address.
        server: SocketAddr,
    },
    /// The server's certificate is none that the client is to believe, or not the server's own. The server has been told nothing,
    /// credentials included.
    #[error(
        "{server} is not the server you trust: {why}; its certificate has the fingerprint {actual}"
    )]
    Untrusted {
        /// The server's address.
        server: SocketAddr,
        /// The fingerprint of the certificate that the server shows.
        actual: Fingerprint,
        /// What is wrong with it.
        why: Distrust,
    },
    /// The server, or the game on it, did not let the client join.
    #[error("{reason}")]
    Rejected {
        /// For a program to act on: [`Busy`](RejectCode::Busy) may pass, [`WrongVersion`](RejectCode::WrongVersion) will not.
        /// [`Other`](RejectCode::Other) if the game had a reason of its own, or the server did not say which.
        code: RejectCode,
        /// For a person to read.
        reason: String,
    },
    /// The connection ended before the join was done.
    #[error("the connection to {server} ended before the client had joined: {cause}")]
    Disconnected {
        /// The server's address.
        server: SocketAddr,
        /// Why.
        cause: Disconnected,
    },
}

/// Why a server's certificate is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It has a fingerprint that is not among those that are believed.
    #[error("its certificate is not the one with the fingerprint {}", listed(.expected))]
    OtherFingerprint {
        /// What was to be trusted.
        expected: Vec<Fingerprint>,
    },
    /// No authority that is believed vouches for it, at this time and under this name: somebody else has issued it, it is for
    /// another name, or its time is over.
    #[error("no authority that you trust vouches for it as {name}: {cause}")]
    NotVouchedFor {
        /// What the server was to be called.
        name: String,
        /// What was found.
        cause: String,
    },
    /// It is one that is believed, but who shows it has not signed with its key. Anybody can show a certificate: the server shows its
    /// own to all who come.
    #[error(
        "it has not shown that the certificate is its own: somebody else answers in its place, or it has the key of another certificate; \
         ask who runs it"
    )]
    NotItsKey,
}

fn listed(fingerprints: &[Fingerprint]) -> String {
    let fingerprints: Vec<_> = fingerprints.iter().map(Fingerprint::to_string).collect();
    if fingerprints.is_empty() {
        "that is trusted, of which there is none".to_owned()
    } else {
        fingerprints.join(" or ")
    }
}

/// Why a call has no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server says no, for this reason; the request had no effect.
    #[error("{0}")]
    Refused(String),
    /// The session is over. The request may or may not have taken effect.
    #[error("{0}")]
    Disconnected(Disconnected),
    /// The request is longer than the server takes. It was not sent.
    #[error("a request of {bytes} bytes is too long: at most {bytes_max} are allowed")]
    TooLong {
        /// Kind and body of its frame.
        bytes: usize,
        /// What is allowed.
        bytes_max: usize,
    },
    /// The request cannot be written down. It was not sent.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The request has taken effect, but its answer cannot be read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

/// Why a request was not sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The session is over.
    #[error("{0}")]
    Disconnected(Disconnected),
    /// The request is longer than the server takes.
    #[error("a request of {bytes} bytes is too long: at most {bytes_max} are allowed")]
    TooLong {
        /// Kind and body of its frame.
        bytes: usize,
        /// What is allowed.
        bytes_max: usize,
    },
    /// The request cannot be written down.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disconnected {
    /// The server ended it: the game wanted that, or the server stops, or it has reached a limit.
    #[error("the server ended the session: {reason}")]
    ByServer {
        /// For a program to act on; [`Closing`](CloseCode::Closing) if the game wanted it or the server stops.
        code: CloseCode,
        /// For a person to read.
        reason: String,
    },
    /// The server dropped a client that did not read what it was sent.
    #[error("the server dropped the client: {0}")]
    TooSlow(String),
    /// The server dropped a client that did not keep to the protocol, for instance by too long a frame.
    #[error("the server dropped the client for breaking the protocol: {0}")]
    Violation(String),
    /// The server did not keep to the protocol.
    #[error("the server broke the protocol: {0}")]
    ServerViolation(#[from] ClientSessionError),
    /// The server sent an event that is none of the game's.
    #[error("the server sent an event that cannot be read: {0}")]
    Unreadable(String),
    /// Too many events piled up because the program did not take them.
    #[error("{bytes} bytes of events were waiting to be read: call `Events::next` more often")]
    EventsNotRead {
        /// How many.
        bytes: usize,
    },
    /// The connection was lost, and the server did not let the client go on: the session was over there, for instance because
    /// the server was started anew.
    #[error("the connection was lost, and the session could not be resumed: {0}")]
    NotResumed(String),
    /// The server cannot be reached any more.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// This client ended it.
    #[error("the client has left")]
    ByClient,
}
