//! One client's line through a relay: a lane each way, and the socket by which the server knows the client.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand_pcg::Pcg32;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::Receiver;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::network::lane::Lane;
use crate::network::relay::{Shared, bind};

/// What a line is made of.
pub(super) struct Path {
    pub(super) shared: Arc<Shared>,
    /// The socket to which clients send.
    pub(super) front: Arc<UdpSocket>,
    pub(super) client: SocketAddr,
    /// What the client sends.
    pub(super) from_client: Receiver<Bytes>,
    /// Changes when the client is to be known by another address.
    pub(super) moved: watch::Receiver<()>,
    /// Which line of its relay this is.
    pub(super) number: u64,
}

impl Path {
    /// Carries packets until nobody has sent any for [`SILENCE_MAX`], or the relay is gone.
    pub(super) async fn carry(mut self) -> io::Result<()> {
        let server = self.shared.server;
        let mut upstream = connect(server).await?;
        let lane = |way| Lane::new(Pcg32::new(self.shared.seed, self.number * 2 + way));
        let (mut up, mut down) = (lane(0), lane(1));
        let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
        let mut silent_at = Instant::now() + SILENCE_MAX;
        loop {
            let due = [up.poll_due(), down.poll_due()].into_iter().flatten().min();
            let wake = due.map_or(silent_at, |due| self.shared.began + due);
            tokio::select! {
                packet = self.from_client.recv() => {
                    let Some(packet) = packet else { return Ok(()) };
                    let (conditions, now) = self.shared.conditions_now();
                    up.handle_packet(&conditions, now, packet);
                    while let Ok(packet) = self.from_client.try_recv() {
                        up.handle_packet(&conditions, now, packet);
                    }
                    silent_at = Instant::now() + SILENCE_MAX;
                }
                received = upstream.recv(&mut buffer) => {
                    let (conditions, now) = self.shared.conditions_now();
                    // Fails when nobody listens at the server's address. Somebody may later.
                    let mut received = received;
                    while let Ok(bytes) = received {
                        down.handle_packet(&conditions, now, Bytes::copy_from_slice(&buffer[..bytes]));
                        received = upstream.try_recv(&mut buffer);
                    }
                    silent_at = Instant::now() + SILENCE_MAX;
                }
                moved = self.moved.changed() => {
                    if moved.is_err() {
                        return Ok(());
                    }
                    upstream = connect(server).await?;
                }
                () = sleep_until(wake) => {
                    if due.is_none() {
                        return Ok(());
                    }
                }
            }
            let now = self.shared.began.elapsed();
            // What a socket does not take at once is lost, as on any line.
            while let Some(packet) = up.poll_packet(now) {
                let _ = upstream.try_send(&packet);
            }
            while let Some(packet) = down.poll_packet(now) {
                let _ = self.front.try_send_to(&packet, self.client);
            }
            self.shared.count(up.take_traffic(), down.take_traffic());
        }
    }
}

async fn connect(server: SocketAddr) -> io::Result<UdpSocket> {
    let socket = bind(match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    })?;
    socket.connect(server).await?;
    // Until the system has said so, it is not known that the socket can be written to.
    socket.writable().await?;
    Ok(socket)
}

/// QUIC's are a sixth of this. Longer ones are cut.
pub(super) const DATAGRAM_BYTES_MAX: usize = 9 * 1024;

/// Longer than any session is silent.
const SILENCE_MAX: Duration = Duration::from_secs(300);
