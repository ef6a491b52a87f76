//! What the benches over the network share: servers in processes of their own, their clients in this one.
//!
//! Subject and rival are each a server in a process of its own, this program started once more, and so many clients in the
//! bench's process, on as many threads for both. They take turns, as everywhere in the benches; the server whose turn it is
//! not has connected clients that say nothing. Both sides have the same QUIC settings, which the framework itself gives
//! (`bare_quic`), the same kind of sockets on the clients' side, and messages of the same length on the wire.

pub(crate) mod clients;
pub(crate) mod game;
pub(crate) mod process;
pub(crate) mod tally;

use std::fmt::Display;
use std::net::SocketAddr;

use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinSet};

use crate::load::cores;

/// The clients' runtime.
pub(crate) fn runtime() -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(cores()).enable_all().build();
    runtime.unwrap_or_else(|cause| panic!("no runtime for the clients: {cause}"))
}

/// The sockets that so many clients share.
pub(crate) fn sockets(
    runtime: &Runtime,
    server: SocketAddr,
    clients: usize,
) -> Vec<quinn::Endpoint> {
    let _inside = runtime.enter();
    let socket = || {
        let socket = daystar_client::socket::shared(server);
        socket.unwrap_or_else(|cause| panic!("no socket for the clients: {cause}"))
    };
    (0..clients.div_ceil(CLIENTS_PER_SOCKET)).map(|_| socket()).collect()
}

/// Has all of `joining` join, some at the same time.
pub(crate) async fn joined<C: Send + 'static, E: Display + Send + 'static>(
    joining: impl Iterator<Item: Future<Output = Result<C, E>> + Send + 'static>,
) -> Vec<C> {
    let (mut under_way, mut clients) = (JoinSet::new(), Vec::new());
    let ended =
        |client: Result<C, JoinError>| client.unwrap_or_else(|cause| panic!("no client: {cause}"));
    for next in joining {
        if under_way.len() == JOINING_AT_ONCE {
            clients.extend(under_way.join_next().await.map(ended));
        }
        under_way.spawn(async { next.await.unwrap_or_else(|cause| panic!("no client: {cause}")) });
    }
    clients.extend(under_way.join_all().await);
    clients
}

/// Clients that join at the same time: more than a server lets compute at once.
const JOINING_AT_ONCE: usize = 64;

const CLIENTS_PER_SOCKET: usize = 1_000;
