//! The server's socket: who is let in, and how all are sent home.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use daystar_protocol::close::CloseCode;
use daystar_protocol::fingerprint::Fingerprint;
use parking_lot::Mutex;
use quinn::{
    AckFrequencyConfig, EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig,
    TransportConfig, VarInt,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use crate::net::addresses::{Addresses, Place};
use crate::net::certificate::{Certificate, CertificateError};
use crate::net::connection;
use crate::net::handler::SessionHandler;
use crate::net::handshakes::{Handshake, Handshakes};
use crate::net::limits::Limits;
use crate::net::login::Doorkeeper;
use crate::net::meters::{self, Counted, Meters};
use crate::net::outbox::Outbox;
use crate::net::resets::ResetKey;
use crate::net::resume::{Broken, Resumptions};
use crate::net::socket;
use crate::net::throttle::MessageRate;
use crate::net::watermark::{Hold, Watermark};

/// What a server's network needs to know.
pub(crate) struct NetConfig {
    /// Where to listen; port 0 takes a free one.
    pub(crate) listen: SocketAddr,
    /// The game's name; clients built for another are rejected.
    pub(crate) game: String,
    /// What strangers and clients may cost.
    pub(crate) limits: Limits,
    /// How the server proves who it is.
    pub(crate) certificate: Arc<Certificate>,
    /// Who knows who is who.
    pub(crate) door: Arc<dyn Doorkeeper>,
    /// What frames are held by.
    pub(crate) watermark: Arc<Watermark>,
    /// By what clients of a server before this one are told that it is gone; without, they find out by its silence.
    pub(crate) resets: Option<ResetKey>,
    /// Notified while a thread of the network may be held up: another waits for the socket then.
    pub(crate) stand_in: Arc<Notify>,
    /// What is broken on purpose.
    pub(crate) broken: Broken,
}

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BindError {
    /// Somebody else listens there.
    #[error(
        "{address} is already in use: stop the program that listens there, or choose another port"
    )]
    InUse {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// The system does not let it listen there.
    #[error(
        "listening on {address} failed: {cause}; is it an address of this machine, and may this user open the port?"
    )]
    Socket {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system said.
        cause: io::Error,
    },
    /// No usable certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A limit that QUIC cannot express.
    #[error("the network limit {limit} is out of range: {value}")]
    Limit {
        /// The field of [`Limits`].
        limit: &'static str,
        /// Its value.
        value: String,
    },
}

/// A listening server. Dropping it closes every connection at once; [`shutdown`](Self::shutdown) is the polite way.
pub(crate) struct Endpoint {
    endpoint: quinn::Endpoint,
    address: SocketAddr,
    certificate: Arc<Certificate>,
    shared: Arc<Shared>,
    seats: Arc<Semaphore>,
    accepting: JoinHandle<()>,
    measuring: JoinHandle<()>,
}

/// What all connections of an endpoint have in common.
pub(super) struct Shared {
    pub(super) handler: Arc<dyn SessionHandler>,
    pub(super) game: String,
    pub(super) limits: Limits,
    pub(super) open: Arc<OpenSessions>,
    /// Bytes that requests may still take in the queue. Closed when the server takes no more requests.
    pub(super) queued_bytes: Arc<Semaphore>,
    pub(super) watermark: Arc<Watermark>,
    pub(super) resumptions: Arc<Resumptions>,
    /// Places of sessions without a connection.
    pub(super) detached: Arc<Semaphore>,
    pub(super) broken: Broken,
    pub(super) door: Arc<dyn Doorkeeper>,
    pub(super) addresses: Arc<Addresses>,
    pub(super) message_rate: Arc<MessageRate>,
    pub(super) meters: Arc<Meters>,
}

/// What a new connection holds of the endpoint's limits.
pub(super) struct Permits {
    /// Until it has joined: one of all places for that.
    pub(super) handshake: Handshake,
    /// As long: one of those of its network.
    pub(super) share: Place,
    /// To its end.
    pub(super) seat: Seat,
}

/// One of the server's connections, and one of its network's.
#[expect(dead_code, reason = "held, not read")]
pub(super) struct Seat {
    one_of_all: OwnedSemaphorePermit,
    one_of_its_network: Place,
    counted: Counted,
}

