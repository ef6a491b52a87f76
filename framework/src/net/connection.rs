//! One connection, from its first packet until it belongs to a session.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use daystar_protocol::close::CloseCode;
use daystar_protocol::handshake::{Credentials, Hello};
use daystar_protocol::reject::RejectCode;
use daystar_protocol::server_session::{FromClient, ServerSessionError};
use daystar_protocol::to_client::ToClient;
use quinn::{Connection, ConnectionError, Incoming, SendStream, VarInt};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use crate::net::endpoint::{Permits, Shared};
use crate::net::handler::Login;
use crate::net::login;
use crate::net::reader::{ReadEnd, Reader};
use crate::net::resume::{Arrival, NotResumed};
use crate::net::session::{self, Line};

/// Runs the connection, giving each permit back as soon as it can, until it belongs to a session; a new session is run, too.
pub(super) async fn run(incoming: Incoming, shared: Arc<Shared>, permits: Permits) {
    let Permits { start, handshake, seat } = permits;
    let address = incoming.remote_address();
    let deadline = Instant::now() + shared.limits.hello_timeout;
    let connection = match incoming.accept() {
        Ok(connecting) => {
            let mut connecting = pin!(timeout_at(deadline, connecting));
            let quick = timeout(START_TIMEOUT, &mut connecting).await;
            drop(start);
            match quick {
                Ok(connection) => connection,
                Err(_) => connecting.await,
            }
        }
        Err(error) => Ok(Err(error)),
    };
    let connection = match connection {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return debug!(%address, %error, "a handshake failed"),
        Err(_) => return debug!(%address, "a handshake took too long"),
    };
    let greeted = timeout_at(deadline, greet(&connection, &shared)).await;
    drop(handshake);
    match greeted {
        Ok(Ok(Greeted { who, reader, stream })) => {
            let line = Line { connection, reader, stream, seat };
            match who {
                Who::New(name) => session::run(Login { name, address }, line, &shared).await,
                Who::Back { session, secret, received } => {
                    let arrival = Arrival { line: Box::new(line), secret, received };
                    let arrived = shared.resumptions.arrive(session, arrival);
                    let Err(NotResumed { line, code }) = arrived else { return };
                    debug!(%address, ?code, "a session was not resumed");
                    session::refuse(*line, code, &shared).await;
                }
            }
        }
        Ok(Err(NoGreeting::Rejected(stream, code, reason))) => {
            debug!(%address, reason, "a login was rejected");
            reject(&connection, stream, code, reason, &shared).await;
        }
        Ok(Err(NoGreeting::Violation(error))) => {
            debug!(%address, %error, "a client broke the protocol before it had greeted");
            close(&connection, error.close_code(), &error.to_string());
        }
        Ok(Err(NoGreeting::Lost(error))) => {
            debug!(%address, %error, "a client left without greeting")
        }
        Err(_) => {
            debug!(%address, "a client did not greet in time");
            let reason = format!("no Hello within {:?}", shared.limits.hello_timeout);
            close(&connection, CloseCode::HelloTimeout, &reason);
        }
    }
}

/// Why a connection does not become a session.
enum NoGreeting {
    Rejected(SendStream, RejectCode, String),
    Violation(ServerSessionError),
    Lost(ConnectionError),
}

/// A client that may begin or go on.
struct Greeted {
    who: Who,
    reader: Reader,
    stream: SendStream,
}

enum Who {
    New(String),
    Back { session: u64, secret: [u8; 32], received: u64 },
}

async fn greet(connection: &Connection, shared: &Shared) -> Result<Greeted, NoGreeting> {
    let (stream, recv) = connection.accept_bi().await.map_err(NoGreeting::Lost)?;
    let mut reader = Reader::new(recv, shared.limits.to_server_bytes_max);
    match reader.next().await {
        Ok(FromClient::Hello(Hello {
            credentials: Credentials::Resume { session, secret, received },
            ..
        })) => {
            let who = Who::Back { session, secret, received };
            Ok(Greeted { who, reader, stream })
        }
        Ok(FromClient::Hello(hello)) => match login::check(hello, &shared.game) {
            Ok(name) => Ok(Greeted { who: Who::New(name), reader, stream }),
            Err((code, reason)) => Err(NoGreeting::Rejected(stream, code, reason)),
        },
        Ok(_) => Err(NoGreeting::Violation(ServerSessionError::HelloExpected)),
        Err(ReadEnd::Violation(error)) if error.close_code() == CloseCode::Rejected => {
            Err(NoGreeting::Rejected(stream, RejectCode::WrongVersion, error.to_string()))
        }
        Err(ReadEnd::Violation(error)) => Err(NoGreeting::Violation(error)),
        Err(ReadEnd::Finished) => Err(NoGreeting::Violation(ServerSessionError::HelloExpected)),
        Err(ReadEnd::Lost(error)) => Err(NoGreeting::Lost(error)),
    }
}

/// Sends the reason as a frame and, in case that is not read, as the connection's end.
pub(super) async fn reject(
    connection: &Connection,
    mut stream: SendStream,
    code: RejectCode,
    reason: String,
    shared: &Shared,
) {
    let frame = ToClient::Rejected { code, reason: reason.clone() }.encode();
    let arrived = async {
        if stream.write_chunk(frame).await.is_ok() && stream.finish().is_ok() {
            let _ = stream.stopped().await;
        }
    };
    let _ = timeout(shared.limits.close_timeout, arrived).await;
    close(connection, CloseCode::Rejected, &reason);
}

pub(super) fn close(connection: &Connection, with: CloseCode, reason: &str) {
    // The reason travels in one packet.
    let reason = &reason[..reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX)];
    connection.close(code(with), reason.as_bytes());
}

pub(super) fn code(code: CloseCode) -> VarInt {
    VarInt::from_u32(code.to_raw())
}

/// A client that answers is done by then, and one that does not must not keep others waiting.
const START_TIMEOUT: Duration = Duration::from_millis(100);

const CLOSE_REASON_BYTES_MAX: usize = 512;
