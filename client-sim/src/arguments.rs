//! What a command line can say of a crowd.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use daystar_client::builder::Trust;

use crate::cast::Cast;
use crate::duration;
use crate::mix::{CLIENTS_MAX, Mix, MixError, Overrides, parse_ramp, parse_rate};
use crate::network::arguments::NetworkArgs;
use crate::plan::{Login, PATIENCE, Plan, Think};
use crate::require::{RequirementError, Requirements};

/// Which clients there are, how long they play, and what is to come of it.
#[derive(Clone, Debug, Args)]
pub struct CrowdArgs {
    /// How many clients; 1000 unless the mix says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=CLIENTS_MAX as i64))]
    pub clients: Option<u32>,
    /// How long they play once all are connected.
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = duration::parse)]
    pub duration: Duration,
    /// What the clients' names and random choices come from. The same seed plays the same players again.
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,
    /// The file that says which classes of clients there are. Each option here that says something else has the last word.
    #[arg(long, value_name = "FILE")]
    pub mix: Option<PathBuf>,
    /// How many requests each client makes in a second, on average; 2 unless the mix says.
    #[arg(long, value_name = "R", value_parser = parse_rate)]
    pub rate: Option<f64>,
    /// How the times between a client's requests differ; uniform unless the mix says.
    #[arg(long, value_enum, value_name = "HOW")]
    pub think: Option<Think>,
    /// How many clients join in a second, as in 100/s, to play at once. Otherwise all join as fast as they can, and wait for
    /// one another.
    #[arg(long, value_name = "RATE", value_parser = parse_ramp)]
    pub ramp: Option<f64>,
    /// Every call waits until its outcome is on the server's disk.
    #[arg(long)]
    pub durable: bool,
    /// After how long, on average, each client's connection is broken, to go on over another.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub break_every: Option<Duration>,
    /// Over how many processes the clients are spread.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    pub processes: u32,
    /// What the run must reach besides, as in 'p99<100ms,trader.p99<50ms,errors=0'.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "LIST", value_parser = parse_requirements)]
    pub require: Requirements,
    /// Where to write the report for programs.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Where to write the report with plots: one page that needs no network.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// What stands between the clients and the server.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Where the server is.
#[derive(Clone, Debug, Args)]
pub struct ServerArgs {
    /// Where the server listens: host and port.
    #[arg(long, value_name = "ADDR", value_parser = parse_server)]
    pub server: SocketAddr,
    /// Connect only to the server whose certificate has this SHA-256; it prints it when it starts.
    #[arg(long, value_name = "HEX")]
    pub fingerprint: Option<daystar_protocol::fingerprint::Fingerprint>,
}

impl CrowdArgs {
    /// What is to be run: the mix that was named, or the cast's own, with what the command line says in its place.
    ///
    /// # Errors
    /// The mix cannot be used, or a requirement is about a class that is not in it.
    pub fn plan(&self, server: SocketAddr, trust: Trust, cast: &Cast) -> Result<Plan, MixError> {
        let mix = Mix::named(self.mix.as_deref(), cast)?;
        let classes = mix.classes(&Overrides {
            clients: self.clients,
            rate: self.rate,
            think: self.think,
            break_every: self.break_every,
            durable: self.durable,
            network: self.network.clone(),
        })?;
        let names = classes.iter().map(|class| class.name.as_str());
        self.require.check(&names.collect::<Vec<_>>()).map_err(MixError::Requirement)?;
        Ok(Plan {
            server,
            trust,
            login: Login::Name,
            duration: self.duration,
            seed: self.seed,
            patience: PATIENCE,
            ramp: self.ramp.or(mix.ramp()),
            server_may_crash: false,
            processes: self.processes,
            classes,
        })
    }
}

impl ServerArgs {
    /// Whom to believe to be that server.
    pub fn trust(&self) -> Trust {
        self.fingerprint.map_or(Trust::Anyone, Trust::Fingerprint)
    }
}

fn parse_server(text: &str) -> Result<SocketAddr, String> {
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; write host and port, as in 127.0.0.1:7777"))?;
    addresses.next().ok_or_else(|| "the name has no address".to_owned())
}

fn parse_requirements(text: &str) -> Result<Requirements, RequirementError> {
    if text.is_empty() { Ok(Requirements::default()) } else { text.parse() }
}
