//! What is counted of the network, as metrics: docs/book/src/login.md lists them.

use daystar_protocol::close::CloseCode;
use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// What is counted so often that it must not be looked up each time.
pub(crate) struct Meters {
    connections: Gauge,
    handshakes: Gauge,
    sessions: Gauge,
    awaited: Gauge,
    queued_bytes: Gauge,
    outbox_bytes: Gauge,
    pub(super) received_bytes: Counter,
    pub(super) received_messages: Counter,
    pub(super) sent_bytes: Counter,
    pub(super) sent_messages: Counter,
    pub(super) rate_limited: Counter,
    pub(super) session_queue_full: Counter,
    pub(super) queue_full: Counter,
}

impl Meters {
    /// For whoever collects metrics by now.
    pub(crate) fn new() -> Self {
        Self {
            connections: gauge!("daystar_net_connections"),
            handshakes: gauge!("daystar_net_handshakes"),
            sessions: gauge!("daystar_net_sessions"),
            awaited: gauge!("daystar_net_awaited"),
            queued_bytes: gauge!("daystar_net_queued_bytes"),
            outbox_bytes: gauge!("daystar_net_outbox_bytes"),
            received_bytes: counter!("daystar_net_received_bytes_total"),
            received_messages: counter!("daystar_net_received_messages_total"),
            sent_bytes: counter!("daystar_net_sent_bytes_total"),
            sent_messages: counter!("daystar_net_sent_messages_total"),
            rate_limited: counter!("daystar_net_rate_limited_total"),
            session_queue_full: counter!("daystar_net_queue_full_total", "queue" => "session"),
            queue_full: counter!("daystar_net_queue_full_total", "queue" => "all"),
        }
    }

    /// A connection, until the guard is dropped.
    pub(super) fn connection(&self) -> Counted {
        Counted::new(&self.connections)
    }

    /// A connection that has not joined yet, until the guard is dropped.
    pub(super) fn handshake(&self) -> Counted {
        Counted::new(&self.handshakes)
    }

    /// A session, until the guard is dropped.
    pub(super) fn session(&self) -> Counted {
        Counted::new(&self.sessions)
    }

    /// A session that waits for its client, until the guard is dropped.
    pub(super) fn awaited(&self) -> Counted {
        Counted::new(&self.awaited)
    }

    /// What requests and what is to be sent take at the moment.
    pub(super) fn bytes(&self, queued: usize, outboxes: usize) {
        self.queued_bytes.set(queued as f64);
        self.outbox_bytes.set(outboxes as f64);
    }
}

/// One of those that are there at the moment.
pub(super) struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// A connection was refused, or not answered, before anything was spent on it.
pub(super) fn refused(reason: &'static str) {
    counter!("daystar_net_refused_total", "reason" => reason).increment(1);
}

/// A client was told to prove that its address is its own.
pub(super) fn retried() {
    counter!("daystar_net_retries_total").increment(1);
}

/// A connection has not come as far as a greeting.
pub(super) fn handshake_failed(reason: &'static str) {
    counter!("daystar_net_handshakes_failed_total", "reason" => reason).increment(1);
}

/// Somebody may join.
pub(super) fn login_accepted() {
    counter!("daystar_net_logins_total").increment(1);
}

/// Somebody may not join.
pub(super) fn login_refused(reason: &'static str) {
    counter!("daystar_net_logins_refused_total", "reason" => reason).increment(1);
}

/// A session goes on over a new connection.
pub(super) fn resumed() {
    counter!("daystar_net_resumed_total").increment(1);
}

/// A client is not read from because it does not read.
pub(super) fn slowed() {
    counter!("daystar_net_slowed_total").increment(1);
}

/// A session has ended because too many wait for their clients.
pub(super) fn not_awaited(reason: &'static str) {
    counter!("daystar_net_not_awaited_total", "reason" => reason).increment(1);
}

/// A session has ended because its client did not come back in time.
pub(super) fn not_resumed() {
    counter!("daystar_net_not_resumed_total").increment(1);
}

