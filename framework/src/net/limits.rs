//! What a stranger may cost, and what is kept for whom.

use std::time::Duration;

use daystar_protocol::frame::{TO_CLIENT_BYTES_MAX, TO_SERVER_BYTES_MAX};

/// Limits of the network, for [`Builder::network`](crate::Builder::network). At each there is back-pressure or a refusal that
/// says so, and a metric that counts it: the book's chapter on logins lists them.
///
/// ```
/// use daystar::NetworkLimits;
///
/// let limits = NetworkLimits { connections_max: 500, ..NetworkLimits::default() };
/// ```
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once, those shaking hands included. More are refused.
    pub connections_max: usize,
    /// Connections at once from one network: an IPv4 address, or a /64 of IPv6; and four times as many from a /48 of
    /// IPv6, as all limits by network. More are refused; from half of it on, an address must prove that it is real. As many
    /// sessions of one network may wait for their clients; one more that loses its connection ends at once.
    pub connections_per_network_max: usize,
    /// Logins of one network that may come at once. More are refused.
    pub logins_burst: u32,
    /// Logins of one network per minute, if they go on.
    pub logins_per_minute: f64,
    /// Whether the limits by network hold for this machine's own address, too. Load tests come from there, and no stranger.
    pub is_loopback_limited: bool,
    /// Connections at once that have not joined yet: those shaking hands, and those of whom it is not known yet who they are. When
    /// all these places are taken, one more takes that of the oldest from where most of them come (an IPv4 address, or a /48 of
    /// IPv6), which is closed. If as many come from where the newcomer does, it is passed over, and QUIC tries again by itself; if
    /// no two come from the same, it waits. From half of it on, an address must prove that it is real before anything is spent on
    /// it.
    pub handshakes_max: usize,
    /// Of these, so many at once from one network; four times as many from a /48 of IPv6. More are refused; from half of it on, an
    /// address must prove that it is real.
    pub handshakes_per_network_max: usize,
    /// How long a connection may take until it has greeted.
    pub hello_timeout: Duration,
    /// How long it may take, after the greeting, to find out who a client is.
    pub login_timeout: Duration,
    /// Messages of one session that may come at once. Beyond it, the client is not read from for a while.
    pub message_burst: u32,
    /// Messages of one session per second, if they go on.
    pub messages_per_second: f64,
    /// How long a client may go on to send more than that before it is dropped.
    pub message_patience: Duration,
    /// Kind and body of a frame from a client.
    pub to_server_bytes_max: usize,
    /// Kind and body of a frame to a client.
    pub to_client_bytes_max: usize,
    /// Bytes waiting to be sent to one client, those included that it has not acknowledged. Who lets more pile up does not read fast enough, and is dropped.
    pub outbox_bytes_max: usize,
    /// Bytes that may be sent to one client, and cannot be since it does not read, from which on no more of its requests are read. Those
    /// that were read before are still run.
    pub slow_bytes: usize,
    /// How long nothing can be sent to such a client before it is dropped.
    pub slow_patience: Duration,
    /// Bytes waiting to be sent to one client from which on what may be lost is not sent any more.
    pub unreliable_bytes_max: usize,
    /// How long what is sent to a channel may wait for what follows it, so that they share a packet: players hear of what others do
    /// around them in dozens of little messages a second, and a packet for each costs more than all the rest. Anything else that is sent
    /// to a client, a reply say, takes along what waits. For a client that has not been sent anything for so long, it is a quarter of
    /// this. Zero: it does not wait.
    pub channel_delay: Duration,
    /// How long a session outlives a lost connection, for its client to come back. Zero: not at all.
    pub resume_window: Duration,
    /// Sessions whose clients are awaited. One more that loses its connection ends at once.
    pub detached_max: usize,
    /// Requests of one session in the queue. Beyond it, the client is not read from.
    pub session_requests_max: usize,
    /// Bytes of all sessions' requests in the queue. Beyond it, no client is read from.
    pub queued_bytes_max: usize,
    /// How long a connection may be silent, keep-alives included. Then it is lost; as it is QUIC that finds so, on both sides,
    /// nothing is said about it.
    pub idle_timeout: Duration,
    /// How long a connection that is being closed may take to receive its last frames.
    pub close_timeout: Duration,
}

/// What is done about a client that does not read what it is sent as fast as it is sent. Always, what is sent as
/// [`latest`](crate::Ctx::latest) is replaced by what is newer; then these, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowClient {
    /// From so many bytes on that could be sent if it read, no more of its requests are read, until it does; those that were read before
    /// are still run. If nothing can be sent for 30 seconds then, it is dropped. 256 KiB unless set.
    pub slow_at_bytes: usize,
    /// From so many waiting bytes on, what may be lost ([`Ctx::unreliable`](crate::Ctx::unreliable)) is not sent. 512 KiB unless set.
    pub thin_at_bytes: usize,
    /// At so many the client is dropped and told so. Bytes wait until the client has acknowledged them. 1 MiB unless set; one
    /// event of the greatest length has room always.
    pub drop_at_bytes: usize,
}

impl Default for SlowClient {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            slow_at_bytes: limits.slow_bytes,
            thin_at_bytes: limits.unreliable_bytes_max,
            drop_at_bytes: limits.outbox_bytes_max,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            connections_per_network_max: 100,
            logins_burst: 50,
            logins_per_minute: 60.0,
            is_loopback_limited: false,
            handshakes_max: 512,
            // As many as may log in at once.
            handshakes_per_network_max: 50,
            hello_timeout: Duration::from_secs(5),
            login_timeout: Duration::from_secs(10),
            message_burst: 2_000,
            messages_per_second: 1_000.0,
            message_patience: Duration::from_secs(10),
            to_server_bytes_max: TO_SERVER_BYTES_MAX,
            to_client_bytes_max: TO_CLIENT_BYTES_MAX,
            outbox_bytes_max: 1024 * 1024,
            slow_bytes: 256 * 1024,
            slow_patience: Duration::from_secs(30),
            unreliable_bytes_max: 512 * 1024,
            channel_delay: Duration::from_millis(200),
            resume_window: Duration::from_secs(30),
            detached_max: 5_000,
            session_requests_max: 64,
            queued_bytes_max: 64 * 1024 * 1024,
            idle_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(2),
        }
    }
}
