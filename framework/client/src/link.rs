//! One connection: joining, and the two tasks that then read and write. Knows bytes, not the game's messages.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use daystar_protocol::batch;
use daystar_protocol::client_session::FromServer;
use daystar_protocol::close::CloseCode;
use daystar_protocol::frame::LENGTH_BYTES;
use daystar_protocol::handshake::Hello;
use daystar_protocol::message::EncodeError;
use daystar_protocol::to_server::ToServer;
use quinn::{Connection, ConnectionError, SendStream, TransportErrorCode, VarInt};
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;
use tracing::debug;

use crate::error::{CallError, ConnectError, Disconnected, SendError};
use crate::events::Delivery;
use crate::outgoing::{Outgoing, Work};
use crate::pending::Pending;
use crate::reader::{ReadEnd, Reader};
use crate::tls::Settings;

/// What a connection may hold; frames are counted by kind and body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkLimits {
    pub(crate) to_server_bytes_max: usize,
    pub(crate) to_client_bytes_max: usize,
    pub(crate) outgoing_bytes_max: usize,
    pub(crate) events_bytes_max: usize,
}

/// A joined connection.
pub(crate) struct Link {
    connection: Connection,
    session: u64,
    limits: LinkLimits,
    outgoing: Outgoing,
    pending: Pending,
    /// Of the deliveries that nobody has taken yet.
    events_bytes: AtomicUsize,
    /// Why the session ends; the first reason is the true one.
    why: OnceLock<Disconnected>,
    /// Set when nothing more comes in.
    over: OnceLock<()>,
    over_told: Notify,
}

/// Connects, greets, and waits for the welcome.
pub(crate) async fn join(
    endpoint: &quinn::Endpoint,
    settings: Settings,
    server: SocketAddr,
    hello: Hello,
    limits: LinkLimits,
) -> Result<(Arc<Link>, UnboundedReceiver<Delivery>), ConnectError> {
    // The name is not looked at: trust is by fingerprint.
    let connecting = endpoint
        .connect_with(settings.quic, server, "daystar")
        .map_err(|error| ConnectError::Setup { server, cause: error.to_string() })?;
    let connection = match connecting.await {
        Ok(connection) => connection,
        Err(error) => {
            return Err(match settings.distrusted.get() {
                Some((expected, actual)) => {
                    ConnectError::Untrusted { server, expected: *expected, actual: *actual }
                }
                None => not_joined(server, error),
            });
        }
    };
    let lost = |error| not_joined(server, error);
    let (mut writing, reading) = connection.open_bi().await.map_err(lost)?;
    // Should this fail, the reader learns why.
    let _ = writing.write_chunk(ToServer::Hello(hello).encode()).await;
    let mut reader = Reader::new(reading, limits.to_client_bytes_max);
    let cause = match reader.next().await {
        Ok(FromServer::Welcome { session, .. }) => {
            let (events, incoming) = unbounded_channel();
            let link = Arc::new(Link {
                connection,
                session,
                limits,
                outgoing: Outgoing::new(limits.outgoing_bytes_max),
                pending: Pending::default(),
                events_bytes: AtomicUsize::new(0),
                why: OnceLock::new(),
                over: OnceLock::new(),
                over_told: Notify::new(),
            });
            tokio::spawn(read(Arc::clone(&link), reader, events));
            tokio::spawn(write(Arc::clone(&link), writing));
            return Ok((link, incoming));
        }
        Ok(FromServer::Rejected { reason, .. }) => {
            close(&connection, CloseCode::Goodbye, "rejected");
            return Err(ConnectError::Rejected(reason));
        }
        Ok(FromServer::Closing { reason }) => {
            close(&connection, CloseCode::Goodbye, "closing");
            Disconnected::ByServer(reason)
        }
        Ok(_) => Disconnected::Lost("the server did not answer the greeting".to_owned()),
        Err(ReadEnd::Lost(error)) => return Err(lost(error)),
        Err(end) => ended(&connection, end),
    };
    Err(ConnectError::Disconnected { server, cause })
}

impl Link {
    pub(crate) fn session(&self) -> u64 {
        self.session
    }

    /// Sends the frame that `encode` makes of a call's number, and waits for the answer.
    pub(crate) async fn call(
        &self,
        encode: impl FnOnce(u32) -> Result<Bytes, EncodeError>,
    ) -> Result<Option<Bytes>, CallError> {
        let call = self.pending.begin().ok_or_else(|| self.call_disconnected())?;
        let frame = encode(call.number())?;
        let (bytes, bytes_max) = (frame.len() - LENGTH_BYTES, self.limits.to_server_bytes_max);
        if bytes > bytes_max {
            return Err(CallError::TooLong { bytes, bytes_max });
        }
        if !self.outgoing.push(frame).await {
            return Err(self.call_disconnected());
        }
        match call.outcome().await {
            Some(Ok(payload)) => Ok(payload),
            Some(Err(reason)) => Err(CallError::Refused(reason)),
            None => Err(self.call_disconnected()),
        }
    }

    /// Sends a frame that has no answer.
    pub(crate) async fn send(&self, frame: Bytes) -> Result<(), SendError> {
        let (bytes, bytes_max) = (frame.len() - LENGTH_BYTES, self.limits.to_server_bytes_max);
        if bytes > bytes_max {
            return Err(SendError::TooLong { bytes, bytes_max });
        }
        if self.outgoing.push(frame).await {
            Ok(())
        } else {
            Err(SendError::Disconnected(self.why()))
        }
    }

