//! Each limit of the network that turns somebody away is counted, and so is what comes and goes.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use daystar::login::Passwords;
use daystar::{NetworkLimits, Server};
use daystar_client::{Credentials, Trust};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

mod bank;

use bank::{Bank, Client, Request};

fn password(account: &str, password: &str, is_new: bool) -> Credentials {
    let (account, password) = (account.to_owned(), password.to_owned());
    Credentials::Password { account, password, is_new }
}

async fn join(
    server: SocketAddr,
    credentials: Credentials,
) -> Option<(Client, daystar_client::Events<bank::Event>)> {
    let builder = Client::builder(server).game("bank").credentials(credentials);
    builder.trust(Trust::Anyone).connect().await.ok()
}

/// A connection that never sends anything, from an address that counts as another network.
async fn idle(server: SocketAddr) -> Result<quinn::Connection, quinn::ConnectionError> {
    let endpoint = quinn::Endpoint::client((Ipv4Addr::new(127, 0, 0, 2), 0).into());
    let config = daystar_client::bare_quic().expect("a client");
    let connecting = endpoint.expect("a socket").connect_with(config, server, "localhost");
    connecting.expect("a server's address").await
}

/// The value of a metric, with its labels if it has some; zero if nothing was counted.
fn value(metrics: &PrometheusHandle, name: &str) -> f64 {
    let shown = metrics.render();
    let line = shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().expect("a number"))
}

/// Waits until a metric has reached a value.
async fn reaches(metrics: &PrometheusHandle, name: &str, wanted: f64) {
    for _ in 0..1000 {
        if value(metrics, name) == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{name} stays at {} instead of {wanted}", value(metrics, name));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_network_does_is_counted() {
    let metrics = PrometheusBuilder::new().install_recorder().expect("nobody else collects");
    let limits = NetworkLimits {
        connections_per_network_max: 2,
        handshakes_per_network_max: 1,
        is_loopback_limited: true,
        message_burst: 20,
        messages_per_second: 100.0,
        message_patience: Duration::from_millis(300),
        ..NetworkLimits::default()
    };
    let passwords = Passwords::new().registration(true).cost(8, 1).expect("a cost");
    let server = Server::builder(Bank).in_memory().login(passwords).network(limits);
    let server = server.start().expect("a server");
    let address = server.address();

    let (ann, events) = join(address, password("ann", "correct horse", true)).await.expect("in");
    assert!(join(address, password("ann", "a wrong guess", false)).await.is_none());
    // Whoever is turned away knows it before the server has seen the end of the connection, and until then it counts among
    // those of the network: the next would be turned away for that.
    reaches(&metrics, "daystar_net_connections", 1.0).await;
    assert!(join(address, Credentials::Name("ann".to_owned())).await.is_none());
    reaches(&metrics, "daystar_net_connections", 1.0).await;
    reaches(&metrics, "daystar_net_logins_total", 1.0).await;
    reaches(&metrics, "daystar_net_logins_refused_total{reason=\"wrong\"}", 1.0).await;
    reaches(&metrics, "daystar_net_logins_refused_total{reason=\"other_kind\"}", 1.0).await;
    reaches(&metrics, "daystar_net_closed_total{reason=\"rejected\"}", 2.0).await;
    reaches(&metrics, "daystar_net_sessions", 1.0).await;

    let (_bob, _bobs) = join(address, password("bob", "correct horse", true)).await.expect("in");
    assert!(join(address, password("cid", "correct horse", true)).await.is_none());
    reaches(&metrics, "daystar_net_refused_total{reason=\"network_full\"}", 1.0).await;

    let silent = idle(address).await.expect("a connection");
    reaches(&metrics, "daystar_net_handshakes", 1.0).await;
    assert!(idle(address).await.is_err());
    reaches(&metrics, "daystar_net_refused_total{reason=\"network_handshakes\"}", 1.0).await;
    silent.close(0u32.into(), b"");
    reaches(&metrics, "daystar_net_handshakes", 0.0).await;

    let received = value(&metrics, "daystar_net_received_messages_total");
    let sent = value(&metrics, "daystar_net_sent_messages_total");
    for _ in 0..5 {
        ann.call(&Request::Look).await.expect("an answer");
    }
    assert!(value(&metrics, "daystar_net_received_messages_total") >= received + 5.0);
    reaches(&metrics, "daystar_net_rate_limited_total", 0.0).await;
    assert!(value(&metrics, "daystar_net_received_bytes_total") > 5.0);
    while value(&metrics, "daystar_net_sent_messages_total") < sent + 5.0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(value(&metrics, "daystar_net_sent_bytes_total") > 5.0);
    // What has not been acknowledged, as it is told now and then.
    while value(&metrics, "daystar_net_outbox_bytes") == 0.0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    while ann.send(&Request::Look).await.is_ok() {}
    assert!(value(&metrics, "daystar_net_rate_limited_total") > 0.0);
    reaches(&metrics, "daystar_net_closed_total{reason=\"rate_limit\"}", 1.0).await;
    drop(events);
    reaches(&metrics, "daystar_net_sessions", 1.0).await;
    server.stop().expect("a clean end");
    reaches(&metrics, "daystar_net_connections", 0.0).await;
    reaches(&metrics, "daystar_net_sessions", 0.0).await;
    reaches(&metrics, "daystar_net_outbox_bytes", 0.0).await;
}
