//! `serve`: runs the world.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use daystar_engine::Durability;

use crate::admin::prometheus;
use crate::cli::Outcome;
use crate::cli::failure::Failure;
use crate::cli::login::LoginArguments;
use crate::game::rules::Game;
use crate::server::error::ServeError;
use crate::server::{self, Server};
use crate::{Limits, NetworkLimits};

#[derive(Args)]
pub(super) struct Arguments {
    /// The folder in which the world is kept; made if there is none.
    #[arg(long, env = "DAYSTAR_DATA")]
    data: PathBuf,
    /// The address and UDP port to listen on; port 0 takes a free one.
    #[arg(long, env = "DAYSTAR_LISTEN", default_value = "127.0.0.1:4433")]
    listen: SocketAddr,
    /// How many threads run game code; one per core unless set.
    #[arg(long, env = "DAYSTAR_WORKERS")]
    workers: Option<usize>,
    /// How much memory the world may take, as in `4GiB`; half of the machine's unless set.
    #[arg(long, env = "DAYSTAR_MEMORY")]
    memory: Option<ByteSize>,
    /// How many tasks may wait for their time; ten million unless set.
    #[arg(long, env = "DAYSTAR_TASKS_WAITING", value_name = "COUNT")]
    tasks_waiting: Option<u64>,
    /// When clients are told of what has happened: at once, or when it is on disk and no crash can take it back.
    #[arg(long, env = "DAYSTAR_DURABILITY", value_enum, default_value_t)]
    durability: Level,
    /// Shows metrics to whoever asks `http://ADDRESS/metrics`; a loopback address keeps them on this machine.
    #[arg(long, env = "DAYSTAR_METRICS", value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// The certificate chain that clients are shown, in PEM, the server's own first; read again when it changes. Unless set, one is
    /// made at each start, which clients know by the fingerprint that is printed.
    #[arg(long, env = "DAYSTAR_CERT", value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// The private key of the certificate, in PEM.
    #[arg(long, env = "DAYSTAR_KEY", value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// How many clients may be connected at once.
    #[arg(long, env = "DAYSTAR_CONNECTIONS", value_name = "COUNT")]
    connections: Option<usize>,
    /// How many of them may come from one network, an IPv4 address or a /64 of IPv6. This machine is not limited.
    #[arg(long, env = "DAYSTAR_CONNECTIONS_PER_NETWORK", value_name = "COUNT")]
    connections_per_network: Option<usize>,
    /// How many messages a client may send per second, if it goes on; twice as many at once.
    #[arg(long, env = "DAYSTAR_MESSAGES_PER_SECOND", value_name = "COUNT")]
    messages_per_second: Option<u32>,
    /// How many milliseconds what is sent to a channel may wait for more, so that they share packets; 200 unless set.
    #[arg(long, env = "DAYSTAR_CHANNEL_DELAY_MS", value_name = "MS", value_parser = clap::value_parser!(u64).range(0..=1000))]
    channel_delay_ms: Option<u64>,
    #[command(flatten)]
    login: LoginArguments,
}

/// [`Durability`] on a command line.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Level {
    /// At once; a crash may take back the last milliseconds.
    #[default]
    Committed,
    /// When it is on disk.
    Durable,
}

impl From<Level> for Durability {
    fn from(level: Level) -> Self {
        match level {
            Level::Committed => Durability::Committed,
            Level::Durable => Durability::Durable,
        }
    }
}

impl Arguments {
    fn network(&self) -> NetworkLimits {
        let mut limits = NetworkLimits::default();
        if let Some(connections) = self.connections {
            limits.connections_max = connections;
        }
        if let Some(connections) = self.connections_per_network {
            limits.connections_per_network_max = connections;
        }
        if let Some(ms) = self.channel_delay_ms {
            limits.channel_delay = Duration::from_millis(ms);
        }
        if let Some(messages) = self.messages_per_second {
            limits.messages_per_second = messages.into();
            limits.message_burst = messages.saturating_mul(2);
        }
        limits
    }
}

pub(super) fn run<G: Game>(game: G, arguments: Arguments) -> Result<Outcome, Failure> {
    let limits = arguments.network();
    let Arguments { data, listen, workers, memory, tasks_waiting, durability, .. } = arguments;
    let Arguments { metrics, cert, key, login, .. } = arguments;
    if let Some(address) = metrics {
        prometheus::listen(address)
            .map_err(|cause| ServeError::Metrics { address, cause: cause.to_string() })?;
        server::describe_metrics();
    }
    let builder = Server::builder(game).data(data).listen(listen);
    let mut builder = login.apply(builder.durability(durability.into()).network(limits))?;
    if let (Some(chain), Some(key)) = (cert, key) {
        builder = builder.certificate(chain, key);
    }
    if let Some(workers) = workers {
        builder = builder.workers(workers);
    }
    if let Some(memory) = memory {
        builder = builder.memory(memory.as_u64());
    }
    if let Some(tasks_waiting_max) = tasks_waiting {
        builder = builder.limits(Limits { tasks_waiting_max, ..Limits::default() });
    }
    let server = builder.start()?;
    // Whoever reads that it is open may stop it in the same moment.
    let signals = server.signals()?;
    let (address, fingerprint) = (server.address(), server.fingerprint());
    // That nobody reads it is no reason not to serve.
    let mut out = std::io::stdout();
    let _ =
        writeln!(out, "{} is open on {address}; certificate fingerprint {fingerprint}", G::NAME);
    if let Some(signals) = signals {
        signals.wait()?;
    }
    server.stop()?;
    let _ = writeln!(out, "{} is closed", G::NAME);
    Ok(Outcome::Done)
}
