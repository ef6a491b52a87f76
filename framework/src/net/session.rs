//! One session, over one connection or several, one after the other.

use std::any::Any;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use daystar_protocol::close::CloseCode;
use daystar_protocol::frame::LENGTH_BYTES;
use daystar_protocol::reject::RejectCode;
use daystar_protocol::retained::Receipts;
use daystar_protocol::server_session::{FromClient, ServerSessionError};
use daystar_protocol::to_client::ToClient;
use daystar_protocol::to_server::Level;
use quinn::{Connection, ConnectionError, SendStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tracing::debug;

use crate::net::connection::{close, code, reject};
use crate::net::endpoint::{Seat, Shared};
use crate::net::handler::{Closed, Login, Permit, Request, SessionInput};
use crate::net::meters;
use crate::net::outbox::{End, Outbox};
use crate::net::reader::{ReadEnd, Reader};
use crate::net::resume::{Arrival, Ticket};
use crate::net::writer;

/// A connection whose client has greeted.
pub(super) struct Line {
    pub(super) connection: Connection,
    /// In memory of its own: a future has a copy of what is moved through it for each move.
    pub(super) reader: Box<Reader>,
    pub(super) stream: SendStream,
    /// Its place among the connections.
    pub(super) seat: Seat,
}

/// Runs a session from its greeting to its end, however many connections that takes.
pub(super) async fn run(login: Login, line: Line, shared: Arc<Shared>) {
    let (name, address) = (login.identity.name().to_owned(), login.address);
    let ticket = shared.resumptions.ticket();
    let watermark = Arc::clone(&shared.watermark);
    let outbox = Arc::new(Outbox::new(&shared.limits, watermark, ticket.clone(), shared.broken));
    let input = match shared.handler.open(login, Arc::clone(&outbox)) {
        Ok(input) => Input(Some(input)),
        Err(reason) => {
            debug!(%address, name, reason, "a login was rejected");
            let Line { connection, stream, seat: _seat, .. } = line;
            return reject(&connection, stream, RejectCode::Other, reason, &shared).await;
        }
    };
    let listed = shared.open.list(&outbox);
    let _counted = shared.meters.session();
    let places = Arc::new(Semaphore::new(shared.limits.session_requests_max));
    let intake = Intake {
        shared: Arc::clone(&shared),
        outbox: Arc::clone(&outbox),
        input,
        ticket: ticket.clone(),
        receipts: Receipts::default(),
        places,
        unplaced: None,
        has_discarded: false,
        is_confirmed: true,
    };
    let withdrawn = Withdrawn(ticket);
    let mut session = Session { intake, connections: 1 };
    let (closed, seat) = session.run(line).await;
    // Whoever still holds the outbox must not fill it for nobody, and nobody may come back.
    outbox.drop_all(CloseCode::Goodbye, String::new());
    drop((withdrawn, listed));
    debug!(%address, name, ?closed, "a session is over");
    session.intake.input.closed(closed);
    // Last: who waits until all seats are free knows that all sessions are over.
    drop(seat);
}

struct Session {
    intake: Intake,
    /// How many connections it has had. The newest has this number.
    connections: u32,
}

/// The place of its last connection, or of a session without one.
type HeldToTheEnd = Box<dyn Any + Send>;

/// What became of a session's connection.
enum Turn {
    Over(Closed),
    /// It is lost, and the session goes on.
    Lost,
    /// The client has come over another one.
    Replaced(Box<Line>),
}

impl Session {
    /// How it ended, and what must be held until that is told.
    async fn run(&mut self, mut line: Line) -> (Closed, HeldToTheEnd) {
        loop {
            let Line { connection, mut reader, stream, seat } = line;
            let turn = self.run_line(&connection, &mut reader, stream).await;
            // A client must not be faster by coming over one connection after another. (Apart, since the future has room for it always.)
            let mut throttle = Box::new(reader.throttle());
            match turn {
                Turn::Over(closed) => return (closed, Box::new(seat)),
                Turn::Replaced(next) => {
                    close(&connection, CloseCode::Replaced, "the session goes on elsewhere");
                    line = *next;
                }
                Turn::Lost => {
                    let shared = &self.intake.shared;
                    let detached = Arc::clone(&shared.detached).try_acquire_owned().ok();
                    let limit = if detached.is_none() { "server_full" } else { "network_full" };
                    // One network must not have all the places, session after session.
                    let waiting = shared.addresses.wait(connection.remote_address().ip());
                    let Some(place) = detached.zip(waiting) else {
                        meters::not_awaited(limit);
                        debug!("too many sessions wait for their clients: one ends at once");
                        return (Closed::Lost, Box::new(seat));
                    };
                    // Apart, and so the future has room for less.
                    let place = Box::new((place, shared.meters.awaited()));
                    drop((connection, reader, seat));
                    let lost = Instant::now();
                    match self.wait_for_client().await {
                        Ok(next) => {
                            line = *next;
                            throttle.was_away(lost.elapsed());
                        }
                        Err(closed) => return (closed, place),
                    }
                }
            }
            line.reader.set_throttle(*throttle);
            self.intake.begin_again();
        }
    }

    /// Runs the session over one connection.
    async fn run_line(
        &mut self,
        connection: &Connection,
        reader: &mut Reader,
        stream: SendStream,
    ) -> Turn {
        let (outbox, ticket) = (Arc::clone(&self.intake.outbox), self.intake.ticket.clone());
        let mut writing = Writing(tokio::spawn(writer::write(
            connection.clone(),
            stream,
            Arc::clone(&outbox),
            self.connections,
            Arc::clone(&self.intake.shared.meters),
        )));
        loop {
            let arrival = tokio::select! {
                biased;
                end = outbox.ended() => {
                    return Turn::Over(self.end(end, connection, &mut writing).await);
                }
                arrival = next(ticket.as_deref()) => arrival,
                end = self.intake.receive(reader) => return match end {
                    ReadEnd::Finished => {
                        close(connection, CloseCode::Goodbye, "goodbye");
                        Turn::Over(Closed::ByClient)
                    }
                    ReadEnd::Violation(error) => {
                        let reason = error.to_string();
                        close(connection, error.close_code(), &reason);
                        Turn::Over(Closed::Dropped(reason))
                    }
                    ReadEnd::Lost(error) => {
                        if matches!(error, ConnectionError::TimedOut) {
                            meters::silent();
                        }
                        if ticket.is_some() && outbox.is_resumable() && may_come_back(&error) {
                            outbox.detach();
                            Turn::Lost
                        } else {
                            Turn::Over(lost(&error))
                        }
                    }
                },
            };
            if let Some(next) = self.adopt(arrival) {
                return Turn::Replaced(next);
            }
        }
    }

    /// The server wants it so: what is queued is sent, for as long as that may take.
    async fn end(&self, end: End, connection: &Connection, writing: &mut Writing) -> Closed {
        let (shared, outbox) = (&self.intake.shared, &self.intake.outbox);
        if !matches!(end, End::Dropped(..)) {
            let sent = timeout(shared.limits.close_timeout, &mut writing.0).await;
            if sent.is_err() {
                meters::cut_short();
            }
        }
        let is_held = outbox.is_held();
        let (code, reason) = match end {
            End::Dropped(code, reason) => (code, reason),
            // The connection's end must not tell either what may still be taken back.
            _ if is_held => (CloseCode::Closing, NOT_STORED.to_owned()),
            End::Closing(reason) => (CloseCode::Closing, reason),
            End::Rejected(_, reason) => (CloseCode::Rejected, reason),
        };
        close(connection, code, &reason);
        Closed::Dropped(reason)
    }

    /// Without a connection: until the client is back, or the session is over.
    async fn wait_for_client(&mut self) -> Result<Box<Line>, Closed> {
        let (outbox, ticket) = (Arc::clone(&self.intake.outbox), self.intake.ticket.clone());
        let mut window = pin!(sleep(self.intake.shared.limits.resume_window));
        loop {
            let arrival = tokio::select! {
                biased;
                end = outbox.ended() => return Err(Closed::Dropped(match end {
                    End::Closing(reason) | End::Rejected(_, reason) | End::Dropped(_, reason) => reason,
                })),
                arrival = next(ticket.as_deref()) => arrival,
                () = &mut window => {
                    meters::not_resumed();
                    return Err(Closed::Lost);
                }
            };
            if let Some(next) = self.adopt(arrival) {
                return Ok(next);
            }
        }
    }

    /// Lets a client that has come back go on where it stands; if it cannot, it is told so, and nothing has changed.
    fn adopt(&mut self, arrival: Arrival) -> Option<Box<Line>> {
        let Arrival { line, secret, received } = arrival;
        let number = self.connections + 1;
        let resumed = self.intake.ticket.as_ref().and_then(|ticket| {
            let secret = ticket.turn(&secret)?;
            let first = ToClient::Resumed { secret, received: self.intake.receipts.say() }.encode();
            self.intake.outbox.resume(number, received, first).ok()
        });
        if resumed.is_none() {
            let shared = Arc::clone(&self.intake.shared);
            // Telling it takes time that the session must not lose.
            tokio::spawn(async move { refuse(*line, RejectCode::SessionOver, &shared).await });
            return None;
        }
        meters::resumed();
        self.connections = number;
        Some(line)
    }
}

/// Tells a client that it cannot go on.
pub(super) async fn refuse(line: Line, code: RejectCode, shared: &Shared) {
    let (kind, reason) = match code {
        RejectCode::Busy => ("busy", "somebody else resumes this session at the moment"),
        _ => ("session_over", "the session is over, or was never yours"),
    };
    meters::login_refused(kind);
    let Line { connection, stream, seat: _seat, .. } = line;
    reject(&connection, stream, code, reason.to_owned(), shared).await;
}

/// The next client that has come back. None ever does where sessions cannot be resumed.
async fn next(ticket: Option<&Ticket>) -> Arrival {
    match ticket {
        Some(ticket) => ticket.next().await,
        None => pending().await,
    }
}

/// Takes in what the client says, over all its connections.
struct Intake {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    input: Input,
    ticket: Option<Arc<Ticket>>,
    /// Of the frames that count.
    receipts: Receipts,
    /// The session's share of the requests that may be queued.
    places: Arc<Semaphore>,
    /// A request that waits for its place: [`receive`](Self::receive) may be dropped meanwhile.
    unplaced: Option<(Option<u32>, Option<Level>, Bytes)>,
    /// The server takes no more requests, and one has come all the same.
    has_discarded: bool,
    /// The client is known to have the newest secret.
    is_confirmed: bool,
}

impl Intake {
    /// The session goes on over another connection.
    fn begin_again(&mut self) {
        // It has not been received, as the client was told, and comes again.
        self.unplaced = None;
        self.is_confirmed = false;
    }

    /// Hands the client's requests on until no more come, and has them begun whenever it would have to wait. Dropping the
    /// future loses nothing.
    async fn receive(&mut self, reader: &mut Reader) -> ReadEnd {
        let input = self.input.0.clone();
        let mut receiving = pin!(self.hand_on(reader));
        poll_fn(|context| {
            let polled = receiving.as_mut().poll(context);
            if let Some(input) = &input {
                input.begin();
            }
            polled
        })
        .await
    }

    async fn hand_on(&mut self, reader: &mut Reader) -> ReadEnd {
        loop {
            self.place().await;
            let said = match reader.next().await {
                Ok(said) => said,
                Err(ReadEnd::Finished) if self.has_discarded => break,
                Err(end) => return end,
            };
            if !self.is_confirmed
                && let Some(ticket) = &self.ticket
            {
                ticket.confirm();
                self.is_confirmed = true;
            }
            match said {
                FromClient::Request { call, level, payload } => {
                    self.unplaced = Some((call, level, payload));
                }
                FromClient::Ack { received } => {
                    if let Err(error) = self.outbox.acknowledged(received) {
                        return ReadEnd::Violation(error.into());
                    }
                }
                FromClient::Hello(_) => return ReadEnd::Violation(ServerSessionError::HelloTwice),
                FromClient::Goodbye => return ReadEnd::Finished,
            }
        }
        // A goodbye is answered by one that says that all before it was received, which is not so. The client is about to be told
        // that the server stops. (Not waited for where it is found: the future would have room for that until then.)
        pending().await
    }

    /// Hands the request on that waits, once there is room for it; or discards it, when no more are taken.
    async fn place(&mut self) {
        let Some((_, _, payload)) = &self.unplaced else { return };
        let cost = self.shared.cost(payload.len());
        if self.outbox.is_slow() {
            // Apart: the future of every session would have room for that.
            Box::pin(slow_down(&self.outbox, &self.shared)).await;
        }
        if self.places.available_permits() == 0 {
            self.shared.meters.session_queue_full.increment(1);
        }
        let place = Arc::clone(&self.places).acquire_owned().await;
        if self.shared.is_queue_full(cost) {
            self.shared.meters.queue_full.increment(1);
        }
        let bytes = Arc::clone(&self.shared.queued_bytes).acquire_many_owned(cost).await;
        let Some((call, level, payload)) = self.unplaced.take() else { return };
        let (Ok(place), Ok(bytes)) = (place, bytes) else {
            // The server stops. It goes on to read, because what the client has received must not fill its outbox; but as no
            // request is counted after one that was not, none of these counts as received, and the client is told so by the end.
            self.has_discarded = true;
            return;
        };
        // Counted when it is handed on and not before: what is acknowledged does not come again.
        self.receipts.count(payload.len() + LENGTH_BYTES + 1);
        let permit = Permit { place, bytes };
        self.input.received(Request { call, level, payload, permit });
        if let Some(received) = self.receipts.due() {
            self.outbox.acknowledge(received);
        }
    }
}

/// Waits while nothing can be sent to a client that has much to receive; drops it if that goes on.
async fn slow_down(outbox: &Outbox, shared: &Shared) {
    meters::slowed();
    let patience = shared.limits.slow_patience;
    if timeout(patience, outbox.is_fast()).await.is_err() {
        let reason = format!("does not read: nothing could be sent to it for {patience:?}");
        meters::dropped("does_not_read");
        outbox.drop_all(CloseCode::TooSlow, reason);
        // Until the session's task ends what is done here.
        pending().await
    }
}

/// Whether the session outlives a connection that ended so.
fn may_come_back(error: &ConnectionError) -> bool {
    match error {
        ConnectionError::ApplicationClosed(close) => close.error_code == code(CloseCode::Detached),
        ConnectionError::LocallyClosed => false,
        _ => true,
    }
}

/// What the end of the connection means for a session that ends with it.
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

/// Says exactly once that the session is over, even when its task is thrown away or panics.
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
            input.abandoned();
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

/// Withdraws the ticket when the session is over, however that comes about.
struct Withdrawn(Option<Arc<Ticket>>);

impl Drop for Withdrawn {
    fn drop(&mut self) {
        if let Some(ticket) = &self.0 {
            ticket.withdraw();
        }
    }
}

const NOT_STORED: &str = "the session ends before all that was to be said could be stored";
