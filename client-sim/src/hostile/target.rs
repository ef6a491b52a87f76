//! The server under attack, and the ways to it that the client crate would not go.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use daystar_client::builder::Trust;
use daystar_client::tls;
use daystar_protocol::client_session::{ClientSession, FromServer};
use daystar_protocol::frame::TO_CLIENT_BYTES_MAX;
use daystar_protocol::handshake::{Credentials, Hello, VERSION};
use daystar_protocol::to_server::ToServer;
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, TransportConfig, VarInt};
use tokio::time::timeout;

/// Whom to attack, and with what.
#[derive(Clone, Debug)]
pub struct Target {
    /// Where it listens.
    pub server: SocketAddr,
    /// The attackers' own address. On Linux every address of 127.0.0.0/8 is this machine's, so that the attackers of a server on
    /// the loopback address need not have that of its honest clients.
    pub from: IpAddr,
    /// The game's name, as the server expects it.
    pub game: String,
    /// An encoded request of the game that has a long answer.
    pub request: Bytes,
    /// Whose password is guessed.
    pub account: String,
    config: ClientConfig,
}

/// A connection with its stream.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) send: SendStream,
    pub(super) recv: RecvStream,
    pub(super) heard: ClientSession,
}

/// How long an attacker waits for the server to do something about it.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often attackers who say nothing show that they are there: more often than a server takes anybody for lost.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// The first address of attackers with many networks, and how many follow it; nobody else is there.
const FIRST_NETWORK: Ipv4Addr = Ipv4Addr::new(127, 1, 0, 1);
const NETWORKS: u32 = 1 << 22;

impl Target {
    /// A server that anybody believes to be the right one.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(
        server: SocketAddr,
        from: IpAddr,
        game: &str,
        request: Bytes,
        account: &str,
    ) -> Result<Self, String> {
        let mut config = tls::quic(Trust::Anyone).map_err(|error| error.to_string())?;
        let mut transport = TransportConfig::default();
        // Who takes little holds up much at the other end.
        transport
            .stream_receive_window(VarInt::from_u32(4096))
            .receive_window(VarInt::from_u32(8192))
            // Who says nothing is gone at some time; who is to be borne is not.
            .keep_alive_interval(Some(KEEP_ALIVE));
        config.transport_config(Arc::new(transport));
        let (game, account) = (game.to_owned(), account.to_owned());
        Ok(Self { server, from, game, request, account, config })
    }

    /// A socket of the attackers.
    pub(super) fn endpoint(&self) -> io::Result<Endpoint> {
        Endpoint::client(SocketAddr::new(self.from, 0))
    }

    /// A socket in the network of that number. Attackers on the loopback have millions of them, at an address each; others have the one
    /// that they are in.
    pub(super) fn endpoint_in(&self, network: u32) -> io::Result<Endpoint> {
        let address = match self.from {
            IpAddr::V4(from) if from.is_loopback() => {
                IpAddr::V4((u32::from(FIRST_NETWORK) + network % NETWORKS).into())
            }
            from => from,
        };
        Endpoint::client(SocketAddr::new(address, 0))
    }

    /// How they connect.
    pub(super) fn config(&self) -> ClientConfig {
        self.config.clone()
    }

    /// A connection whose stream is open, and on which nothing was said.
    pub(super) async fn connect(&self, endpoint: &Endpoint) -> Result<Session, String> {
        let opening = async {
            let connecting = endpoint
                .connect_with(self.config(), self.server, "daystar")
                .map_err(|error| error.to_string())?;
            let connection = connecting.await.map_err(|error| error.to_string())?;
            let (send, recv) = connection.open_bi().await.map_err(|error| error.to_string())?;
            let heard = ClientSession::new(TO_CLIENT_BYTES_MAX);
            Ok(Session { connection, send, recv, heard })
        };
        timeout(PATIENCE, opening)
            .await
            .unwrap_or_else(|_| Err("connecting took too long".to_owned()))
    }

    /// A connection that has greeted as `name`, and not looked at the answer.
    pub(super) async fn greet(&self, endpoint: &Endpoint, name: &str) -> Result<Session, String> {
        self.greet_with(endpoint, Credentials::Name(name.to_owned())).await
    }

    /// The same with any credentials.
    pub(super) async fn greet_with(
        &self,
        endpoint: &Endpoint,
        credentials: Credentials,
    ) -> Result<Session, String> {
        let mut session = self.connect(endpoint).await?;
        session.say(&self.hello_with(credentials)).await?;
        Ok(session)
    }

    /// The greeting of `name`.
    pub(super) fn hello(&self, name: &str) -> Bytes {
        self.hello_with(Credentials::Name(name.to_owned()))
    }

    /// A greeting with any credentials.
    fn hello_with(&self, credentials: Credentials) -> Bytes {
        let game = self.game.clone();
        ToServer::Hello(Hello { version: VERSION, game, credentials }).encode()
    }
}

impl Session {
    /// Writes bytes onto the stream; fails with the server's words when it has closed the connection, or when it has not read for
    /// long.
    pub(super) async fn say(&mut self, bytes: &[u8]) -> Result<(), String> {
        match timeout(PATIENCE, self.send.write_all(bytes)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(quinn::WriteError::ConnectionLost(lost))) => Err(words(&lost)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the server does not read".to_owned()),
        }
    }

    /// What the server says next; fails with its words when it has closed the connection.
    pub(super) async fn hear(&mut self) -> Result<FromServer, String> {
        let hearing = async {
            // What lies behind the frame in the same bytes is not wanted.
            let mut bytes = [0; 512];
            loop {
                let count = match self.recv.read(&mut bytes).await {
                    Ok(Some(count)) => count,
                    Ok(None) => return Err("the server ended its stream".to_owned()),
                    Err(quinn::ReadError::ConnectionLost(lost)) => return Err(words(&lost)),
                    Err(error) => return Err(error.to_string()),
                };
                match self.heard.handle_bytes(&mut &bytes[..count]) {
                    Ok(Some(said)) => return Ok(said),
                    Ok(None) => {}
                    Err(error) => return Err(error.to_string()),
                }
            }
        };
        timeout(PATIENCE, hearing)
            .await
            .unwrap_or_else(|_| Err("the server says nothing".to_owned()))
    }

    /// What becomes of the greeting, in words.
    pub(super) async fn verdict(&mut self) -> String {
        match self.hear().await {
            Ok(FromServer::Welcome { .. }) => WELCOME.to_owned(),
            Ok(FromServer::Rejected { reason, .. }) => format!("refused: {reason}"),
            Ok(other) => format!("{other:?}"),
            Err(words) => words,
        }
    }

    /// Waits until the server closes the connection, and gives its words.
    pub(super) async fn closed(&self) -> String {
        match timeout(PATIENCE, self.connection.closed()).await {
            Ok(lost) => words(&lost),
            Err(_) => "the server let it be".to_owned(),
        }
    }
}

/// The verdict on who may join.
pub(super) const WELCOME: &str = "welcome";

pub(super) fn words(lost: &quinn::ConnectionError) -> String {
    match lost {
        quinn::ConnectionError::ApplicationClosed(closed) => {
            String::from_utf8_lossy(&closed.reason).into_owned()
        }
        other => other.to_string(),
    }
}
