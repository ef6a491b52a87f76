//! The command line: `client-sim demo`, `run`, `hostile` and `attack`.

use std::ffi::OsString;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::{ExitCode, Termination};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use daystar::Game;
use daystar_client::builder::Trust;
use daystar_protocol::fingerprint::Fingerprint;
use sample_game::game::Tideland;
use tracing_subscriber::EnvFilter;

use crate::crowd::{self, PATIENCE, Plan, RunError};
use crate::demo;
use crate::duration;
use crate::hostile::arguments::{AttackArgs, HostileArgs};
use crate::hostile::contest;
use crate::network::arguments::NetworkArgs;
use crate::outcome::Outcome;
use crate::progress::Progress;
use crate::require::Requirements;
use crate::table;
use crate::tideland::Islander;

/// Thousands of simulated clients against a Daystar server.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Start Tideland in this process, let clients play on it, and verify the world in the end.
    Demo {
        #[command(flatten)]
        crowd: CrowdArgs,
        /// Keep the world here, and go on with the one that is here. Otherwise it lives in a folder that is removed.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
    },
    /// Let clients play on a Tideland server that runs already.
    Run {
        #[command(flatten)]
        crowd: CrowdArgs,
        /// Where the server listens: host and port.
        #[arg(long, value_name = "ADDR", value_parser = parse_server)]
        server: SocketAddr,
        /// Connect only to the server whose certificate has this SHA-256; it prints it when it starts.
        #[arg(long, value_name = "HEX")]
        fingerprint: Option<Fingerprint>,
    },
    /// Start Tideland in a process of its own, attack it in every way, and see how honest clients fare meanwhile.
    Hostile(HostileArgs),
    /// Attack a server that runs already.
    Attack(AttackArgs),
    /// Serve Tideland as `sample-game serve` does, and with the same options.
    #[command(disable_help_flag = true)]
    Serve {
        /// Those options.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        options: Vec<OsString>,
    },
}

/// What both subcommands can be told about the clients.
#[derive(Debug, Args)]
pub struct CrowdArgs {
    /// How many clients.
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub clients: u32,
    /// How long they play once all are connected.
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = duration::parse)]
    pub duration: Duration,
    /// What the clients' names and random choices come from. The same seed plays the same players again.
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,
    /// How many requests each client makes in a second, on average.
    #[arg(long, default_value_t = 2.0, value_name = "R", value_parser = parse_rate)]
    pub rate: f64,
    /// After how long, on average, each client's connection is broken, to go on over another.
    #[arg(long, value_name = "TIME", value_parser = duration::parse)]
    pub break_every: Option<Duration>,
    /// What the run must reach besides, as in 'p99<100ms,errors=0'.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "LIST", value_parser = parse_requirements)]
    pub require: Requirements,
    /// What stands between the clients and the server.
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Why a command could not be done at all.
type Failure = Box<dyn std::error::Error>;

/// Runs what the command line says. The exit code is zero only if all went well.
pub fn main() -> ExitCode {
    let Command { what } = Command::parse();
    if let What::Serve { .. } = what {
        // Reads the command line once more, in which `serve` stands where it does in that of every game's program.
        return daystar::cli(Tideland::default()).report();
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let result = match &what {
        What::Demo { crowd, data } => demo::demo(crowd, data.as_deref()).map_err(Failure::from),
        What::Run { crowd, server, fingerprint } => {
            let trust = fingerprint.map_or(Trust::Anyone, Trust::Fingerprint);
            play(crowd, *server, trust)
                .map(|outcome| outcome.failures(&crowd.require))
                .map_err(Failure::from)
        }
        What::Hostile(args) => contest::hold(args).map_err(Failure::from),
        // What comes of it is for whoever runs the server to judge.
        What::Attack(args) => match contest::attack(args) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => Err(Failure::from(error)),
        },
        What::Serve { .. } => Ok(Vec::new()),
    };
    match result {
        Ok(failures) if failures.is_empty() => {
            println!("all went well");
            ExitCode::SUCCESS
        }
        Ok(failures) => {
            failures.iter().for_each(|failure| println!("FAILED: {failure}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("client-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Lets a crowd play on the server, shows how far it is, and prints the table.
///
/// # Errors
/// The server cannot be reached.
pub fn play(args: &CrowdArgs, server: SocketAddr, trust: Trust) -> Result<Outcome, RunError> {
    let plan = Plan {
        server,
        game: Tideland::NAME,
        trust,
        clients: args.clients,
        duration: args.duration,
        seed: args.seed,
        rate: args.rate,
        patience: PATIENCE,
        break_every: args.break_every,
        networks: args.network.conditions().into_iter().collect(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("client-sim")
        .build()
        .map_err(RunError::Runtime)?;
    println!("{} clients of Tideland on {server}, seed {}", plan.clients, plan.seed);
    let outcome =
        runtime.block_on(crowd::run(&plan, Islander::new, &mut Progress::for_stdout()))?;
    print!("{}", table::render(&outcome));
    Ok(outcome)
}

fn parse_server(text: &str) -> Result<SocketAddr, String> {
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|error| format!("{error}; write host and port, as in 127.0.0.1:7777"))?;
    addresses.next().ok_or_else(|| "the name has no address".to_owned())
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.001..=1000.0).contains(&rate) => Ok(rate),
        _ => Err("write a number from 0.001 to 1000".to_owned()),
    }
}

fn parse_requirements(text: &str) -> Result<Requirements, crate::require::RequirementError> {
    if text.is_empty() { Ok(Requirements::default()) } else { text.parse() }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Command::command().debug_assert();
    }

    #[test]
    fn the_documented_command_lines_are_understood() {
        for line in [
            "client-sim demo",
            "client-sim demo --clients 50 --duration 2m --seed 7 --require p99<100ms,errors=0 --data x",
            "client-sim demo --clients 500 --duration 10m --delay 50ms --jitter 100ms --loss 5% --break-every 30s",
            "client-sim run --server 127.0.0.1:7777 --clients 10 --duration 30s --seed 3 --rate 0.5",
            "client-sim hostile --clients 50 --duration 10s --attacks garbage,half-open",
            "client-sim attack flood --server 127.0.0.1:4433 --from 127.0.0.2",
            "client-sim serve --data x --help",
        ] {
            Command::try_parse_from(line.split(' ')).expect(line);
        }
        for line in [
            "client-sim demo --clients 0",
            "client-sim demo --rate 0",
            "client-sim demo --require p99",
            "client-sim run",
            "client-sim run --server 127.0.0.1",
            "client-sim run --server 127.0.0.1:1 --fingerprint 12",
        ] {
            Command::try_parse_from(line.split(' ')).expect_err(line);
        }
    }
}
