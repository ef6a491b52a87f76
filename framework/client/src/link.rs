//! One session as its client holds it: what goes out, what comes in, and why it ended. Knows bytes, not the game's messages.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use daystar_protocol::client_session::FromServer;
use daystar_protocol::close::CloseCode;
use daystar_protocol::frame::LENGTH_BYTES;
use daystar_protocol::handshake::Credentials;
use daystar_protocol::message::EncodeError;
use quinn::Connection;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, watch};
use tracing::debug;

use crate::dial::{Dial, close};
use crate::error::{CallError, ConnectError, Disconnected, SendError};
use crate::events::Delivery;
use crate::outgoing::Outgoing;
use crate::pending::{Call, Pending};
use crate::session::{self, Pass};
use crate::state::ConnectionState;

/// What a session may hold; frames are counted by kind and body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkLimits {
    pub(crate) to_server_bytes_max: usize,
    pub(crate) to_client_bytes_max: usize,
    pub(crate) outgoing_bytes_max: usize,
    pub(crate) events_bytes_max: usize,
}

/// A joined session.
pub(crate) struct Link {
    session: u64,
    limits: LinkLimits,
    dial: Dial,
    /// The newest, and in tests those that were abandoned.
    connections: Mutex<Vec<Connection>>,
    abandoned: Notify,
    pub(crate) outgoing: Outgoing,
    pub(crate) pending: Pending,
    /// Of the deliveries that nobody has taken yet.
    events_bytes: AtomicUsize,
    /// Why the session ends; the first reason is the true one.
    why: OnceLock<Disconnected>,
    state: watch::Sender<ConnectionState>,
}

/// Connects, greets, and waits for the welcome.
pub(crate) async fn join(
    dial: Dial,
    credentials: Credentials,
    limits: LinkLimits,
) -> Result<(Arc<Link>, UnboundedReceiver<Delivery>), ConnectError> {
    let server = dial.server;
    let (line, answer) = dial.greet(credentials).await?;
    let cause = match answer {
        FromServer::Welcome { session, secret, window } => {
            let (events, incoming) = unbounded_channel();
            let link = Arc::new(Link {
                session,
                limits,
                dial,
                connections: Mutex::default(),
                abandoned: Notify::new(),
                outgoing: Outgoing::new(limits.outgoing_bytes_max, limits.to_server_bytes_max),
                pending: Pending::default(),
                events_bytes: AtomicUsize::new(0),
                why: OnceLock::new(),
                state: watch::Sender::new(ConnectionState::Connected),
            });
            link.set_connection(line.connection.clone());
            let pass = Pass { session, secret, window };
            tokio::spawn(session::run(Arc::clone(&link), line, pass, events));
            return Ok((link, incoming));
        }
        FromServer::Rejected { code, reason } => {
            close(&line.connection, CloseCode::Goodbye, "rejected");
            return Err(ConnectError::Rejected { code, reason });
        }
        FromServer::Closing { reason } => {
            close(&line.connection, CloseCode::Goodbye, "closing");
            Disconnected::ByServer { code: CloseCode::Closing, reason }
        }
        _ => Disconnected::Lost("the server did not answer the greeting".to_owned()),
    };
    Err(ConnectError::Disconnected { server, cause })
}

impl Link {
    pub(crate) fn session(&self) -> u64 {
        self.session
    }

    /// Sends the frame that `encode` makes of a call's number.
    pub(crate) async fn begin(
        &self,
        encode: impl FnOnce(u32) -> Result<Bytes, EncodeError>,
    ) -> Result<Call<'_>, CallError> {
        let call = self.pending.begin().ok_or_else(|| self.call_disconnected())?;
        let frame = encode(call.number())?;
        let (bytes, bytes_max) = (frame.len() - LENGTH_BYTES, self.limits.to_server_bytes_max);
        if bytes > bytes_max {
            return Err(CallError::TooLong { bytes, bytes_max });
        }
        if !self.outgoing.push(frame).await {
            return Err(self.call_disconnected());
        }
        Ok(call)
    }

    /// Waits for the answer to `call`.
    pub(crate) async fn outcome(&self, call: Call<'_>) -> Result<Option<Bytes>, CallError> {
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
        self.close(CloseCode::Goodbye, &text);
        // While it comes back over another connection there is none to be closed; it ends then all the same.
        self.outgoing.leave();
    }

    /// Waits until nothing more comes in, and says why.
    pub(crate) async fn over(&self) -> Disconnected {
        let mut state = self.state.subscribe();
        // It ends only with the state, which is here.
        let _ = state.wait_for(|state| matches!(state, ConnectionState::Over(_))).await;
        self.why()
    }

    /// How the connection fares, from now on.
    pub(crate) fn state(&self) -> watch::Receiver<ConnectionState> {
        self.state.subscribe()
    }

    pub(crate) fn set_state(&self, state: ConnectionState) {
        self.state.send_replace(state);
    }

    pub(crate) fn dial(&self) -> &Dial {
        &self.dial
    }

    pub(crate) fn set_connection(&self, connection: Connection) {
        let mut connections = self.connections();
        // One that is over is of no use; one that was abandoned must stay open.
        connections.retain(|connection| connection.close_reason().is_none());
        connections.push(connection);
    }

    fn connections(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes all that is open of the session's connections.
    pub(crate) fn close(&self, code: CloseCode, reason: &str) {
        for connection in &*self.connections() {
            close(connection, code, reason);
        }
    }

    /// Whether the session is meant to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.why.get().is_some()
    }

    /// Ends the session here, and lets the server wait for the client.
    pub(crate) fn vanish(&self) {
        // Before closing: otherwise the session would go on.
        let _ = self.why.set(Disconnected::ByClient);
        self.close(CloseCode::Detached, "vanished");
    }

    /// Lets the session's task leave its connection as it is, and come back over another.
    pub(crate) fn abandon_connection(&self) {
        self.abandoned.notify_one();
    }

    /// Resolves when that is to be done; for the session's task.
    pub(crate) async fn abandoned(&self) {
        self.abandoned.notified().await;
    }

    /// A delivery has left the queue of events.
    pub(crate) fn event_taken(&self, bytes: usize) {
        self.events_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Queues a delivery; the reason to end the session when there are too many.
    pub(crate) fn deliver(
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

    /// Queues a delivery that may be lost, and is if there are too many.
    pub(crate) fn deliver_unreliable(&self, events: &UnboundedSender<Delivery>, payload: Bytes) {
        let delivery = Delivery::Event(payload);
        let waiting = self.events_bytes.load(Ordering::Relaxed) + delivery.bytes();
        if waiting < self.limits.events_bytes_max / 2 {
            let _ = self.deliver(events, delivery);
        }
    }

    /// The session is over.
    pub(crate) fn end(&self, why: Disconnected) {
        let why = self.why.get_or_init(|| why);
        debug!(session = self.session, %why, "a session is over");
        self.outgoing.stop();
        self.pending.end();
        // What was abandoned would stay open.
        self.close(CloseCode::Goodbye, "the session is over");
        self.set_state(ConnectionState::Over(why.clone()));
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
