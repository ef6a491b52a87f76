//! A joined client: calls, sends, and leaving.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use daystar_protocol::close::CloseCode;
use daystar_protocol::message::{Message, decode_message};
use daystar_protocol::to_server::{Level, call_frame, send_frame};
use tokio::sync::watch;

use crate::builder::ClientBuilder;
use crate::error::{CallError, SendError};
use crate::link::Link;
use crate::pending::Call;
use crate::state::ConnectionState;

/// A client that has joined. Clones are cheap and are the same client.
///
/// A connection that is lost is made anew, and the session goes on, for as long as the server waits. The session lasts until
/// [`close`](Self::close), until every clone is dropped (what was sent before still arrives, if that takes no more than three
/// seconds), or until the server ends it.
pub struct Client<Request, Event> {
    link: Arc<Leaving>,
    messages: PhantomData<fn(Request) -> Event>,
}

impl<Request: Message, Event: Message> Client<Request, Event> {
    /// How to join the server at `server`.
    pub fn builder(server: SocketAddr) -> ClientBuilder<Request, Event> {
        ClientBuilder::new(server)
    }

    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self { link: Arc::new(Leaving(link)), messages: PhantomData }
    }

    /// The session's number on the server.
    pub fn session(&self) -> u64 {
        self.link.0.session()
    }

    /// Sends `request` and waits until it has taken effect; then gives the game's answer, if it has one. Whether a crash of
    /// the server in the next few milliseconds can still take the effect back is the server's setting;
    /// [`call_durable`](Self::call_durable) makes sure that it cannot, and [`call_committed`](Self::call_committed) does not wait
    /// for that.
    ///
    /// Any number of calls may be under way; they are sent in the order in which they are first polled, and so they take effect.
    /// Dropping the future forgets the answer, not the request, unless it still waits to be sent because the server has not
    /// acknowledged 256 KiB.
    ///
    /// # Errors
    /// [`CallError::Refused`] when the game says no; otherwise the session or the messages are at fault.
    pub async fn call(&self, request: &Request) -> Result<Option<Event>, CallError> {
        self.call_until(None, request).await
    }

    /// Like [`call`](Self::call), and waits until the outcome is on the server's disk: no crash or power cut takes back what
    /// this returns. A refusal waits likewise, since it tells of a world that must still be so afterwards.
    ///
    /// # Errors
    /// Those of [`call`](Self::call).
    pub async fn call_durable(&self, request: &Request) -> Result<Option<Event>, CallError> {
        self.call_until(Some(Level::Durable), request).await
    }

    /// Like [`call`](Self::call), and does not wait for the server's disk, although others may that call the same server: a crash
    /// of the server in the next few milliseconds may take back what this returns, with all that came after it. It comes later
    /// all the same if the game holds back its answer until that is on disk, or something that it has told this client before:
    /// what a client is told stays in the order in which it happened.
    ///
    /// # Errors
    /// Those of [`call`](Self::call).
    pub async fn call_committed(&self, request: &Request) -> Result<Option<Event>, CallError> {
        self.call_until(Some(Level::Committed), request).await
    }

    async fn call_until(
        &self,
        level: Option<Level>,
        request: &Request,
    ) -> Result<Option<Event>, CallError> {
        self.begin_until(level, request).await?.outcome().await
    }

    /// Sends `request`, and gives what its outcome can be waited for by. A task that has many calls under way keeps those in
    /// a queue, and so is woken once for all the outcomes that arrive together.
    ///
    /// ```no_run
    /// # use daystar_client::{CallError, Client};
    /// # use daystar_protocol::message::Message;
    /// # async fn ask<R: Message, E: Message>(client: &Client<R, E>, requests: &[R]) -> Result<(), CallError> {
    /// let mut under_way = Vec::new();
    /// for request in requests {
    ///     under_way.push(client.begin(request).await?);
    /// }
    /// for call in under_way {
    ///     let answer = call.outcome().await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`CallError`]: the request has not been sent.
    pub async fn begin(&self, request: &Request) -> Result<UnderWay<'_, Event>, CallError> {
        self.begin_until(None, request).await
    }

    /// Like [`begin`](Self::begin); the outcome is that of [`call_durable`](Self::call_durable).
    ///
    /// # Errors
    /// Those of [`begin`](Self::begin).
    pub async fn begin_durable(&self, request: &Request) -> Result<UnderWay<'_, Event>, CallError> {
        self.begin_until(Some(Level::Durable), request).await
    }

    /// Like [`begin`](Self::begin); the outcome is that of [`call_committed`](Self::call_committed).
    ///
    /// # Errors
    /// Those of [`begin`](Self::begin).
    pub async fn begin_committed(
        &self,
        request: &Request,
    ) -> Result<UnderWay<'_, Event>, CallError> {
        self.begin_until(Some(Level::Committed), request).await
    }

    async fn begin_until(
        &self,
        level: Option<Level>,
        request: &Request,
    ) -> Result<UnderWay<'_, Event>, CallError> {
        let link = &self.link.0;
        let call = link.begin(|call| call_frame(call, level, request)).await?;
        Ok(UnderWay { link, call, messages: PhantomData })
    }

    /// Sends `request` and does not wait for its effect. Should the game refuse it, the reason arrives as
    /// [`Incoming::Refused`](crate::events::Incoming::Refused). Waits only while the server has
    /// not acknowledged 256 KiB.
    ///
    /// # Errors
    /// [`SendError`]: the request has not been sent.
    pub async fn send(&self, request: &Request) -> Result<(), SendError> {
        let frame = send_frame(request)?;
        self.link.0.send(frame).await
    }

    /// How the connection fares, to be looked at or waited for.
    ///
    /// ```no_run
    /// # use daystar_client::{Client, ConnectionState};
    /// # use daystar_protocol::message::Message;
    /// # async fn show<R: Message, E: Message>(client: Client<R, E>) {
    /// let mut state = client.state();
    /// while state.changed().await.is_ok() {
    ///     if *state.borrow_and_update() == ConnectionState::Reconnecting {
    ///         println!("one moment ...");
    ///     }
    /// }
    /// # }
    /// ```
    pub fn state(&self) -> watch::Receiver<ConnectionState> {
        self.link.0.state()
    }

    /// Breaks the connection, as a network would. For tests: the session is expected to go on over another.
    #[doc(hidden)]
    pub fn break_connection(&self) {
        self.link.0.close(CloseCode::Detached, "broken on purpose");
    }

    /// Is gone without a goodbye, as a program that is killed. For tests.
    #[doc(hidden)]
    pub fn vanish(self) {
        self.link.0.vanish();
    }

    /// Leaves the connection open and silent, and comes back over another. For tests.
    #[doc(hidden)]
    pub fn abandon_connection(&self) {
        self.link.0.abandon_connection();
    }

    /// Gives the client's socket another port, as a router might. For tests.
    ///
    /// # Errors
    /// Those of the system.
    #[doc(hidden)]
    pub fn rebind(&self) -> io::Result<()> {
        self.link.0.dial().endpoint.rebind(UdpSocket::bind("0.0.0.0:0")?)
    }

    /// Says goodbye behind everything that was sent, and waits until the server has heard it, three seconds at the most: what takes
    /// longer to be read there may be lost. Who must know waits for the answers of its calls first. Calls still under way
    /// end with [`Disconnected::ByClient`](crate::error::Disconnected::ByClient).
    pub async fn close(&self) {
        self.link.0.leave();
        self.link.0.over().await;
    }
}

