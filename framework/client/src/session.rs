//! The task of one session: it reads, and when the connection is lost it comes back over another.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daystar_protocol::client_session::FromServer;
use daystar_protocol::close::CloseCode;
use daystar_protocol::frame::LENGTH_BYTES;
use daystar_protocol::handshake::{Credentials, Secret};
use daystar_protocol::reject::RejectCode;
use daystar_protocol::retained::Receipts;
use daystar_protocol::to_client::parse_datagram;
use daystar_protocol::to_server::ToServer;
use quinn::{Connection, ConnectionError, SendStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::debug;

use crate::dial::{Line, close, disconnected, ended};
use crate::error::{ConnectError, Disconnected};
use crate::events::Delivery;
use crate::link::Link;
use crate::outgoing::Work;
use crate::reader::{ReadEnd, Reader};
use crate::state::ConnectionState;

/// What a session needs to go on over another connection.
pub(crate) struct Pass {
    pub(crate) session: u64,
    pub(crate) secret: Secret,
    /// How long the server waits.
    pub(crate) window: Duration,
}

/// What became of a connection.
enum Turn {
    Over(Disconnected),
    /// It is lost, for this reason, and the session may go on.
    Lost(Disconnected),
}

/// Runs a session that has been welcomed over `line` to its end.
pub(crate) async fn run(
    link: Arc<Link>,
    line: Line,
    pass: Pass,
    events: UnboundedSender<Delivery>,
) {
    let too_long = async {
        link.outgoing.left().await;
        sleep(GOODBYE_TIMEOUT).await;
    };
    let mut session = Session { link: &link, events, pass, receipts: Receipts::default() };
    let why = tokio::select! {
        why = session.run(line) => why,
        () = too_long => {
            link.close(CloseCode::Goodbye, "goodbye");
            Disconnected::ByClient
        }
    };
    link.end(why);
}

struct Session<'a> {
    link: &'a Arc<Link>,
    events: UnboundedSender<Delivery>,
    pass: Pass,
    /// Of the server's frames.
    receipts: Receipts,
}