impl Shared {
    /// What a queued request of `payload_bytes` counts as. Never more than there is, or it would wait for ever.
    pub(super) fn cost(&self, payload_bytes: usize) -> u32 {
        let bytes = (payload_bytes + REQUEST_BYTES).min(self.limits.queued_bytes_max);
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// Whether a request that costs so much has to wait until there is room for it in the queue.
    pub(super) fn is_queue_full(&self, cost: u32) -> bool {
        self.queued_bytes.available_permits() < cost as usize && !self.queued_bytes.is_closed()
    }

    /// Says how much memory what waits takes, to whoever collects metrics.
    fn measure(&self) {
        let all = self.limits.queued_bytes_max.min(SEATS_MAX);
        let queued = all.saturating_sub(self.queued_bytes.available_permits());
        self.meters.bytes(queued, self.open.waiting_bytes());
    }

    /// Whether no request is queued or running. Once [`queued_bytes`](Self::queued_bytes) is closed, it stays so.
    fn is_settled(&self) -> bool {
        // A request has its bytes until it has run, and a closed semaphore gives none but takes them back.
        self.queued_bytes.available_permits() >= self.limits.queued_bytes_max.min(SEATS_MAX)
    }
}

impl Endpoint {
    /// Begins to listen. Must be called inside a tokio runtime, which then runs everything.
    ///
    /// # Errors
    /// [`BindError`].
    pub(crate) fn bind(
        config: NetConfig,
        handler: Arc<dyn SessionHandler>,
    ) -> Result<Self, BindError> {
        let NetConfig {
            listen,
            game,
            limits,
            certificate,
            door,
            watermark,
            resets,
            stand_in,
            broken,
        } = config;
        let server = server_config(&certificate, &limits)?;
        let socket_error = |cause: io::Error| match cause.kind() {
            io::ErrorKind::AddrInUse => BindError::InUse { address: listen },
            _ => BindError::Socket { address: listen, cause },
        };
        let ours = resets.map_or_else(|| Ok(EndpointConfig::default()), |key| key.endpoint());
        let endpoint = ours.and_then(|ours| socket::listen(listen, ours, server, stand_in));
        let endpoint = endpoint.map_err(socket_error)?;
        let address = endpoint.local_addr().map_err(socket_error)?;
        let seats = Arc::new(Semaphore::new(limits.connections_max.min(SEATS_MAX)));
        let shared = Arc::new(Shared {
            handler,
            game,
            open: Arc::default(),
            queued_bytes: Arc::new(Semaphore::new(limits.queued_bytes_max.min(SEATS_MAX))),
            resumptions: Resumptions::new(limits.resume_window),
            detached: Arc::new(Semaphore::new(limits.detached_max.min(SEATS_MAX))),
            broken,
            addresses: Arc::new(Addresses::new(&limits)),
            message_rate: MessageRate::new(&limits),
            meters: Arc::new(Meters::new()),
            limits,
            watermark,
            door,
        });
        let accepting =
            tokio::spawn(accept(endpoint.clone(), Arc::clone(&shared), Arc::clone(&seats)));
        let measuring = tokio::spawn(measure(Arc::clone(&shared)));
        Ok(Self { endpoint, address, certificate, shared, seats, accepting, measuring })
    }

    /// Where it listens, with the port that was taken.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients may know the server by.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.certificate.fingerprint()
    }

    /// Lets nobody in any more and takes no further request, then waits until those that were taken have run, but not for longer than
    /// `patience`. What they say is in the outboxes then, or with the thread that speaks to many; sessions are still open, so that
    /// it reaches their clients. Who begins a session meanwhile is told the reason.
    ///
    /// Taken is what has been read. A session whose request is just being run by the thread that reads for it has not read what came
    /// behind: that is not taken, and has no effect.
    pub(crate) fn settle(
        &self,
        reason: &str,
        patience: Duration,
    ) -> impl Future<Output = ()> + Send + use<> {
        // First: whoever is not let in any more knows that no request is taken.
        self.shared.queued_bytes.close();
        self.let_nobody_in(reason);
        let shared = Arc::clone(&self.shared);
        async move {
            let settled = async {
                while !shared.is_settled() {
                    sleep(LOOK_EVERY).await;
                }
                // A commit that comes before its turn is handed on by the thread that has the one before, which may be a task's
                // and not be waited for here. That takes it no time, unless it is interrupted right then.
                sleep(LOOK_EVERY).await;
            };
            if timeout(patience, settled).await.is_err() {
                warn!("some requests take too long; their clients will not be answered");
            }
        }
    }

    fn let_nobody_in(&self, reason: &str) {
        self.accepting.abort();
        self.endpoint.set_server_config(None);
        self.shared.open.shut(reason);
    }

