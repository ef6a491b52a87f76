//! Connecting and greeting: what comes before a session, or before it goes on.

use std::net::SocketAddr;

use daystar_protocol::client_session::FromServer;
use daystar_protocol::close::CloseCode;
use daystar_protocol::handshake::{Credentials, Hello, VERSION};
use daystar_protocol::reject::RejectCode;
use daystar_protocol::to_server::ToServer;
use quinn::{Connection, ConnectionError, SendStream, TransportErrorCode, VarInt};

use crate::error::{ConnectError, Disconnected};
use crate::reader::{ReadEnd, Reader};
use crate::tls::{self, Belief};

/// Where and how a client connects.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    pub(crate) endpoint: quinn::Endpoint,
    pub(crate) server: SocketAddr,
    /// The same for each connection of a session: who takes it over on the way must prove as much.
    pub(crate) belief: Belief,
    pub(crate) game: String,
    pub(crate) to_client_bytes_max: usize,
}

/// A connection over which the client has greeted.
pub(crate) struct Line {
    pub(crate) connection: Connection,
    pub(crate) reader: Reader,
    pub(crate) stream: SendStream,
}

impl Dial {
    /// Connects, greets, and waits for the answer, which is the first that the server says.
    pub(crate) async fn greet(
        &self,
        credentials: Credentials,
    ) -> Result<(Line, FromServer), ConnectError> {
        let server = self.server;
        let setup = |cause: String| ConnectError::Setup { server, cause };
        let settings =
            tls::settings(self.belief.clone()).map_err(|error| setup(error.to_string()))?;
        let connecting = self
            .endpoint
            .connect_with(settings.quic, server, &self.belief.server_name())
            .map_err(|error| setup(error.to_string()))?;
        let connection = match connecting.await {
            Ok(connection) => connection,
            Err(error) => {
                return Err(match settings.distrusted.get() {
                    Some((actual, why)) => {
                        ConnectError::Untrusted { server, actual: *actual, why: why.clone() }
                    }
                    None => not_joined(server, error),
                });
            }
        };
        let lost = |error| not_joined(server, error);
        let (mut stream, reading) = connection.open_bi().await.map_err(lost)?;
        let mut reader = Reader::new(reading, self.to_client_bytes_max);
        // A session that has not begun for the client must not live on for nobody.
        let given_up = match &credentials {
            Credentials::Resume { .. } => CloseCode::Detached,
            _ => CloseCode::Goodbye,
        };
        // Behind the streams, to be dropped before them.
        let attempt = Attempt(Some((connection.clone(), given_up)));
        let hello = Hello { version: VERSION, game: self.game.clone(), credentials };
        // Should this fail, the reader learns why.
        let _ = stream.write_chunk(ToServer::Hello(hello).encode()).await;
        let answer = reader.next().await;
        attempt.answered();
        match answer {
            Ok(answer) => Ok((Line { connection, reader, stream }, answer)),
            Err(ReadEnd::Lost(error)) => Err(lost(error)),
            Err(end) => Err(ConnectError::Disconnected { server, cause: ended(&connection, end) }),
        }
    }
}

/// A connection whose greeting has not been answered, and what it is closed with when it is dropped, as it is when the answer takes
/// too long. Streams that are dropped end, which says goodbye, but the session may have gone on over them already.
struct Attempt(Option<(Connection, CloseCode)>);

impl Attempt {
    /// The answer is there, or there will be none.
    fn answered(mut self) {
        self.0 = None;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some((connection, with)) = self.0.take() {
            close(&connection, with, "given up");
        }
    }
}

/// Closes what is left of the connection, and says what has happened.
pub(crate) fn ended(connection: &Connection, end: ReadEnd) -> Disconnected {
    match end {
        ReadEnd::Lost(error) => disconnected(error),
        ReadEnd::Violation(error) => {
            close(connection, CloseCode::Violation, &error.to_string());
            Disconnected::ServerViolation(error)
        }
        ReadEnd::Finished => {
            close(connection, CloseCode::Goodbye, "the server ended its stream");
            Disconnected::Lost("the server ended its stream without a reason".to_owned())
        }
    }
}

pub(crate) fn disconnected(error: ConnectionError) -> Disconnected {
    let ConnectionError::ApplicationClosed(closed) = error else {
        return match error {
            ConnectionError::LocallyClosed => Disconnected::ByClient,
            ConnectionError::TimedOut => Disconnected::Lost("the server is silent".to_owned()),
            error => Disconnected::Lost(error.to_string()),
        };
    };
    let reason = String::from_utf8_lossy(&closed.reason).into_owned();
    match CloseCode::from_raw(closed.error_code.into_inner()) {
        Some(CloseCode::Goodbye) => Disconnected::ByClient,
        Some(CloseCode::TooSlow) => Disconnected::TooSlow(reason),
        Some(CloseCode::Violation | CloseCode::TooLong) => Disconnected::Violation(reason),
        Some(code) => Disconnected::ByServer { code, reason },
        None => Disconnected::Lost(format!("closed with code {}: {reason}", closed.error_code)),
    }
}

/// What the end of a connection means that has not become a session.
fn not_joined(server: SocketAddr, error: ConnectionError) -> ConnectError {
    let transport = match &error {
        ConnectionError::ConnectionClosed(closed) => Some(closed.error_code),
        ConnectionError::TransportError(error) => Some(error.code),
        _ => None,
    };
    if transport == Some(TransportErrorCode::CONNECTION_REFUSED) {
        return ConnectError::Full { server };
    }
    if transport == Some(TransportErrorCode::crypto(NO_APPLICATION_PROTOCOL))
        || error == ConnectionError::VersionMismatch
    {
        return ConnectError::WrongProtocol { server };
    }
    if let ConnectionError::ApplicationClosed(closed) = &error
        && closed.error_code == code(CloseCode::Rejected)
    {
        // The frame with the code has not come: as with a code that is not known, the text has to do.
        let reason = String::from_utf8_lossy(&closed.reason).into_owned();
        return ConnectError::Rejected { code: RejectCode::Other, reason };
    }
    ConnectError::Disconnected { server, cause: disconnected(error) }
}

pub(crate) fn close(connection: &Connection, with: CloseCode, reason: &str) {
    connection.close(code(with), reason.as_bytes());
}

fn code(code: CloseCode) -> VarInt {
    VarInt::from_u32(code.to_raw())
}

/// TLS alert 120: the two sides have no protocol in common.
const NO_APPLICATION_PROTOCOL: u8 = 120;
