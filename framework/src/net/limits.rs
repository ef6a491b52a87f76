//! What a stranger may cost, and what is kept for whom.

use std::time::Duration;

use daystar_protocol::frame::{TO_CLIENT_BYTES_MAX, TO_SERVER_BYTES_MAX};

/// Limits of the network. At each there is back-pressure or a refusal that says so.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Connections at once, those shaking hands included. More are refused.
    pub(crate) connections_max: usize,
    /// Connections that have not greeted yet. More wait in the socket's queue; from half of it on, an address must
    /// prove that it is real before anything is spent on it.
    pub(crate) handshakes_max: usize,
    /// How long a connection may take until it has greeted.
    pub(crate) hello_timeout: Duration,
    /// Kind and body of a frame from a client.
    pub(crate) to_server_bytes_max: usize,
    /// Kind and body of a frame to a client.
    pub(crate) to_client_bytes_max: usize,
    /// Bytes waiting to be sent to one client, those included that it has not acknowledged. Who lets more pile up does not read fast enough, and is dropped.
    pub(crate) outbox_bytes_max: usize,
    /// Bytes waiting to be sent to one client from which on what may be lost is not sent any more.
    pub(crate) unreliable_bytes_max: usize,
    /// How long a session outlives a lost connection, for its client to come back. Zero: not at all.
    pub(crate) resume_window: Duration,
    /// Sessions whose clients are awaited. One more that loses its connection ends at once.
    pub(crate) detached_max: usize,
    /// Requests of one session in the queue. Beyond it, the client is not read from.
    pub(crate) session_requests_max: usize,
    /// Bytes of all sessions' requests in the queue. Beyond it, no client is read from.
    pub(crate) queued_bytes_max: usize,
    /// How long a connection may be silent, keep-alives included.
    pub(crate) idle_timeout: Duration,
    /// How long a connection that is being closed may take to receive its last frames.
    pub(crate) close_timeout: Duration,
}

/// What is done about a client that does not read what it is sent as fast as it is sent. Always, what is sent as
/// [`latest`](crate::Ctx::latest) is replaced by what is newer; then these, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlowClient {
    /// From so many waiting bytes on, what may be lost ([`Ctx::unreliable`](crate::Ctx::unreliable)) is not sent. 512 KiB unless set.
    pub thin_at_bytes: usize,
    /// At so many the client is dropped and told so. Bytes wait until the client has acknowledged them. 1 MiB unless set; one
    /// event of the greatest length has room always.
    pub drop_at_bytes: usize,
}

impl Default for SlowClient {
    fn default() -> Self {
        let limits = Limits::default();
        Self { thin_at_bytes: limits.unreliable_bytes_max, drop_at_bytes: limits.outbox_bytes_max }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            handshakes_max: 512,
            hello_timeout: Duration::from_secs(5),
            to_server_bytes_max: TO_SERVER_BYTES_MAX,
            to_client_bytes_max: TO_CLIENT_BYTES_MAX,
            outbox_bytes_max: 1024 * 1024,
            unreliable_bytes_max: 512 * 1024,
            resume_window: Duration::from_secs(30),
            detached_max: 5_000,
            session_requests_max: 64,
            queued_bytes_max: 64 * 1024 * 1024,
            idle_timeout: Duration::from_secs(30),
            close_timeout: Duration::from_secs(2),
        }
    }
}