    /// Lets nobody in any more, tells every client the reason behind what is queued for it, and waits until all are gone or
    /// have had their time. Each session's `closed` has been called when it returns. What is said from now on reaches nobody.
    pub(crate) async fn shutdown(self, reason: &str) {
        self.let_nobody_in(reason);
        self.shared.open.close_all(reason);
        // Two rounds: those that say goodbye, then those that the closing of the socket ends.
        let patience = self.shared.limits.close_timeout * 2;
        if timeout(patience, self.all_gone()).await.is_err() {
            debug!("some clients did not go in time");
        }
        self.endpoint.close(VarInt::from_u32(CloseCode::Closing.to_raw()), reason.as_bytes());
        if timeout(patience, self.all_gone()).await.is_err() {
            warn!("some connections are still busy; leaving them to the runtime");
        }
        // The socket must outlive the last packets, or some clients would wait for an answer until they time out.
        let _ = timeout(DRAIN_TIMEOUT, self.endpoint.wait_idle()).await;
        self.measuring.abort();
        self.shared.measure();
    }

    #[cfg(test)]
    pub(super) fn measure(&self) {
        self.shared.measure();
    }

    /// Resolves when there is neither a connection nor a session.
    async fn all_gone(&self) {
        let limits = &self.shared.limits;
        let all = |max: usize| u32::try_from(max.min(SEATS_MAX)).unwrap_or(u32::MAX);
        let _seats = self.seats.acquire_many(all(limits.connections_max)).await;
        // A session that loses its connection takes its place here before it gives its seat back.
        let _detached = self.shared.detached.acquire_many(all(limits.detached_max)).await;
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.accepting.abort();
        self.measuring.abort();
        self.endpoint.close(VarInt::from_u32(CloseCode::Closing.to_raw()), b"the server stops");
    }
}

async fn accept(endpoint: quinn::Endpoint, shared: Arc<Shared>, seats: Arc<Semaphore>) {
    let handshakes = Handshakes::new(&shared.limits, Arc::clone(&shared.meters));
    // Whoever comes while one waits for a place, waits in quinn's bounded queue.
    while let Some(incoming) = endpoint.accept().await {
        let ip = incoming.remote_address().ip();
        let is_crowded = handshakes.is_crowded() || shared.addresses.is_crowded(ip);
        if is_crowded && !incoming.remote_address_validated() && incoming.may_retry() {
            meters::retried();
            if let Err(error) = incoming.retry() {
                debug!(%error, "a retry could not be sent");
            }
            continue;
        }
        let Ok(one_of_all) = Arc::clone(&seats).try_acquire_owned() else {
            meters::refused("server_full");
            warn!(address = %incoming.remote_address(), "refused a connection: the server is full");
            incoming.refuse();
            continue;
        };
        let Some(one_of_its_network) = shared.addresses.enter(ip) else {
            meters::refused("network_full");
            debug!(address = %ip, "refused a connection: its network has too many");
            incoming.refuse();
            continue;
        };
        let Some(share) = shared.addresses.begin(ip) else {
            meters::refused("network_handshakes");
            debug!(address = %ip, "refused a connection: too many of its network have not joined yet");
            incoming.refuse();
            continue;
        };
        let Some(handshake) = handshakes.enter(shared.addresses.widest_origin(ip)).await else {
            meters::refused("handshakes_full");
            debug!(address = %ip, "passed over a connection: too many have not joined yet");
            // Not answered, QUIC has it come again in a while.
            incoming.ignore();
            continue;
        };
        let counted = shared.meters.connection();
        let seat = Seat { one_of_all, one_of_its_network, counted };
        let permits = Permits { handshake, share, seat };
        tokio::spawn(connection::run(incoming, Arc::clone(&shared), permits));
    }
}

/// Tells now and then how much waits. Not whenever that changes: all threads would meet at one number with each frame.
async fn measure(shared: Arc<Shared>) {
    loop {
        shared.measure();
        sleep(MEASURE_EVERY).await;
    }
}

