//! `serve`: runs the world.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::{Args, ValueEnum};

use crate::admin::prometheus;
use crate::cli::Outcome;
use crate::cli::failure::Failure;
use crate::cli::login::LoginArguments;
use crate::cli::store::{JournalArguments, StoreArguments};
use crate::game::rules::Game;
use crate::server::builder::Builder;
use crate::server::error::ServeError;
use crate::server::{self, Server};
use crate::{Durability, NetworkLimits};

#[derive(Args)]
pub(super) struct Arguments {
    /// The folder in which the world is kept; made if there is none.
    #[arg(long, env = "DAYSTAR_DATA")]
    data: PathBuf,
    /// The address and UDP port to listen on; port 0 takes a free one. 127.0.0.1:4433 unless set.
    #[arg(long, env = "DAYSTAR_LISTEN")]
    listen: Option<SocketAddr>,
    /// How many threads run game code; one per core unless set.
    #[arg(long, env = "DAYSTAR_WORKERS")]
    workers: Option<usize>,
    /// How much memory the world may take, as in `4GiB`; half of the machine's unless set.
    #[arg(long, env = "DAYSTAR_MEMORY")]
    memory: Option<ByteSize>,
    /// How many tasks may wait for their time; ten million unless set.
    #[arg(long, env = "DAYSTAR_TASKS_WAITING", value_name = "COUNT")]
    tasks_waiting: Option<u64>,
    /// When clients are told of what has happened: at once, or when it is on disk and no crash can take it back. At once unless
    /// set.
    #[arg(long, env = "DAYSTAR_DURABILITY", value_enum)]
    durability: Option<Level>,
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
    store: StoreArguments,
    #[command(flatten)]
    journal: JournalArguments,
    #[command(flatten)]
    login: LoginArguments,
}

/// [`Durability`] on a command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Level {
    /// At once; a crash may take back the last milliseconds.
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
    /// Changes what was set for.
    fn limit(&self, limits: &mut NetworkLimits) {
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
    }

    /// Changes in `server` what was set, and leaves the rest.
    fn apply<G: Game>(self, server: Builder<G>) -> Result<Builder<G>, ServeError> {
        let mut server = server.data(&self.data).change_network(|limits| self.limit(limits));
        server = server.change_store_options(|options| {
            self.store.apply(options);
            self.journal.apply(options);
        });
        if let Some(address) = self.listen {
            server = server.listen(address);
        }
        if let Some(level) = self.durability {
            server = server.durability(level.into());
        }
        if let (Some(chain), Some(key)) = (self.cert, self.key) {
            server = server.certificate(chain, key);
        }
        if let Some(workers) = self.workers {
            server = server.workers(workers);
        }
        if let Some(memory) = self.memory {
            server = server.memory(memory.as_u64());
        }
        if let Some(count) = self.tasks_waiting {
            server = server.change_limits(|limits| limits.tasks_waiting_max = count);
        }
        self.login.apply(server)
    }
}

/// Serves as the command line says, and where it says nothing, as `prepare` does.
pub(super) fn run<G: Game>(
    game: G,
    prepare: impl FnOnce(Builder<G>) -> Builder<G>,
    arguments: Arguments,
) -> Result<Outcome, Failure> {
    if let Some(address) = arguments.metrics {
        prometheus::listen(address)
            .map_err(|cause| ServeError::Metrics { address, cause: cause.to_string() })?;
        server::describe_metrics();
    }
    let builder = arguments.apply(prepare(Server::builder(game).listen(LISTEN)))?;
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

/// Where a server listens that nobody has told.
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 4433);

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::game::idle::Idle;
    use crate::{Limits, StoreOptions};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    /// What comes of such a command line, where the program has set limits of its own.
    fn limits(line: &[&str]) -> (NetworkLimits, Limits, StoreOptions) {
        let line = ["serve", "--data", "world"].iter().chain(line);
        let arguments = Line::try_parse_from(line).map(|line| line.arguments);
        let network = NetworkLimits {
            connections_max: 7,
            hello_timeout: Duration::from_secs(77),
            ..NetworkLimits::default()
        };
        let limits = Limits { tasks_waiting_max: 8, objects_max: 88, ..Limits::default() };
        let store = StoreOptions { map_bytes_max: 6, readers_max: 66, ..StoreOptions::default() };
        let prepared = Server::builder(Idle).network(network).limits(limits).store_options(store);
        let server = arguments.expect("a command line").apply(prepared).expect("a server");
        let (mut network, mut limits) = (NetworkLimits::default(), Limits::default());
        let mut store = StoreOptions::default();
        let server = server.change_network(|set| network = set.clone());
        let server = server.change_limits(|set| limits = *set);
        drop(server.change_store_options(|set| store = set.clone()));
        (network, limits, store)
    }

    #[test]
    fn the_command_line_has_the_last_word_and_the_program_the_others() {
        let (network, limits, store) = limits(&[]);
        assert_eq!((network.connections_max, limits.tasks_waiting_max), (7, 8));
        assert_eq!((store.map_bytes_max, store.readers_max), (6, 66));
        let line = ["--connections", "9", "--tasks-waiting", "10", "--file-size", "11"];
        let journal = ["--checkpoint-size", "12", "--checkpoint-seconds", "13", "--journal-size"];
        let line = [&line[..], &journal, &["14"]].concat();
        let (network, limits, store) = self::limits(&line);
        assert_eq!((network.connections_max, limits.tasks_waiting_max), (9, 10));
        assert_eq!((store.map_bytes_max, store.checkpoint_bytes), (11, 12));
        let journal = (store.checkpoint_time, store.journal_bytes_max);
        assert_eq!(journal, (Duration::from_secs(13), 14));
        assert_eq!(
            (network.hello_timeout, limits.objects_max, store.readers_max),
            (Duration::from_secs(77), 88, 66),
            "what the command line does not name is as the program has it"
        );
    }
}