impl Session<'_> {
    async fn run(&mut self, mut line: Line) -> Disconnected {
        let mut number = 1;
        self.link.set_connection(line.connection.clone());
        loop {
            match self.run_line(line, number).await {
                Turn::Over(why) => return why,
                Turn::Lost(why) => {
                    if self.pass.window.is_zero() {
                        return why;
                    }
                    debug!(session = self.pass.session, %why, "reconnecting");
                    self.link.set_state(ConnectionState::Reconnecting);
                    number += 1;
                    line = match self.come_back(why, number).await {
                        Ok(line) => line,
                        Err(why) => return why,
                    };
                    // First, so that whoever sees the state and ends the connection ends this one.
                    self.link.set_connection(line.connection.clone());
                    self.link.set_state(ConnectionState::Resumed);
                }
            }
        }
    }

    /// Runs the session over one connection.
    async fn run_line(&mut self, line: Line, number: u32) -> Turn {
        let Line { connection, mut reader, stream } = line;
        let link = Arc::clone(self.link);
        let writing = Ending(tokio::spawn(write(link, connection.clone(), stream, number)));
        let (link, events) = (Arc::clone(self.link), self.events.clone());
        let _hearing = Ending(tokio::spawn(hear_datagrams(link, connection.clone(), events)));
        let link = Arc::clone(self.link);
        tokio::select! {
            turn = self.read(&connection, &mut reader) => return turn,
            () = link.abandoned() => {}
        }
        // It stays open, as it would if the network were at fault: a stream that is dropped says that it ends.
        tokio::spawn(async move {
            connection.closed().await;
            drop((reader, writing));
        });
        Turn::Lost(Disconnected::Lost("abandoned".to_owned()))
    }

    /// Hands on what the server says until it says no more.
    async fn read(&mut self, connection: &Connection, reader: &mut Reader) -> Turn {
        loop {
            let handed_on = match reader.next().await {
                Ok(FromServer::Event { payload }) => {
                    self.receipts.count(payload.len() + LENGTH_BYTES + 1);
                    self.link.deliver(&self.events, Delivery::Event(payload))
                }
                Ok(FromServer::Reply { call, payload }) => {
                    self.receipts.count(payload.as_ref().map_or(0, Bytes::len) + ANSWER_BYTES);
                    self.link.pending.resolve(call, Ok(payload));
                    Ok(())
                }
                Ok(FromServer::Refused { call, reason }) => {
                    self.receipts.count(reason.len() + ANSWER_BYTES);
                    match call {
                        Some(call) => {
                            self.link.pending.resolve(call, Err(reason));
                            Ok(())
                        }
                        None => self.link.deliver(&self.events, Delivery::Refused(reason)),
                    }
                }
                Ok(FromServer::Ack { received }) => {
                    if let Err(error) = self.link.outgoing.acknowledged(received) {
                        let end = ReadEnd::Violation(error.into());
                        return Turn::Over(ended(connection, end));
                    }
                    Ok(())
                }
                Ok(FromServer::Closing { reason }) => {
                    close(connection, CloseCode::Goodbye, "closed by the server");
                    // The code that the server closes with behind this frame.
                    let code = CloseCode::Closing;
                    return Turn::Over(Disconnected::ByServer { code, reason });
                }
                // The decoder lets none of them in a second time.
                Ok(
                    FromServer::Welcome { .. }
                    | FromServer::Resumed { .. }
                    | FromServer::Rejected { .. },
                ) => Ok(()),
                Err(ReadEnd::Lost(error)) if self.is_lost(&error) => {
                    return Turn::Lost(disconnected(error));
                }
                Err(end) => return Turn::Over(ended(connection, end)),
            };
            if let Err(why) = handed_on {
                close(connection, CloseCode::Goodbye, &why.to_string());
                return Turn::Over(why);
            }
            if let Some(received) = self.receipts.due() {
                self.link.outgoing.acknowledge(received);
            }
        }
    }

    /// Whether a connection that ended so was not ended by anybody.
    fn is_lost(&self, error: &ConnectionError) -> bool {
        match error {
            ConnectionError::ApplicationClosed(_) => false,
            // Ends on purpose say why.
            ConnectionError::LocallyClosed => !self.link.is_ending(),
            _ => true,
        }
    }

    /// Tries until the session goes on, or cannot any more.
    async fn come_back(&mut self, why: Disconnected, number: u32) -> Result<Line, Disconnected> {
        let deadline = Instant::now() + self.pass.window;
        let mut wait = WAIT_FIRST;
        loop {
            let credentials = Credentials::Resume {
                session: self.pass.session,
                secret: self.pass.secret.to_bytes(),
                received: self.receipts.received(),
            };
            let greeting = timeout(ATTEMPT_TIMEOUT, self.link.dial().greet(credentials));
            match timeout_at(deadline, greeting).await {
                Ok(Ok(Ok((line, FromServer::Resumed { secret, received })))) => {
                    self.pass.secret = secret;
                    let receipt = self.receipts.say();
                    return match self.link.outgoing.resume(number, received, receipt) {
                        Ok(()) => Ok(line),
                        Err(error) => {
                            Err(ended(&line.connection, ReadEnd::Violation(error.into())))
                        }
                    };
                }
                Ok(Ok(Ok((line, FromServer::Rejected { code, reason })))) => {
                    close(&line.connection, CloseCode::Goodbye, "rejected");
                    if code != RejectCode::Busy && code != RejectCode::Other {
                        return Err(Disconnected::NotResumed(reason));
                    }
                }
                Ok(Ok(Err(error @ ConnectError::Untrusted { .. }))) => {
                    return Err(Disconnected::NotResumed(error.to_string()));
                }
                Ok(Ok(Ok((line, _)))) => close(&line.connection, CloseCode::Violation, "no answer"),
                Ok(Ok(Err(error))) => debug!(%error, "the session was not resumed yet"),
                Ok(Err(_)) => {}
                Err(_) => return Err(why),
            }
            // Spread out, or all clients of a server that was away would come at the same moments.
            sleep(wait / 2 + wait.mul_f64(random_share() / 2.0)).await;
            wait = (wait * 2).min(WAIT_LONGEST);
        }
    }
}

/// Writes what is sent, everything that waits in one go.
async fn write(link: Arc<Link>, connection: Connection, mut stream: SendStream, number: u32) {
    let mut pieces = Vec::new();
    loop {
        let work = link.outgoing.take(number, &mut pieces).await;
        match work {
            Work::Write => {}
            Work::WriteLast => pieces.push(ToServer::Goodbye.encode()),
            Work::Stop => return std::future::pending().await,
        }
        if stream.write_all_chunks(&mut pieces).await.is_err() {
            // The reader knows, or learns in a moment, what became of the connection.
            return;
        }
        if work == Work::WriteLast {
            // The server answers a goodbye by closing.
            let _ = stream.finish();
            connection.closed().await;
            return;
        }
    }
}

/// Hands on what comes by datagram.
async fn hear_datagrams(
    link: Arc<Link>,
    connection: Connection,
    events: UnboundedSender<Delivery>,
) {
    while let Ok(datagram) = connection.read_datagram().await {
        // Of another kind, or too many for the program: they may be lost.
        if let Ok(payload) = parse_datagram(datagram) {
            link.deliver_unreliable(&events, Bytes::copy_from_slice(&payload));
        }
    }
}

/// A task that ends with what it belongs to.
struct Ending(JoinHandle<()>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Between zero and one; the keys of a new `RandomState` are the system's randomness.
fn random_share() -> f64 {
    RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64
}

/// Kind, length and number of an answer's frame, about.
const ANSWER_BYTES: usize = 10;

/// How long to wait before the second attempt to come back; then twice as long each time.
const WAIT_FIRST: Duration = Duration::from_millis(50);

const WAIT_LONGEST: Duration = Duration::from_secs(2);

/// How long one attempt may take: a lost packet or two, and not a server that is away.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long leaving may take, with all that is still to be written.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(3);