/// QUIC as every server uses it.
pub(crate) fn server_config(
    certificate: &Arc<Certificate>,
    limits: &Limits,
) -> Result<ServerConfig, BindError> {
    let idle = IdleTimeout::try_from(limits.idle_timeout).map_err(|_| BindError::Limit {
        limit: "idle_timeout",
        value: format!("{:?}", limits.idle_timeout),
    })?;
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(ACK_PACKETS)).max_ack_delay(Some(ACK_DELAY));
    let mut mtu = MtuDiscoveryConfig::default();
    mtu.minimum_change(MTU_STEP_BYTES);
    let mut transport = TransportConfig::default();
    transport
        .mtu_discovery_config(Some(mtu))
        .ack_frequency_config(Some(acks))
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .max_idle_timeout(Some(idle))
        .initial_rtt(INITIAL_RTT)
        .stream_receive_window(VarInt::from_u32(RECEIVE_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(RECEIVE_WINDOW_BYTES))
        .send_window(SEND_WINDOW_BYTES)
        // Nothing is taken by datagram. (`None` would also forbid to send them.)
        .datagram_receive_buffer_size(Some(0))
        .datagram_send_buffer_size(DATAGRAM_BUFFER_BYTES);
    let mut config = ServerConfig::with_crypto(Arc::new(certificate.tls()?));
    config
        .transport_config(Arc::new(transport))
        .max_incoming(INCOMING_MAX)
        .incoming_buffer_size(INCOMING_BYTES_EACH)
        .incoming_buffer_size_total(INCOMING_BYTES_ALL);
    Ok(config)
}

/// The outboxes of all open sessions, so that all can be told that the server stops.
#[derive(Default)]
pub(super) struct OpenSessions {
    list: Mutex<List>,
}

#[derive(Default)]
struct List {
    next: u64,
    outboxes: HashMap<u64, Arc<Outbox>>,
    /// Set when the server begins to stop: a session that opens after that is closed at once.
    closed: Option<String>,
}

/// A session's place in the list.
pub(super) struct Listed {
    open: Arc<OpenSessions>,
    number: u64,
}

impl OpenSessions {
    pub(super) fn list(self: &Arc<Self>, outbox: &Arc<Outbox>) -> Listed {
        let mut list = self.list.lock();
        if let Some(reason) = &list.closed {
            outbox.close(reason.as_str(), Hold::NONE);
        }
        let number = list.next;
        list.next += 1;
        list.outboxes.insert(number, Arc::clone(outbox));
        Listed { open: Arc::clone(self), number }
    }

    /// Closes at once what opens from now on.
    fn shut(&self, reason: &str) {
        self.list.lock().closed = Some(reason.to_owned());
    }

    fn waiting_bytes(&self) -> usize {
        self.list.lock().outboxes.values().map(|outbox| outbox.waiting_bytes()).sum()
    }

    /// Closes what is open. To be called after [`shut`](Self::shut), so that nobody is passed over.
    fn close_all(&self, reason: &str) {
        for outbox in self.list.lock().outboxes.values() {
            outbox.close(reason, Hold::NONE);
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.open.list.lock().outboxes.remove(&self.number);
    }
}

/// What a round trip is thought to take before one was measured. Three times this is waited before a lost first packet is sent
/// again; QUIC's own third of a second makes that a second.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// How long, and for how many packets at the most, a client may wait before it acknowledges what it was sent, if it knows QUIC's
/// extension for that (draft-ietf-quic-ack-frequency). What happens around a player arrives in packets of their own, some
/// dozens a second, and acknowledging each would cost as much as sending it. What is lost in the middle is noticed at once all the
/// same; a last packet that is lost comes this much later. Quinn asks for no more than a round trip, or 25 ms if that is longer.
const ACK_DELAY: Duration = Duration::from_millis(100);
const ACK_PACKETS: u32 = 10;

/// How fine is told how long packets may be. Each step is a packet full of padding and its answer, for every client that joins: with
/// this there are two where the way takes 1,452 bytes, instead of quinn's four, and elsewhere less than this is given away.
const MTU_STEP_BYTES: u16 = 64;

/// More permits than a tokio semaphore is ever asked for here, on 32-bit machines too.
const SEATS_MAX: usize = u32::MAX as usize >> 3;

/// How often it is told how much waits, for which each session is asked: as often as any collector looks, and no burden.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// How often to look whether the last requests have run.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A closed connection lingers for three probe timeouts, in which it tells again that it is closed.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// What one client may have in flight towards the server: two of the largest frames.
const RECEIVE_WINDOW_BYTES: u32 = 128 * 1024;

/// What may be in flight towards one client before it has acknowledged; more waits in the outbox, where it is counted.
const SEND_WINDOW_BYTES: u64 = 256 * 1024;

/// What a request costs in the queue besides its payload, about.
const REQUEST_BYTES: usize = 128;

const DATAGRAM_BUFFER_BYTES: usize = 64 * 1024;

/// Connections that wait for their handshake to begin, and what they may have sent by then: a first flight is two or three packets.
const INCOMING_MAX: usize = 4096;
const INCOMING_BYTES_EACH: u64 = 8 * 1024;
const INCOMING_BYTES_ALL: u64 = 16 * 1024 * 1024;
