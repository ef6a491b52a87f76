//! One connection, from its first packet until it belongs to a session.

use std::net::SocketAddr;
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
use crate::net::handshakes::Handshake;
use crate::net::login::{self, Admitted, NotAdmitted};
use crate::net::meters;
use crate::net::reader::{ReadEnd, Reader};
use crate::net::resume::{Arrival, NotResumed};
use crate::net::session::{self, Line};

/// Runs the connection, giving each permit back as soon as it can, until it belongs to a session; a new session is begun, too.
pub(super) async fn run(incoming: Incoming, shared: Arc<Shared>, permits: Permits) {
    let Permits { handshake, share, seat } = permits;
    let address = incoming.remote_address();
    let shaken = handshake.unless_it_must_go(shake(incoming, &handshake, &shared)).await;
    // What is dropped unfinished is closed by that.
    let Some(shaken) = shaken else { return made_way(address) };
    let (connection, deadline) = match shaken {
        Ok(shaken) => shaken,
        Err(NotShaken::Broken(error)) => {
            meters::handshake_failed("broken");
            return debug!(%address, %error, "a handshake failed");
        }
        Err(NotShaken::TooLate) => {
            meters::handshake_failed("too_late");
            return debug!(%address, "a handshake took too long");
        }
    };
    let greeted = handshake.unless_it_must_go(greet(&connection, &shared, deadline)).await;
    drop((handshake, share));
    let Some(greeted) = greeted else {
        close(&connection, CloseCode::Busy, MADE_WAY);
        return made_way(address);
    };
    match greeted {
        Ok(Greeted { who, reader, stream }) => {
            let line = Line { connection, reader, stream, seat };
            match who {
                // A task of its own, because this one has room for all that may happen until here.
                Who::New(login) => drop(tokio::spawn(session::run(login, line, shared))),
                Who::Back { session, secret, received } => {
                    let arrival = Arrival { line: Box::new(line), secret, received };
                    let arrived = shared.resumptions.arrive(session, arrival);
                    let Err(NotResumed { line, code }) = arrived else { return };
                    debug!(%address, ?code, "a session was not resumed");
                    session::refuse(*line, code, &shared).await;
                }
            }
        }
        Err(NoGreeting::Rejected(stream, code, reason)) => {
            debug!(%address, reason, "a login was rejected");
            reject(&connection, stream, code, reason, &shared).await;
        }
        Err(NoGreeting::Violation(error)) => {
            meters::handshake_failed("violation");
            debug!(%address, %error, "a client broke the protocol before it had greeted");
            close(&connection, error.close_code(), &error.to_string());
        }
        Err(NoGreeting::Lost) => {
            meters::handshake_failed("lost");
            debug!(%address, "a client left without greeting");
        }
        Err(NoGreeting::TooLate) => {
            meters::handshake_failed("no_greeting");
            debug!(%address, "a client did not greet in time");
            let reason = format!("no Hello within {:?}", shared.limits.hello_timeout);
            close(&connection, CloseCode::HelloTimeout, &reason);
        }
    }
}

/// Somebody else has its place among those that have not joined.
fn made_way(address: SocketAddr) {
    meters::handshake_failed("made_way");
    debug!(%address, "a connection that had not joined made way for another");
}

/// Why no connection comes about.
enum NotShaken {
    Broken(ConnectionError),
    TooLate,
}

/// Waits until it may be begun, and until it is done; and gives with it until when the client must have greeted.
async fn shake(
    incoming: Incoming,
    handshake: &Handshake,
    shared: &Shared,
) -> Result<(Connection, Instant), NotShaken> {
    let start = handshake.start().await;
    let deadline = Instant::now() + shared.limits.hello_timeout;
    let connecting = incoming.accept().map_err(NotShaken::Broken)?;
    let mut connecting = pin!(timeout_at(deadline, connecting));
    let quick = timeout(START_TIMEOUT, &mut connecting).await;
    drop(start);
    let connection = match quick {
        Ok(connection) => connection,
        Err(_) => connecting.await,
    };
    let connection = connection.map_err(|_| NotShaken::TooLate)?;
    connection.map(|connection| (connection, deadline)).map_err(NotShaken::Broken)
}