/// A session's connection has been silent for too long.
pub(super) fn silent() {
    counter!("daystar_net_silent_total").increment(1);
}

/// Something was not sent that may be lost, because so much waits.
pub(super) fn thinned() {
    counter!("daystar_net_thinned_total").increment(1);
}

/// A session has ended because of what its client was to be sent.
pub(super) fn dropped(reason: &'static str) {
    counter!("daystar_net_dropped_total", "reason" => reason).increment(1);
}

/// A connection was closed although its client may not have received the last of what it was sent.
pub(super) fn cut_short() {
    counter!("daystar_net_cut_short_total").increment(1);
}

/// The server has closed a connection.
pub(super) fn closed(code: CloseCode) {
    let reason = match code {
        CloseCode::Goodbye => "goodbye",
        CloseCode::Closing => "closing",
        CloseCode::Rejected => "rejected",
        CloseCode::Violation => "violation",
        CloseCode::TooLong => "too_long",
        CloseCode::HelloTimeout => "hello_timeout",
        CloseCode::TooSlow => "too_slow",
        CloseCode::Busy => "busy",
        CloseCode::Replaced => "replaced",
        CloseCode::RateLimit => "rate_limit",
        CloseCode::Detached => "detached",
    };
    counter!("daystar_net_closed_total", "reason" => reason).increment(1);
}

/// Says what the metrics mean, to whoever collects them.
pub(crate) fn describe() {
    describe_gauge!("daystar_net_connections", "connections, those shaking hands included");
    describe_gauge!("daystar_net_handshakes", "connections that have not joined yet");
    describe_gauge!("daystar_net_sessions", "sessions, those that wait for their client included");
    describe_gauge!("daystar_net_awaited", "sessions that wait for their client");
    describe_gauge!("daystar_net_queued_bytes", "bytes of requests in the queue");
    describe_gauge!(
        "daystar_net_outbox_bytes",
        "bytes kept for clients until they have acknowledged them"
    );
    describe_counter!(
        "daystar_net_refused_total",
        "connections refused at once, or not answered, by limit"
    );
    describe_counter!("daystar_net_retries_total", "clients asked to prove their address");
    describe_counter!(
        "daystar_net_handshakes_failed_total",
        "connections that came to no greeting, by reason"
    );
    describe_counter!("daystar_net_logins_total", "logins accepted");
    describe_counter!("daystar_net_logins_refused_total", "logins refused, by reason");
    describe_counter!("daystar_net_closed_total", "connections closed by the server, by reason");
    describe_counter!("daystar_net_resumed_total", "sessions that went on over a new connection");
    describe_counter!("daystar_net_received_bytes_total", "bytes read from clients' streams");
    describe_counter!("daystar_net_received_messages_total", "frames read from them");
    describe_counter!("daystar_net_sent_bytes_total", "bytes written to clients' streams");
    describe_counter!("daystar_net_sent_messages_total", "frames written to them");
    describe_counter!(
        "daystar_net_slowed_total",
        "times a client was not read from because so much waited to be sent to it"
    );
    describe_counter!(
        "daystar_net_not_awaited_total",
        "sessions that ended with their connection because too many wait for their clients, by limit"
    );
    describe_counter!(
        "daystar_net_not_resumed_total",
        "sessions that ended because their client did not come back in time"
    );
    describe_counter!(
        "daystar_net_silent_total",
        "sessions' connections that were lost because nothing came over them for so long"
    );
    describe_counter!(
        "daystar_net_thinned_total",
        "messages that may be lost and were not sent because so much waited for their client"
    );
    describe_counter!(
        "daystar_net_dropped_total",
        "sessions that ended because of what their client was to be sent, by reason"
    );
    describe_counter!(
        "daystar_net_cut_short_total",
        "connections closed before their client is known to have received all"
    );
    describe_counter!(
        "daystar_net_queue_full_total",
        "times a client was not read from because the queue of its requests, or of all, was full"
    );
    describe_counter!(
        "daystar_net_rate_limited_total",
        "times a client was not read from because it sent too much"
    );
}
