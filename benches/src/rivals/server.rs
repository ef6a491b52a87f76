//! A bare quinn server: it sends every stream's bytes back, or on to all who listen.
//!
//! Of each connection one stream is served. Its first byte says what it is for.

use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use quinn::{Endpoint, Incoming, RecvStream, SendStream};
use tokio::sync::broadcast;

use crate::wire::runtime;

/// What comes is sent back.
pub(crate) const ECHO: u8 = b'e';
/// What comes is sent to all who listen.
pub(crate) const SAY: u8 = b's';
/// Hears what is said.
pub(crate) const LISTEN: u8 = b'l';

/// Serves; `ready` is told where, and returns when it is to end.
pub(crate) fn serve(ready: fn(SocketAddr)) {
    let runtime = runtime();
    let inside = runtime.enter();
    let config = daystar::bare_quic().unwrap_or_else(|cause| panic!("no server: {cause}"));
    let endpoint = Endpoint::server(config, (Ipv4Addr::LOCALHOST, 0).into());
    let endpoint = endpoint.unwrap_or_else(|cause| panic!("no server: {cause}"));
    let address = endpoint.local_addr();
    let address = address.unwrap_or_else(|cause| panic!("no server: {cause}"));
    drop(inside);
    runtime.spawn(async move {
        let (said, _) = broadcast::channel(WAITING_MAX);
        while let Some(incoming) = endpoint.accept().await {
            tokio::spawn(connection(incoming, said.clone()));
        }
    });
    ready(address);
}

/// Ends with the connection, in whatever way that ends.
async fn connection(incoming: Incoming, said: broadcast::Sender<Bytes>) -> Option<()> {
    let connection = incoming.await.ok()?;
    let (send, mut recv) = connection.accept_bi().await.ok()?;
    let mut purpose = [0];
    recv.read_exact(&mut purpose).await.ok()?;
    match purpose[0] {
        SAY => say(recv, &said).await,
        LISTEN => listen(send, said.subscribe()).await,
        _ => echo(send, recv).await,
    }
}

async fn echo(mut send: SendStream, mut recv: RecvStream) -> Option<()> {
    let mut chunks = [const { Bytes::new() }; CHUNKS];
    loop {
        let count = recv.read_chunks(&mut chunks).await.ok()??;
        send.write_all_chunks(&mut chunks[..count]).await.ok()?;
    }
}

async fn say(mut recv: RecvStream, said: &broadcast::Sender<Bytes>) -> Option<()> {
    loop {
        let chunk = recv.read_chunk(usize::MAX, true).await.ok()??;
        let _nobody_listens = said.send(chunk.bytes);
    }
}

async fn listen(mut send: SendStream, mut said: broadcast::Receiver<Bytes>) -> Option<()> {
    // So that the client knows that it is heard from now on.
    send.write_all(&[LISTEN]).await.ok()?;
    loop {
        let bytes = said.recv().await.ok()?;
        send.write_chunk(bytes).await.ok()?;
    }
}

/// As many datagrams at once as the framework takes.
const CHUNKS: usize = 8;

/// More than a sender is ahead of its listeners.
const WAITING_MAX: usize = 1_024;