/// Why a connection does not become a session.
enum NoGreeting {
    Rejected(SendStream, RejectCode, String),
    Violation(ServerSessionError),
    Lost,
    TooLate,
}

/// A client that may begin or go on.
struct Greeted {
    who: Who,
    reader: Box<Reader>,
    stream: SendStream,
}

enum Who {
    New(Login),
    Back { session: u64, secret: [u8; 32], received: u64 },
}

/// Waits until `deadline` for the greeting, and then, as long as a login may take, until it is known who the client is.
async fn greet(
    connection: &Connection,
    shared: &Shared,
    deadline: Instant,
) -> Result<Greeted, NoGreeting> {
    let said = timeout_at(deadline, first_said(connection, shared));
    let (hello, reader, stream) = said.await.map_err(|_| NoGreeting::TooLate)??;
    if let Credentials::Resume { session, secret, received } = hello.credentials {
        let who = Who::Back { session, secret, received };
        return Ok(Greeted { who, reader, stream });
    }
    match login::admit(connection, hello, shared).await {
        Ok(Admitted { identity, seat }) => {
            let who = Who::New(Login { identity, seat, address: connection.remote_address() });
            Ok(Greeted { who, reader, stream })
        }
        Err(Some(NotAdmitted { code, reason, .. })) => {
            Err(NoGreeting::Rejected(stream, code, reason))
        }
        Err(None) => Err(NoGreeting::Lost),
    }
}

async fn first_said(
    connection: &Connection,
    shared: &Shared,
) -> Result<(Hello, Box<Reader>, SendStream), NoGreeting> {
    let (stream, recv) = connection.accept_bi().await.map_err(|_| NoGreeting::Lost)?;
    let mut reader = Box::new(Reader::new(recv, shared));
    match reader.next().await {
        Ok(FromClient::Hello(hello)) => Ok((hello, reader, stream)),
        Ok(_) => Err(NoGreeting::Violation(ServerSessionError::HelloExpected)),
        Err(ReadEnd::Violation(error)) if error.close_code() == CloseCode::Rejected => {
            meters::login_refused("other_version");
            Err(NoGreeting::Rejected(stream, RejectCode::WrongVersion, error.to_string()))
        }
        Err(ReadEnd::Violation(error)) => Err(NoGreeting::Violation(error)),
        Err(ReadEnd::Finished) => Err(NoGreeting::Violation(ServerSessionError::HelloExpected)),
        Err(ReadEnd::Lost(_)) => Err(NoGreeting::Lost),
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
    if timeout(shared.limits.close_timeout, arrived).await.is_err() {
        meters::cut_short();
    }
    close(connection, CloseCode::Rejected, &reason);
}

pub(super) fn close(connection: &Connection, with: CloseCode, reason: &str) {
    meters::closed(with);
    // The reason travels in one packet.
    let reason = &reason[..reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX)];
    connection.close(code(with), reason.as_bytes());
}

pub(super) fn code(code: CloseCode) -> VarInt {
    VarInt::from_u32(code.to_raw())
}

/// A client that answers is done by then, and one that does not must not keep others waiting.
const START_TIMEOUT: Duration = Duration::from_millis(100);

const MADE_WAY: &str =
    "too many want to join at the moment, and many of them from your network: try again in a while";

const CLOSE_REASON_BYTES_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::writer;

    fn of_three<A, B, C, F>(_: fn(A, B, C) -> F) -> usize {
        size_of::<F>()
    }

    fn of_five<A, B, C, D, E, F>(_: fn(A, B, C, D, E) -> F) -> usize {
        size_of::<F>()
    }

    /// Ten thousand idle clients are ten thousand of these. A future has room for every value once for each place that it is
    /// moved through, so a little change may cost kilobytes.
    #[test]
    fn what_is_kept_for_each_client_is_small() {
        let (session, writer) = (of_three(session::run), of_five(writer::write));
        assert!(session <= 2_048, "a session takes {session} bytes");
        assert!(writer <= 512, "its writer takes {writer} bytes");
    }
}
