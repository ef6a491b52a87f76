//! Each limit that turns somebody away is counted, and so is how much of what is limited there is.

use std::sync::Arc;
use std::time::Duration;

use daystar_protocol::close::CloseCode;
use daystar_protocol::handshake::ALPN;
use daystar_protocol::message::encode_message;
use daystar_protocol::to_server::ToServer;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
use quinn::{Connection, ConnectionError, RecvStream, SendStream};

use crate::net::limits::Limits;
use crate::net::outbox::Outbox;
use crate::net::resume::Broken;
use crate::net::tests::raw;
use crate::net::tests::stand_in::{Report, Request, StandIn, network, soon};
use crate::net::watermark::{Hold, Watermark};

/// What one test's server counts: all of it runs on the test's thread.
struct Metrics(PrometheusHandle);

impl Metrics {
    fn of(recorder: &PrometheusRecorder) -> Self {
        Self(recorder.handle())
    }

    /// Zero if nothing was counted.
    fn value(&self, name: &str) -> f64 {
        let shown = self.0.render();
        let line = shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    async fn reaches(&self, name: &str, wanted: f64) {
        let reached = async {
            while self.value(name) != wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let shown = || format!("{name} is not {wanted}:\n{}", self.0.render());
        let waited = tokio::time::timeout(Duration::from_secs(20), reached).await;
        waited.unwrap_or_else(|_| panic!("{}", shown()));
    }
}

/// A client that has joined and was welcomed.
async fn welcomed(server: &StandIn, name: &str) -> (Connection, SendStream, RecvStream) {
    let (connection, send, mut recv) = raw::greet(server, name).await;
    soon(recv.read_exact(&mut [0; 5])).await.unwrap();
    (connection, send, recv)
}

async fn ask(send: &mut SendStream, request: &Request) {
    let payload = encode_message(request).unwrap();
    // It may be over by now.
    let _ = send.write_chunk(ToServer::Send { payload }.encode()).await;
}

#[tokio::test]
async fn connections_that_have_not_joined() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _collecting = metrics::set_default_local_recorder(&recorder);
    let metrics = Metrics::of(&recorder);
    let server = StandIn::with(Limits {
        handshakes_max: 4,
        handshakes_per_network_max: 3,
        hello_timeout: Duration::from_secs(3600),
        is_loopback_limited: true,
        ..Limits::default()
    });
    let _many = raw::idle(&server, network(2), 3).await;
    metrics.reaches("daystar_net_handshakes", 3.0).await;
    assert!(raw::connect_from(network(2), &server, ALPN).await.is_err());
    metrics.reaches("daystar_net_refused_total{reason=\"network_handshakes\"}", 1.0).await;
    let _few = raw::idle(&server, network(3), 1).await;
    metrics.reaches("daystar_net_handshakes", 4.0).await;
    let (_ann, _anns) = server.join_from(network(4), "ann").await.unwrap();
    metrics.reaches("daystar_net_handshakes_failed_total{reason=\"made_way\"}", 1.0).await;
    metrics.reaches("daystar_net_closed_total{reason=\"busy\"}", 1.0).await;
    metrics.reaches("daystar_net_handshakes", 3.0).await;
    let _fewer = raw::idle(&server, network(3), 1).await;
    // Two of each: nobody has to make way for one more.
    let passed_over = "daystar_net_refused_total{reason=\"handshakes_full\"}";
    assert_eq!(metrics.value(passed_over), 0.0);
    tokio::select! {
        joined = server.join_from(network(3), "bob") => panic!("{joined:?}"),
        () = metrics.reaches(passed_over, 1.0) => {}
    }
    metrics.reaches("daystar_net_handshakes_failed_total{reason=\"made_way\"}", 1.0).await;
}

/// Has two clients lose their connections, of whom one alone can be waited for.
async fn one_too_many_is_lost(limits: Limits, reason: &str) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _collecting = metrics::set_default_local_recorder(&recorder);
    let metrics = Metrics::of(&recorder);
    let resume_window = Duration::from_secs(3600);
    let server = StandIn::with(Limits { resume_window, ..limits });
    for name in ["ann", "bob"] {
        let (connection, _send, _recv) = welcomed(&server, name).await;
        connection.close(CloseCode::Detached.to_raw().into(), b"");
        metrics.reaches("daystar_net_connections", 0.0).await;
        metrics.reaches("daystar_net_awaited", 1.0).await;
    }
    let not_awaited = format!("daystar_net_not_awaited_total{{reason=\"{reason}\"}}");
    metrics.reaches(&not_awaited, 1.0).await;
}

#[tokio::test]
async fn sessions_that_wait_for_their_clients() {
    let of_all = Limits { detached_max: 1, ..Limits::default() };
    one_too_many_is_lost(of_all, "server_full").await;
    let of_network =
        Limits { connections_per_network_max: 1, is_loopback_limited: true, ..Limits::default() };
    one_too_many_is_lost(of_network, "network_full").await;
}

#[tokio::test]
async fn sessions_whose_clients_do_not_come_back() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _collecting = metrics::set_default_local_recorder(&recorder);
    let metrics = Metrics::of(&recorder);
    let resume_window = Duration::from_millis(100);
    let server = StandIn::with(Limits { resume_window, ..Limits::default() });
    let (connection, _send, _recv) = welcomed(&server, "ann").await;
    connection.close(CloseCode::Detached.to_raw().into(), b"");
    metrics.reaches("daystar_net_not_resumed_total", 1.0).await;
    metrics.reaches("daystar_net_awaited", 0.0).await;
}

