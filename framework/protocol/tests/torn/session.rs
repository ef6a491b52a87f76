//! [`run`]: the two sides of one session as a server and a client put them together, over connections that tear. The fuzz target
//! `torn` drives it too.

use bytes::Bytes;
use daystar_protocol::client_session::{ClientSession, FromServer};
use daystar_protocol::frame::{Frame, TO_CLIENT_BYTES_MAX, TO_SERVER_BYTES_MAX};
use daystar_protocol::handshake::{Credentials, Hello, Secret, VERSION};
use daystar_protocol::retained::{Receipts, Retained};
use daystar_protocol::server_session::{FromClient, ServerSession};
use daystar_protocol::to_client::ToClient;
use daystar_protocol::to_server::ToServer;

/// Does what `steps` say, three bytes each; then tears the connection once more, and has everything arrive.
///
/// # Panics
/// A message arrived out of order, twice or not at all, or one side took the other for a liar.
pub(crate) fn run(steps: &[u8]) {
    let mut pair = Pair::new();
    for step in steps.chunks_exact(3) {
        let number = usize::from(u16::from_le_bytes([step[1], step[2]]));
        match step[0] % 16 {
            0..3 => pair.client.say(number),
            3..6 => pair.server.say(number),
            6..10 => pair.server_hears(number),
            10..14 => pair.client_hears(number),
            14 => pair.tear(),
            _ => pair.acknowledge(),
        }
    }
    pair.tear();
    while !(pair.client.to_server.is_empty() && pair.server.to_client.is_empty()) {
        pair.server_hears(usize::MAX);
        pair.client_hears(usize::MAX);
    }
    assert_eq!(pair.server.direction.heard, pair.client.direction.said, "requests");
    assert_eq!(pair.client.direction.heard, pair.server.direction.said, "events");
}

struct Pair {
    client: Client,
    server: Server,
}

struct Client {
    session: ClientSession,
    /// What lies on the connection to the server, sent and not arrived.
    to_server: Vec<u8>,
    direction: Direction<ToServer>,
}

struct Server {
    session: ServerSession,
    to_client: Vec<u8>,
    /// The client has said over this connection which session it goes on with. Before that, the server sends into the lost one.
    is_greeted: bool,
    direction: Direction<ToClient>,
}

/// What one side knows of the session, over all connections. What it says are numbers, from one.
struct Direction<F> {
    retained: Retained<F>,
    receipts: Receipts,
    said: u64,
    heard: u64,
    /// Said while the two had not told each other yet where they stand.
    unsent: Option<Vec<Bytes>>,
}

impl<F: Frame> Direction<F> {
    fn new() -> Self {
        Self {
            retained: Retained::default(),
            receipts: Receipts::default(),
            said: 0,
            heard: 0,
            unsent: None,
        }
    }

    fn say(&mut self, wire: &mut Vec<u8>, size: usize, frame: fn(Bytes) -> Bytes) {
        self.said += 1;
        let mut payload = self.said.to_le_bytes().to_vec();
        payload.resize(8 + size % 2_000, 7);
        let frame = frame(payload.into());
        match &mut self.unsent {
            Some(unsent) => unsent.push(frame),
            None => self.send(wire, frame),
        }
    }

    fn send(&mut self, wire: &mut Vec<u8>, frame: Bytes) {
        wire.extend_from_slice(&frame);
        self.retained.push(frame);
    }

    fn hear(&mut self, payload: &Bytes) {
        self.heard += 1;
        assert_eq!(payload.first_chunk(), Some(&self.heard.to_le_bytes()), "the next one");
        self.receipts.count(payload.len());
    }

    /// The peer says over a new connection how much has reached it.
    fn go_on(&mut self, wire: &mut Vec<u8>, received: u64) {
        let again = self.retained.resume(received).expect("the peer is honest");
        again.iter().for_each(|piece| wire.extend_from_slice(piece));
        for frame in self.unsent.take().unwrap_or_default() {
            self.send(wire, frame);
        }
    }

    fn is_received(&mut self, received: u64) {
        self.retained.acknowledge(received).expect("the peer is honest");
    }
}

impl Client {
    fn say(&mut self, size: usize) {
        let frame = |payload| ToServer::Send { payload }.encode();
        self.direction.say(&mut self.to_server, size, frame);
    }

