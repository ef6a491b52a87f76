//! One connection, from its first packet to its end.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use daystar_protocol::close::CloseCode;
use daystar_protocol::reject::RejectCode;
use daystar_protocol::server_session::{FromClient, ServerSessionError};
use daystar_protocol::to_client::ToClient;
use quinn::{Connection, ConnectionError, Incoming, SendStream, VarInt};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::debug;

use crate::net::endpoint::{Permits, Shared};
use crate::net::handler::{Closed, Login, Permit, Request, SessionInput};
use crate::net::login;
use crate::net::outbox::{End, Outbox};
use crate::net::reader::{ReadEnd, Reader};
use crate::net::writer;

/// Runs the connection to its end, giving each permit back as soon as it can.
pub(super) async fn run(incoming: Incoming, shared: Arc<Shared>, permits: Permits) {
    let Permits { start, handshake, seat: _seat } = permits;
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
        Ok(Ok((name, reader, stream))) => {
            session(&connection, Login { name, address }, reader, stream, &shared).await;
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

async fn greet(
    connection: &Connection,
    shared: &Shared,
) -> Result<(String, Reader, SendStream), NoGreeting> {
    let (stream, recv) = connection.accept_bi().await.map_err(NoGreeting::Lost)?;
    let mut reader = Reader::new(recv, shared.limits.to_server_bytes_max);
    match reader.next().await {
        Ok(FromClient::Hello(hello)) => match login::check(hello, &shared.game) {
            Ok(name) => Ok((name, reader, stream)),
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
async fn reject(
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

async fn session(
    connection: &Connection,
    login: Login,
    mut reader: Reader,
    stream: SendStream,
    shared: &Shared,
) {
    let (name, address) = (login.name.clone(), login.address);
    let outbox = Arc::new(Outbox::new(&shared.limits, Arc::clone(&shared.watermark)));
    let input = match shared.handler.open(login, Arc::clone(&outbox)) {
        Ok(input) => Input(Some(input)),
        Err(reason) => {
            debug!(%address, name, reason, "a login was rejected");
            return reject(connection, stream, RejectCode::Other, reason, shared).await;
        }
    };
    let listed = shared.open.list(&outbox);
    let mut writing = Writing(tokio::spawn(writer::write(stream, Arc::clone(&outbox))));
    let closed = tokio::select! {
        biased;
        end = outbox.ended() => {
            if !matches!(end, End::Dropped(..)) {
                let _ = timeout(shared.limits.close_timeout, &mut writing.0).await;
            }
            let is_held = outbox.is_held();
            let (code, reason) = match end {
                End::Dropped(code, reason) => (code, reason),
                // The connection's end must not tell either what may still be taken back.
                _ if is_held => (CloseCode::Closing, NOT_STORED.to_owned()),
                End::Closing(reason) => (CloseCode::Closing, reason),
                End::Rejected(reason) => (CloseCode::Rejected, reason),
            };
            close(connection, code, &reason);
            Closed::Dropped(reason)
        }
        end = receive(&mut reader, &input, shared) => match end {
            ReadEnd::Finished => {
                close(connection, CloseCode::Goodbye, "goodbye");
                Closed::ByClient
            }
            ReadEnd::Violation(error) => {
                let reason = error.to_string();
                close(connection, error.close_code(), &reason);
                Closed::Dropped(reason)
            }
            ReadEnd::Lost(error) => lost(&error),
        },
    };
    // Whoever still holds the outbox must not fill it for nobody.
    outbox.drop_all(CloseCode::Goodbye, String::new());
    drop(listed);
    debug!(%address, name, ?closed, "a session is over");
    input.closed(closed);
}

/// Hands the client's requests on until no more come.
async fn receive(reader: &mut Reader, input: &Input, shared: &Shared) -> ReadEnd {
    let places = Arc::new(Semaphore::new(shared.limits.session_requests_max));
    loop {
        let (call, is_durable, payload) = match reader.next().await {
            Ok(FromClient::Request { call, is_durable, payload }) => (call, is_durable, payload),
            // Nothing is kept to be sent again yet.
            Ok(FromClient::Ack { .. }) => continue,
            Ok(FromClient::Hello(_)) => {
                return ReadEnd::Violation(ServerSessionError::HelloTwice);
            }
            Ok(FromClient::Goodbye) => return ReadEnd::Finished,
            Err(end) => return end,
        };
        let place = Arc::clone(&places).acquire_owned().await;
        let bytes =
            Arc::clone(&shared.queued_bytes).acquire_many_owned(shared.cost(payload.len())).await;
        // Neither semaphore is ever closed.
        let (Ok(place), Ok(bytes)) = (place, bytes) else { return ReadEnd::Finished };
        input.received(Request { call, is_durable, payload, permit: Permit { place, bytes } });
    }
}

/// What the end of the connection means for the session.
fn lost(error: &ConnectionError) -> Closed {
    match error {
        ConnectionError::ApplicationClosed(close)
            if close.error_code == code(CloseCode::Goodbye) =>
        {
            Closed::ByClient
        }
        ConnectionError::LocallyClosed => Closed::Dropped("the server stops".to_owned()),
        _ => Closed::Lost,
    }
}

fn close(connection: &Connection, with: CloseCode, reason: &str) {
    // The reason travels in one packet.
    let reason = &reason[..reason.floor_char_boundary(CLOSE_REASON_BYTES_MAX)];
    connection.close(code(with), reason.as_bytes());
}

fn code(code: CloseCode) -> VarInt {
    VarInt::from_u32(code.to_raw())
}

/// Says `closed` exactly once, even when the connection's task is thrown away or panics.
struct Input(Option<Arc<dyn SessionInput>>);

impl Input {
    fn received(&self, request: Request) {
        if let Some(input) = &self.0 {
            input.received(request);
        }
    }

    fn closed(mut self, why: Closed) {
        if let Some(input) = self.0.take() {
            input.closed(why);
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        if let Some(input) = self.0.take() {
            input.closed(Closed::Lost);
        }
    }
}

/// The writer's task, which ends with the connection's.
struct Writing(JoinHandle<()>);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A client that answers is done by then, and one that does not must not keep others waiting.
const START_TIMEOUT: Duration = Duration::from_millis(100);

const CLOSE_REASON_BYTES_MAX: usize = 512;

const NOT_STORED: &str = "the session ends before all that was to be said could be stored";