/// A call that was sent. Dropping it forgets the answer, not the request.
#[must_use = "the outcome is unknown until `.outcome()`"]
pub struct UnderWay<'c, Event> {
    link: &'c Link,
    call: Call<'c>,
    messages: PhantomData<fn() -> Event>,
}

impl<Event: Message> UnderWay<'_, Event> {
    /// Waits until the request has taken effect, as [`Client::call`] does.
    ///
    /// # Errors
    /// Those of [`Client::call`].
    pub async fn outcome(self) -> Result<Option<Event>, CallError> {
        let payload = self.link.outcome(self.call).await?;
        payload.map(|payload| decode_message(&payload)).transpose().map_err(CallError::Decode)
    }
}

impl<Event> fmt::Debug for UnderWay<'_, Event> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnderWay").field("call", &self.call.number()).finish_non_exhaustive()
    }
}

impl<Request, Event> Clone for Client<Request, Event> {
    fn clone(&self) -> Self {
        Self { link: Arc::clone(&self.link), messages: PhantomData }
    }
}

impl<Request, Event> fmt::Debug for Client<Request, Event> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("session", &self.link.0.session()).finish_non_exhaustive()
    }
}

/// Says goodbye with the last clone.
struct Leaving(Arc<Link>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.leave();
    }
}
