//! What the network asks of whoever runs the sessions.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use daystar_protocol::to_server::Level;
use tokio::sync::OwnedSemaphorePermit;

use crate::login::Identity;
use crate::net::login::Seat;
use crate::net::outbox::Outbox;

/// Decides who may begin a session. Called on the network's threads: it must not block.
pub(crate) trait SessionHandler: Send + Sync + 'static {
    /// A client has greeted properly and asks to join.
    ///
    /// `Ok`: the join waits for [`SessionInput::begin`], as what follows it does. When it has finished, what [`Outbox::welcome`] gives must be the first frame that `outbox`
    /// is told, or [`Outbox::reject`] be called. Requests may come in before that; they belong behind the join.
    ///
    /// # Errors
    /// The reason why the client may not join, for a person to read. It is sent, and the connection ends.
    fn open(&self, login: Login, outbox: Arc<Outbox>) -> Result<Arc<dyn SessionInput>, String>;
}

/// Takes in what one client does. Called by one thread at a time, on the network's threads.
pub(crate) trait SessionInput: Send + Sync {
    /// The client has sent a request. It waits for [`begin`](Self::begin), so that those that have come together are begun
    /// together.
    fn received(&self, request: Request);

    /// All that has come so far has been received. This may run some of it, and must leave what takes long to others.
    fn begin(&self);

    /// The session is over. What is to happen then may run here, as with [`begin`](Self::begin). Called last; this or
    /// [`abandoned`](Self::abandoned) is called exactly once for each session that was opened.
    fn closed(&self, why: Closed);

    /// The session is over, because what ran it was thrown away: this thread must not do more than say so.
    fn abandoned(&self);
}

/// Who wants to join.
pub(crate) struct Login {
    /// Who it is.
    pub(crate) identity: Identity,
    /// To be held until the session is over: nobody else of that name is admitted before.
    pub(crate) seat: Seat,
    /// Where the client is.
    pub(crate) address: SocketAddr,
}

/// One request of a client.
#[derive(Debug)]
pub(crate) struct Request {
    /// The number to answer it under; `None`: no answer is wanted.
    pub(crate) call: Option<u32>,
    /// When the answer is wanted; `None`: when the server says.
    pub(crate) level: Option<Level>,
    /// The encoded message, in memory of its own.
    pub(crate) payload: Bytes,
    /// To be dropped when the request leaves the queue.
    pub(crate) permit: Permit,
}

/// A request's share of what may be queued. While too many are alive, the network reads no further.
#[derive(Debug)]
#[expect(dead_code, reason = "held, not read")]
pub(crate) struct Permit {
    /// One of the session's places.
    pub(super) place: OwnedSemaphorePermit,
    /// Its bytes, of those that all sessions share.
    pub(super) bytes: OwnedSemaphorePermit,
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Closed {
    /// The client said goodbye.
    ByClient,
    /// The client is out of reach.
    Lost,
    /// The server ended it, for this reason.
    Dropped(String),
}