#[tokio::test]
async fn what_is_to_be_sent() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _collecting = metrics::set_default_local_recorder(&recorder);
    let metrics = Metrics::of(&recorder);
    let slow_patience = Duration::from_millis(200);
    // Nobody acknowledges anything, so what may be lost is never sent behind something else.
    let limits = Limits { unreliable_bytes_max: 0, slow_patience, ..Limits::default() };
    let server = StandIn::with(limits);

    let (_ann, mut send, _recv) = welcomed(&server, "ann").await;
    ask(&mut send, &Request::Flood { events: 100, bytes: 1000 }).await;
    ask(&mut send, &Request::Unreliable { events: 7, bytes: 10 }).await;
    metrics.reaches("daystar_net_thinned_total", 7.0).await;
    let waits = async {
        while metrics.value("daystar_net_outbox_bytes") < 100_000.0 {
            tokio::task::yield_now().await;
            server.measure();
        }
    };
    soon(waits).await;
    ask(&mut send, &Request::Flood { events: 1, bytes: 2_000_000 }).await;
    metrics.reaches("daystar_net_dropped_total{reason=\"too_long\"}", 1.0).await;

    let (_bob, mut send, _recv) = welcomed(&server, "bob").await;
    ask(&mut send, &Request::Flood { events: 2_000, bytes: 1000 }).await;
    metrics.reaches("daystar_net_dropped_total{reason=\"too_slow\"}", 1.0).await;

    let (_cid, mut send, _recv) = welcomed(&server, "cid").await;
    for _ in 0..100 {
        ask(&mut send, &Request::Flood { events: 50, bytes: 1000 }).await;
    }
    metrics.reaches("daystar_net_dropped_total{reason=\"does_not_read\"}", 1.0).await;
    assert!(metrics.value("daystar_net_slowed_total") > 0.0);

    metrics.reaches("daystar_net_sessions", 0.0).await;
    server.measure();
    assert_eq!(metrics.value("daystar_net_outbox_bytes"), 0.0);

    let limits = Limits::default();
    let unstored = Outbox::new(&limits, Arc::new(Watermark::new(0)), None, Broken::default());
    for _ in 0..12 {
        unstored.push(vec![0; 100 * 1024].into(), Hold::until(1));
    }
    metrics.reaches("daystar_net_dropped_total{reason=\"not_stored\"}", 1.0).await;
}

#[tokio::test]
async fn requests_that_wait() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _collecting = metrics::set_default_local_recorder(&recorder);
    let metrics = Metrics::of(&recorder);
    // Each takes 128 bytes and a few.
    let limits = Limits { session_requests_max: 2, queued_bytes_max: 300, ..Limits::default() };
    let mut server = StandIn::with(limits);
    let (_ann, mut send, _recv) = welcomed(&server, "ann").await;
    for number in 0..2 {
        ask(&mut send, &Request::Hold(number)).await;
    }
    while !matches!(server.report().await, Report::Received(_, Request::Hold(1))) {}
    assert_eq!(metrics.value("daystar_net_queue_full_total{queue=\"session\"}"), 0.0);
    server.measure();
    let queued = metrics.value("daystar_net_queued_bytes");
    assert!((256.0..300.0).contains(&queued), "{queued}");
    ask(&mut send, &Request::Hold(2)).await;
    metrics.reaches("daystar_net_queue_full_total{queue=\"session\"}", 1.0).await;
    assert_eq!(metrics.value("daystar_net_queue_full_total{queue=\"all\"}"), 0.0);
    let (_bob, mut send, _recv) = welcomed(&server, "bob").await;
    ask(&mut send, &Request::Hold(3)).await;
    metrics.reaches("daystar_net_queue_full_total{queue=\"all\"}", 1.0).await;
}

#[tokio::test]
async fn a_silent_connection_ends_without_a_word() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _collecting = metrics::set_default_local_recorder(&recorder);
    let metrics = Metrics::of(&recorder);
    let idle_timeout = Duration::from_millis(300);
    let server = StandIn::with(Limits { idle_timeout, ..Limits::default() });
    let (connection, _send, _recv) = welcomed(&server, "ann").await;
    assert_eq!(soon(connection.closed()).await, ConnectionError::TimedOut);
    metrics.reaches("daystar_net_silent_total", 1.0).await;
    assert!(!metrics.0.render().contains("daystar_net_closed_total"), "the server said nothing");
}

#[tokio::test]
async fn ends_that_are_not_waited_for() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _collecting = metrics::set_default_local_recorder(&recorder);
    let metrics = Metrics::of(&recorder);
    let close_timeout = Duration::from_millis(100);
    let mut server = StandIn::with(Limits { close_timeout, ..Limits::default() });
    let (_ann, mut send, _recv) = welcomed(&server, "ann").await;
    ask(&mut send, &Request::Flood { events: 100, bytes: 1000 }).await;
    while !matches!(server.report().await, Report::Received(..)) {}
    server.stop("closing time").await;
    metrics.reaches("daystar_net_cut_short_total", 1.0).await;
}
