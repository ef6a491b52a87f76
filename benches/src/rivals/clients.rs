//! Clients of the bare quinn server: messages of a fixed length, back as they went.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quinn::{ClientConfig, Connection, ConnectionError, Endpoint, RecvStream, SendStream};
use tokio::runtime::Runtime;

use crate::wire::clients::due;
use crate::wire::tally::Tally;
use crate::wire::{joined, sockets};

/// A connection with its stream.
pub(crate) struct Client {
    _connection: Connection,
    pub(crate) send: SendStream,
    pub(crate) recv: RecvStream,
}

/// What all clients connect with.
pub(crate) fn config() -> ClientConfig {
    daystar_client::bare_quic().unwrap_or_else(|cause| panic!("no client: {cause}"))
}

/// Shakes hands, no more.
pub(crate) async fn connect(
    socket: &Endpoint,
    config: ClientConfig,
    server: SocketAddr,
) -> Result<Connection, ConnectionError> {
    let connecting = socket.connect_with(config, server, "daystar");
    connecting.unwrap_or_else(|cause| panic!("no client: {cause}")).await
}

/// Connects so many clients, each with a stream for `purpose`.
pub(crate) fn connect_all(
    runtime: &Runtime,
    server: SocketAddr,
    count: usize,
    purpose: u8,
) -> Vec<Client> {
    let (sockets, config) = (sockets(runtime, server, count), config());
    let connecting = (0..count).map(|number| {
        let (socket, config) = (sockets[number % sockets.len()].clone(), config.clone());
        async move {
            let connection = connect(&socket, config, server).await?;
            let (mut send, recv) = connection.open_bi().await?;
            let _told = send.write_all(&[purpose]).await;
            Ok::<_, ConnectionError>(Client { _connection: connection, send, recv })
        }
    });
    runtime.block_on(joined(connecting))
}

impl Client {
    /// Asks with messages of `bytes`, `depth` of them under way, as often as they come back, until `end`.
    pub(crate) async fn busy(&mut self, bytes: usize, depth: usize, end: Instant) -> Tally {
        let (mut tally, mut under_way) = (Tally::default(), VecDeque::with_capacity(depth));
        let (message, mut chunks) = (vec![7; bytes * depth], [const { Bytes::new() }; CHUNKS]);
        let (mut to_send, mut arrived) = (depth, 0);
        loop {
            let now = Instant::now();
            if now < end && to_send > 0 {
                under_way.extend(std::iter::repeat_n(now, to_send));
                self.write(&message[..bytes * to_send]).await;
                to_send = 0;
            }
            if under_way.is_empty() {
                return tally;
            }
            arrived += self.read(&mut chunks).await;
            let now = Instant::now();
            while arrived >= bytes
                && let Some(since) = under_way.pop_front()
            {
                tally.answered(since, now);
                (arrived, to_send) = (arrived - bytes, to_send + 1);
            }
        }
    }

    /// Asks at the times that `pauses` tells until `end`, one message after the other, as Daystar's clients do.
    pub(crate) async fn paced(
        &mut self,
        bytes: usize,
        mut pause: impl FnMut() -> Duration,
        end: Instant,
    ) -> Tally {
        let (mut tally, message) = (Tally::default(), vec![7; bytes]);
        let mut chunks = [const { Bytes::new() }; CHUNKS];
        let mut at = Instant::now() + pause();
        while at < end {
            let since = due(at).await;
            self.write(&message).await;
            let mut missing = bytes;
            while missing > 0 {
                missing -= self.read(&mut chunks).await;
            }
            tally.answered(since, Instant::now());
            at += pause();
        }
        tally
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let written = self.send.write_all(bytes).await;
        written
            .unwrap_or_else(|cause| panic!("nothing can be sent, so there is no figure: {cause}"));
    }

    /// Reads what has come; how many bytes.
    pub(crate) async fn read(&mut self, chunks: &mut [Bytes]) -> usize {
        let count = match self.recv.read_chunks(chunks).await {
            Ok(Some(count)) => count,
            ended => panic!("no answer, so there is no figure: {ended:?}"),
        };
        chunks[..count].iter().map(Bytes::len).sum()
    }
}

const CHUNKS: usize = 8;