    fn hear(&mut self, said: FromServer) {
        match said {
            FromServer::Resumed { received, .. } => {
                self.direction.go_on(&mut self.to_server, received);
            }
            FromServer::Event { payload } => {
                self.direction.hear(&payload);
                if let Some(received) = self.direction.receipts.due() {
                    self.to_server.extend(ToServer::Ack { received }.encode());
                }
            }
            FromServer::Ack { received } => self.direction.is_received(received),
            other => panic!("the server never says {other:?}"),
        }
    }
}

impl Server {
    fn say(&mut self, size: usize) {
        let frame = |payload| ToClient::Event { payload }.encode();
        let mut lost = Vec::new();
        let wire = if self.is_greeted { &mut self.to_client } else { &mut lost };
        self.direction.say(wire, size, frame);
    }

    fn hear(&mut self, said: FromClient) {
        match said {
            FromClient::Hello(Hello {
                credentials: Credentials::Resume { received, .. }, ..
            }) => {
                self.is_greeted = true;
                let resumed = ToClient::Resumed {
                    secret: Secret::default(),
                    received: self.direction.receipts.say(),
                };
                self.to_client.extend(resumed.encode());
                self.direction.go_on(&mut self.to_client, received);
            }
            FromClient::Request { payload, .. } => {
                self.direction.hear(&payload);
                if let Some(received) = self.direction.receipts.due() {
                    self.to_client.extend(ToClient::Ack { received }.encode());
                }
            }
            FromClient::Ack { received } => self.direction.is_received(received),
            other => panic!("the client never says {other:?}"),
        }
    }
}

impl Pair {
    /// Both know of the session, and nothing was said in it.
    fn new() -> Self {
        let mut pair = Self {
            client: Client {
                session: ClientSession::new(TO_CLIENT_BYTES_MAX),
                to_server: Vec::new(),
                direction: Direction::new(),
            },
            server: Server {
                session: ServerSession::new(TO_SERVER_BYTES_MAX),
                to_client: Vec::new(),
                is_greeted: false,
                direction: Direction::new(),
            },
        };
        pair.tear();
        pair.server_hears(usize::MAX);
        pair.client_hears(usize::MAX);
        pair
    }

    /// The connection is lost with all that lies on it, and the client makes another one.
    fn tear(&mut self) {
        let (client, server) = (&mut self.client, &mut self.server);
        client.session = ClientSession::new(TO_CLIENT_BYTES_MAX);
        server.session = ServerSession::new(TO_SERVER_BYTES_MAX);
        client.to_server.clear();
        server.to_client.clear();
        server.is_greeted = false;
        client.direction.unsent.get_or_insert_default();
        let received = client.direction.receipts.say();
        let credentials = Credentials::Resume { session: 1, secret: [0; 32], received };
        let hello = Hello { version: VERSION, game: "torn".to_owned(), credentials };
        client.to_server.extend(ToServer::Hello(hello).encode());
    }

    /// So many bytes of what the client has sent arrive.
    fn server_hears(&mut self, bytes: usize) {
        let chunk = arrived(&mut self.client.to_server, bytes);
        let mut chunk = &chunk[..];
        while let Some(said) = self.server.session.handle_bytes(&mut chunk).expect("frames") {
            self.server.hear(said);
        }
    }

    /// So many bytes of what the server has sent arrive.
    fn client_hears(&mut self, bytes: usize) {
        let chunk = arrived(&mut self.server.to_client, bytes);
        let mut chunk = &chunk[..];
        while let Some(said) = self.client.session.handle_bytes(&mut chunk).expect("frames") {
            self.client.hear(said);
        }
    }

    /// Both say at once what they have received.
    fn acknowledge(&mut self) {
        if self.client.direction.unsent.is_none() {
            let received = self.client.direction.receipts.say();
            self.client.to_server.extend(ToServer::Ack { received }.encode());
        }
        if self.server.is_greeted {
            let received = self.server.direction.receipts.say();
            self.server.to_client.extend(ToClient::Ack { received }.encode());
        }
    }
}

fn arrived(wire: &mut Vec<u8>, bytes: usize) -> Vec<u8> {
    wire.drain(..bytes.min(wire.len())).collect()
}
