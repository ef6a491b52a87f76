//! The relay, between plain UDP sockets: what it passes, what it does not, and whom the server sees.

use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use client_sim::network::conditions::Conditions;
use client_sim::network::relay::Relay;
use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// Sends back whatever comes, and remembers from where.
struct Echo {
    address: SocketAddr,
    heard_from: Arc<Mutex<HashSet<SocketAddr>>>,
}

impl Echo {
    async fn start() -> Self {
        let socket = socket().await;
        let address = socket.local_addr().expect("an address");
        let heard_from = Arc::<Mutex<HashSet<SocketAddr>>>::default();
        let heard = Arc::clone(&heard_from);
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            loop {
                let (bytes, from) = socket.recv_from(&mut buffer).await.expect("a packet");
                heard.lock().insert(from);
                socket.send_to(&buffer[..bytes], from).await.expect("sent");
            }
        });
        Self { address, heard_from }
    }
}

async fn socket() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket")
}

/// Sends so many packets, one after another's answer or the wait for it, and gives the numbers that came back.
async fn ping(client: &UdpSocket, to: SocketAddr, packets: u32) -> Vec<u32> {
    let mut back = Vec::new();
    let mut buffer = [0; 2048];
    for number in 0..packets {
        client.send_to(&number.to_le_bytes(), to).await.expect("sent");
        // Far longer than a packet takes that is not lost.
        while let Ok(received) = timeout(PATIENCE, client.recv_from(&mut buffer)).await {
            let bytes = received.expect("a packet").0;
            let number_back = u32::from_le_bytes(buffer[..bytes].try_into().expect("a number"));
            back.push(number_back);
            if number_back == number {
                break;
            }
        }
    }
    back
}

const PATIENCE: Duration = Duration::from_millis(200);

#[tokio::test]
async fn without_faults_everything_passes_and_each_client_has_its_own_address() {
    let echo = Echo::start().await;
    let relay = Relay::start(echo.address, Conditions::default(), 1).expect("a relay");
    for _ in 0..3 {
        let client = socket().await;
        assert_eq!(ping(&client, relay.address(), 50).await, (0..50).collect::<Vec<_>>());
    }
    assert_eq!(echo.heard_from.lock().len(), 3);
    let traffic = relay.traffic();
    assert_eq!((traffic.up.packets, traffic.down.packets), (150, 150));
}

#[tokio::test]
async fn the_same_seed_loses_the_same_packets_whenever_they_come() {
    let echo = Echo::start().await;
    let mut outcomes = Vec::new();
    for seed in [7, 7, 8] {
        let conditions = Conditions { loss: 0.2, ..Conditions::default() };
        let relay = Relay::start(echo.address, conditions, seed).expect("a relay");
        let back = ping(&socket().await, relay.address(), 40).await;
        assert!((10..40).contains(&back.len()), "{back:?}");
        outcomes.push(back);
    }
    assert_eq!(outcomes[0], outcomes[1]);
    assert_ne!(outcomes[0], outcomes[2]);
}

#[tokio::test]
async fn what_is_doubled_comes_twice_each_way() {
    let echo = Echo::start().await;
    let conditions = Conditions { duplicate: 1.0, ..Conditions::default() };
    let relay = Relay::start(echo.address, conditions, 1).expect("a relay");
    let client = socket().await;
    client.send_to(b"once", relay.address()).await.expect("sent");
    let mut buffer = [0; 2048];
    let mut times = 0;
    while timeout(PATIENCE, client.recv_from(&mut buffer)).await.is_ok() {
        times += 1;
    }
    assert_eq!(times, 4);
}

#[tokio::test]
async fn a_delay_is_kept_both_ways() {
    let echo = Echo::start().await;
    let delay = Duration::from_millis(40);
    let conditions = Conditions { delay, ..Conditions::default() };
    let relay = Relay::start(echo.address, conditions, 1).expect("a relay");
    let client = socket().await;
    let started = std::time::Instant::now();
    assert_eq!(ping(&client, relay.address(), 3).await, [0, 1, 2]);
    // Nothing is faster than it may be, however busy the machine is.
    assert!(started.elapsed() >= 6 * delay);
}

#[tokio::test]
async fn conditions_change_and_clients_move_while_it_runs() {
    let echo = Echo::start().await;
    let relay = Relay::start(echo.address, Conditions::default(), 1).expect("a relay");
    let client = socket().await;
    assert_eq!(ping(&client, relay.address(), 2).await, [0, 1]);
    relay.set(Conditions { loss: 1.0, ..Conditions::default() });
    assert_eq!(ping(&client, relay.address(), 2).await, Vec::<u32>::new());
    relay.set(Conditions::default());
    relay.move_clients();
    assert_eq!(ping(&client, relay.address(), 2).await, [0, 1]);
    assert_eq!(echo.heard_from.lock().len(), 2, "the server sees the client at two addresses");
}
