//! How to join: the builder of a client.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::time::Duration;

use daystar_protocol::fingerprint::Fingerprint;
use daystar_protocol::frame::{TO_CLIENT_BYTES_MAX, TO_SERVER_BYTES_MAX};
use daystar_protocol::handshake::Credentials;
use daystar_protocol::message::Message;
use tokio::time::timeout;

use crate::authorities::Authorities;
use crate::client::Client;
use crate::dial::Dial;
use crate::error::ConnectError;
use crate::events::Events;
use crate::link::{self, LinkLimits};
use crate::socket;
use crate::tls::Belief;

/// Which server to believe that it is the right one. A server whose certificate is issued by an authority is believed by
/// [`ClientBuilder::authorities`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Whoever answers. For development and tests: somebody in between could read and change everything.
    Anyone,
    /// The server whose certificate has this fingerprint, which it prints when it starts.
    Fingerprint(Fingerprint),
}

/// What a client needs to join. Made by [`Client::builder`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `.connect()`"]
pub struct ClientBuilder<Request, Event> {
    server: SocketAddr,
    game: Option<String>,
    credentials: Option<Credentials>,
    belief: Option<Belief>,
    endpoint: Option<quinn::Endpoint>,
    connect_timeout: Duration,
    limits: LinkLimits,
    messages: PhantomData<fn(Request) -> Event>,
}

impl<Request: Message, Event: Message> ClientBuilder<Request, Event> {
    pub(crate) fn new(server: SocketAddr) -> Self {
        let limits = LinkLimits {
            to_server_bytes_max: TO_SERVER_BYTES_MAX,
            to_client_bytes_max: TO_CLIENT_BYTES_MAX,
            outgoing_bytes_max: OUTGOING_BYTES_MAX,
            events_bytes_max: EVENTS_BYTES_MAX,
        };
        Self {
            server,
            game: None,
            credentials: None,
            belief: None,
            endpoint: None,
            connect_timeout: CONNECT_TIMEOUT,
            limits,
            messages: PhantomData,
        }
    }

    /// The game that the client is built for, as its `Game::NAME`. Must be set.
    pub fn game(mut self, game: impl Into<String>) -> Self {
        self.game = Some(game.into());
        self
    }

    /// Who joins, where the server asks for no more: 1 to 32 characters, no control characters. This or
    /// [`credentials`](Self::credentials) must be set.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.credentials(Credentials::Name(name.into()))
    }

    /// Who joins, and what it shows for that: a password, or a token. Replaces what was set before.
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// Which server to believe. This, [`fingerprints`](Self::fingerprints) or [`authorities`](Self::authorities) must be set; each
    /// replaces what was set before.
    pub fn trust(mut self, trust: Trust) -> Self {
        self.belief = Some(trust.into());
        self
    }

    /// Believes the server whose certificate has any one of these fingerprints: that of the certificate in use, and that of the one
    /// that will replace it, so that clients are there already when it does. None believes nobody.
    pub fn fingerprints(mut self, fingerprints: impl IntoIterator<Item = Fingerprint>) -> Self {
        self.belief = Some(Belief::Fingerprints(fingerprints.into_iter().collect()));
        self
    }

    /// Believes the server that has a certificate which these authorities have issued, for the name that goes with them; so its
    /// certificate can be renewed, and clients that were shipped before still join. Looked at for each connection, those included by
    /// which a session goes on.
    ///
    /// ```no_run
    /// # use daystar_protocol::message::Message;
    /// # #[derive(serde::Serialize, serde::Deserialize)] pub struct Request;
    /// # #[derive(serde::Serialize, serde::Deserialize)] pub struct Event;
    /// # impl Message for Request { const NAME: &'static str = "Request"; }
    /// # impl Message for Event { const NAME: &'static str = "Event"; }
    /// use daystar_client::{Authorities, Client};
    ///
    /// # async fn play() -> Result<(), Box<dyn std::error::Error>> {
    /// let roots = std::fs::read("authority.pem")?; // a shipped game has `include_bytes!`
    /// let authorities = Authorities::from_pem("game.example", roots)?;
    /// let server = tokio::net::lookup_host("game.example:4433").await?.next().ok_or("no such host")?;
    /// let builder = Client::<Request, Event>::builder(server).game("hamlet").name("ann");
    /// let (client, events) = builder.authorities(authorities).connect().await?;
    /// # Ok(()) }
    /// ```
    pub fn authorities(mut self, authorities: Authorities) -> Self {
        self.belief = Some(Belief::Authorities(authorities));
        self
    }

    /// A socket to share with other clients, instead of one of its own; made by [`socket::shared`].
    pub fn endpoint(mut self, endpoint: quinn::Endpoint) -> Self {
        self.endpoint = Some(endpoint);
        self
    }

    /// How long to wait until joined; 10 seconds unless set.
    pub fn connect_timeout(mut self, connect_timeout: Duration) -> Self {
        self.connect_timeout = connect_timeout;
        self
    }

    /// How many bytes a request's frame may have (kind and body); must be what the server allows. 64 KiB unless set.
    pub fn request_bytes_max(mut self, bytes: usize) -> Self {
        self.limits.to_server_bytes_max = bytes;
        self
    }

    /// How many bytes a frame from the server may have (kind and body); must be what the server sends. 1 MiB unless set.
    pub fn event_bytes_max(mut self, bytes: usize) -> Self {
        self.limits.to_client_bytes_max = bytes;
        self
    }

    /// How many bytes of events may wait for [`Events::next`]; beyond it the client leaves with
    /// [`Disconnected::EventsNotRead`](crate::error::Disconnected::EventsNotRead). 8 MiB unless set.
    pub fn waiting_events_bytes_max(mut self, bytes: usize) -> Self {
        self.limits.events_bytes_max = bytes;
        self
    }

    /// Joins. Must be called inside a tokio runtime, which then runs the connection.
    ///
    /// # Errors
    /// [`ConnectError`]: what is missing, who does not answer, or why the server says no.
    pub async fn connect(self) -> Result<(Client<Request, Event>, Events<Event>), ConnectError> {
        let unset = |what| ConnectError::Unset { what };
        let server = self.server;
        let game = self.game.ok_or_else(|| unset("game"))?;
        let credentials = self.credentials.ok_or_else(|| unset("name"))?;
        let belief = self.belief.ok_or_else(|| unset("trust"))?;
        let endpoint = match self.endpoint {
            Some(endpoint) => endpoint,
            None => socket::own(server).map_err(ConnectError::Socket)?,
        };
        let to_client_bytes_max = self.limits.to_client_bytes_max;
        let dial = Dial { endpoint, server, belief, game, to_client_bytes_max };
        let joining = link::join(dial, credentials, self.limits);
        let (link, incoming) = match timeout(self.connect_timeout, joining).await {
            Ok(joined) => joined?,
            Err(_) => return Err(ConnectError::TimedOut { server, after: self.connect_timeout }),
        };
        Ok((Client::new(link.clone()), Events::new(link, incoming)))
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Requests that the server has not acknowledged; whoever sends more waits.
const OUTGOING_BYTES_MAX: usize = 256 * 1024;

/// Minutes of an ordinary game, and little enough to find a program that has forgotten its events.
const EVENTS_BYTES_MAX: usize = 8 * 1024 * 1024;
