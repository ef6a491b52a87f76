//! Handshakes that are begun and never gone on with, each from a port of its own, as if their senders were not there.

use std::collections::VecDeque;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::hostile::notice::{By, Notice};
use crate::hostile::target::Target;
use crate::hostile::toll::Toll;

pub(super) const NOTICES: &[Notice] = &[
    // Each is asked for its address, or is refused, or fails in the end; but some packets are lost on the way.
    Notice::new(
        &[
            "daystar_net_retries_total",
            "daystar_net_refused_total",
            "daystar_net_handshakes_failed_total",
        ],
        By::AttemptsEach(2),
    ),
    Notice::new(&["daystar_net_retries_total"], By::Times(1_000)),
];

/// Open ports at a time; what the server answers to those that are closed finds nobody.
const PORTS_MAX: usize = 256;

/// A thousand in a second.
const PERIOD: Duration = Duration::from_millis(1);

/// The first byte of a QUIC packet's long header of the type Initial; four of its bits vary.
const INITIAL: u8 = 0xc0;

pub(super) async fn attack(target: Target, toll: Arc<Toll>) {
    // First packets are made by connecting to a socket that never answers, which takes them down.
    let Ok(endpoint) = target.endpoint() else { return };
    let Ok(sink) = tokio::net::UdpSocket::bind((target.from, 0)).await else { return };
    let Ok(sink_address) = sink.local_addr() else { return };
    let mut ports = VecDeque::new();
    let mut packet = [0; 2048];
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let Ok(connecting) = endpoint.connect_with(target.config(), sink_address, "daystar") else {
            continue;
        };
        let taken = timeout(Duration::from_millis(100), sink.recv_from(&mut packet)).await;
        drop(connecting);
        let Ok(Ok((bytes, _))) = taken else { continue };
        let Ok(port) = UdpSocket::bind((target.from, 0)) else { continue };
        if packet[0] & 0xf0 == INITIAL && port.send_to(&packet[..bytes], target.server).is_ok() {
            toll.tried(1);
        }
        ports.push_back(port);
        if ports.len() > PORTS_MAX {
            ports.pop_front();
        }
    }
}