    /// Says goodbye behind everything that was sent.
    pub(crate) fn leave(&self) {
        let _ = self.why.set(Disconnected::ByClient);
        self.outgoing.leave();
    }

    /// Ends the session at once.
    pub(crate) fn abandon(&self, why: Disconnected) {
        let text = why.to_string();
        // Before closing: the reader then finds the reason already there.
        let _ = self.why.set(why);
        close(&self.connection, CloseCode::Goodbye, &text);
    }

    /// Waits until nothing more comes in, and says why.
    pub(crate) async fn over(&self) -> Disconnected {
        loop {
            // Asked for before looking, so that an end in between is not missed.
            let told = self.over_told.notified();
            if self.over.get().is_some() {
                return self.why();
            }
            told.await;
        }
    }

    /// A delivery has left the queue of events.
    pub(crate) fn event_taken(&self, bytes: usize) {
        self.events_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Queues a delivery; the reason to end the session when there are too many.
    fn deliver(
        &self,
        events: &UnboundedSender<Delivery>,
        delivery: Delivery,
    ) -> Result<(), Disconnected> {
        let bytes = delivery.bytes();
        let waiting = self.events_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if events.send(delivery).is_err() {
            // The program wants no events, so they are not kept.
            self.event_taken(bytes);
        } else if waiting > self.limits.events_bytes_max {
            return Err(Disconnected::EventsNotRead { bytes: waiting });
        }
        Ok(())
    }

    fn end(&self, why: Disconnected) {
        let why = self.why.get_or_init(|| why);
        debug!(session = self.session, %why, "a session is over");
        self.outgoing.stop();
        self.pending.end();
        let _ = self.over.set(());
        self.over_told.notify_waiters();
    }

    /// Why the session is over or about to be.
    fn why(&self) -> Disconnected {
        // Asked only when there is a reason; leaving is the one that needs no cause.
        self.why.get().cloned().unwrap_or(Disconnected::ByClient)
    }

    fn call_disconnected(&self) -> CallError {
        CallError::Disconnected(self.why())
    }
}

/// Hands on what the server says until it says no more.
async fn read(link: Arc<Link>, mut reader: Reader, events: UnboundedSender<Delivery>) {
    let why = loop {
        let handed_on = match reader.next().await {
            Ok(FromServer::Event { payload }) => link.deliver(&events, Delivery::Event(payload)),
            Ok(FromServer::Reply { call, payload }) => {
                link.pending.resolve(call, Ok(payload));
                Ok(())
            }
            Ok(FromServer::Refused { call: Some(call), reason }) => {
                link.pending.resolve(call, Err(reason));
                Ok(())
            }
            Ok(FromServer::Refused { call: None, reason }) => {
                link.deliver(&events, Delivery::Refused(reason))
            }
            Ok(FromServer::Closing { reason } | FromServer::Rejected { reason, .. }) => {
                close(&link.connection, CloseCode::Goodbye, "closed by the server");
                break Disconnected::ByServer(reason);
            }
            Ok(
                FromServer::Welcome { .. } | FromServer::Resumed { .. } | FromServer::Ack { .. },
            ) => Ok(()),
            Err(end) => break ended(&link.connection, end),
        };
        if let Err(why) = handed_on {
            close(&link.connection, CloseCode::Goodbye, &why.to_string());
            break why;
        }
    };
    link.end(why);
}

/// Writes what is sent; once the client leaves, not for ever.
async fn write(link: Arc<Link>, stream: SendStream) {
    let too_long = async {
        link.outgoing.left().await;
        sleep(GOODBYE_TIMEOUT).await;
    };
    let left = tokio::select! {
        left = write_all(&link, stream) => left,
        () = too_long => true,
    };
    if left {
        close(&link.connection, CloseCode::Goodbye, "goodbye");
    }
}

/// Writes what is sent, everything that waits in one go. True: goodbye was said, and heard.
async fn write_all(link: &Link, mut stream: SendStream) -> bool {
    let mut frames = Vec::new();
    loop {
        let work = link.outgoing.take(&mut frames).await;
        let bytes = frames.iter().map(Bytes::len).sum();
        match work {
            Work::Write => {}
            Work::WriteLast => frames.push(ToServer::Goodbye.encode()),
            Work::Stop => return false,
        }
        batch::join(&mut frames);
        if stream.write_all_chunks(&mut frames).await.is_err() {
            // The reader knows, or learns in a moment, what became of the connection.
            return false;
        }
        frames.clear();
        link.outgoing.written(bytes);
        if work == Work::WriteLast {
            // The server answers a goodbye by closing.
            let _ = stream.finish();
            link.connection.closed().await;
            return true;
        }
    }
}

/// Closes what is left of the connection, and says what has happened.
fn ended(connection: &Connection, end: ReadEnd) -> Disconnected {
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

fn disconnected(error: ConnectionError) -> Disconnected {
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
        Some(_) => Disconnected::ByServer(reason),
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
        return ConnectError::Rejected(String::from_utf8_lossy(&closed.reason).into_owned());
    }
    ConnectError::Disconnected { server, cause: disconnected(error) }
}

fn close(connection: &Connection, with: CloseCode, reason: &str) {
    connection.close(code(with), reason.as_bytes());
}

fn code(code: CloseCode) -> VarInt {
    VarInt::from_u32(code.to_raw())
}

/// TLS alert 120: the two sides have no protocol in common.
const NO_APPLICATION_PROTOCOL: u8 = 120;

/// How long leaving may take, with all that is still to be written.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(3);
