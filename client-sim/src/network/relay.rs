//! The relay: clients connect to it as to their server, and it passes their packets on as its conditions say.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use quinn::udp::UdpSocketState;
use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

use crate::network::conditions::Conditions;
use crate::network::lane::Traffic;
use crate::network::path::{DATAGRAM_BYTES_MAX, Path};

/// A running relay; it ends when it is dropped, and every packet on its way with it.
///
/// The server sees another address for each address that sends to the relay, as if each were a machine of its own.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Shared>,
    moves: watch::Sender<()>,
    running: JoinHandle<()>,
}

/// What all lines of a relay share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) server: SocketAddr,
    pub(super) seed: u64,
    pub(super) began: Instant,
    conditions: Mutex<Conditions>,
    traffic: Mutex<BothWays>,
}

/// What became of the packets of all clients together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BothWays {
    /// Of those to the server.
    pub up: Traffic,
    /// Of those to the clients.
    pub down: Traffic,
}

impl Relay {
    /// Begins to relay to `server`, on a free port of the loopback address. Must be called inside a tokio runtime, which then
    /// runs it. The same seed does the same to the same packets.
    ///
    /// # Errors
    /// No socket to be had.
    pub fn start(server: SocketAddr, conditions: Conditions, seed: u64) -> io::Result<Self> {
        let front = Arc::new(bind(match server {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        })?);
        let address = front.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            seed,
            began: Instant::now(),
            conditions: Mutex::new(conditions),
            traffic: Mutex::default(),
        });
        let (moves, moved) = watch::channel(());
        let running = tokio::spawn(receive(front, Arc::clone(&shared), moved));
        Ok(Self { address, shared, moves, running })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Makes the network better or worse. Packets on their way keep their fate.
    pub fn set(&self, conditions: Conditions) {
        *self.shared.conditions.lock() = conditions;
    }

    /// Gives every client another address, as a home router does that has forgotten them: the server sees their next packets come
    /// from elsewhere, and what it sends to the old addresses is lost.
    pub fn move_clients(&self) {
        self.moves.send_replace(());
    }

    /// What became of the packets until now.
    pub fn traffic(&self) -> BothWays {
        *self.shared.traffic.lock()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Shared {
    /// The conditions, and how long after its beginning the network is.
    pub(super) fn conditions_now(&self) -> (Conditions, Duration) {
        (self.conditions.lock().clone(), self.began.elapsed())
    }

    pub(super) fn count(&self, up: Traffic, down: Traffic) {
        self.traffic.lock().add(&BothWays { up, down });
    }
}

impl BothWays {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.up.add(&other.up);
        self.down.add(&other.down);
    }
}

/// Hands what clients send to their lines.
async fn receive(front: Arc<UdpSocket>, shared: Arc<Shared>, moved: watch::Receiver<()>) {
    // Until the system has said so, it is not known that the socket can be written to. It can fail only when it is gone.
    let _ = front.writable().await;
    let mut lines: HashMap<SocketAddr, mpsc::Sender<Bytes>> = HashMap::new();
    let mut number = 0;
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
    // All end with this task.
    let mut running = JoinSet::new();
    loop {
        // Fails when a client is gone to which something was sent.
        let Ok((bytes, client)) = front.recv_from(&mut buffer).await else { continue };
        while running.try_join_next().is_some() {}
        let packet = Bytes::copy_from_slice(&buffer[..bytes]);
        let packet = match lines.get(&client).map(|line| line.try_send(packet.clone())) {
            // A full one loses the packet: it is bounded as every router's queue is.
            Some(Ok(()) | Err(mpsc::error::TrySendError::Full(_))) => continue,
            Some(Err(mpsc::error::TrySendError::Closed(packet))) => packet,
            None => packet,
        };
        lines.retain(|_, line| !line.is_closed());
        if lines.len() >= LINES_MAX {
            continue;
        }
        let (line, from_client) = mpsc::channel(LINE_PACKETS_MAX);
        let _ = line.try_send(packet);
        lines.insert(client, line);
        let (front, shared, moved) = (Arc::clone(&front), Arc::clone(&shared), moved.clone());
        running.spawn(Path { shared, front, client, from_client, moved, number }.carry());
        number += 1;
    }
}

/// A socket on any free port of `ip`.
pub(super) fn bind(ip: IpAddr) -> io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(SocketAddr::new(ip, 0))?;
    socket.set_nonblocking(true)?;
    // A busy machine must lose no more packets than the conditions say, so the system is asked for room. Whether it gives
    // some shows in no figure here, only in how bad the network is.
    if let Ok(state) = UdpSocketState::new((&socket).into()) {
        let _ = state.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER_BYTES);
        let _ = state.set_send_buffer_size((&socket).into(), SOCKET_BUFFER_BYTES);
    }
    UdpSocket::from_std(socket)
}

const SOCKET_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Clients' addresses at a time; more are not heard.
const LINES_MAX: usize = 4096;

/// What one client may have sent before its line takes it in, which it does at once.
const LINE_PACKETS_MAX: usize = 4096;
