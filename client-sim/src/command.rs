//! The command line of Tideland's clients: `client-sim demo`, `run`, `limit`, `hostile`, `attack` and `serve`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitCode, Termination};

use clap::{Parser, Subcommand};
use sample_game::game::Tideland;

use crate::arguments::CrowdArgs;
use crate::crash::arguments::SeparateArgs;
use crate::demo;
use crate::hostile::arguments::{AttackArgs, HostileArgs};
use crate::hostile::contest;
use crate::limit::{self, LimitArgs};
use crate::program::{self, Common, Failure};
use crate::tideland;

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
        crowd: Box<CrowdArgs>,
        /// Keep the world here, and go on with the one that is here. Otherwise it lives in a folder that is removed.
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        #[command(flatten)]
        apart: SeparateArgs,
    },
    /// Find how many clients this machine carries, with the server in a process of its own.
    Limit(LimitArgs),
    #[command(flatten)]
    Common(Common),
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

/// Runs what the command line says. The exit code is zero only if all went well.
pub fn main() -> ExitCode {
    let Command { what } = Command::parse();
    if let What::Serve { .. } = what {
        // Reads the command line once more, in which `serve` stands where it does in that of every game's program.
        return daystar::cli(Tideland::default()).report();
    }
    program::log_to_stderr();
    let result = match &what {
        What::Demo { crowd, data, apart } => {
            demo::demo(crowd, apart, data.as_deref()).map_err(Failure::from)
        }
        What::Limit(args) => limit::command(args, &tideland::cast()).map_err(Failure::from),
        What::Common(common) => return common.run(&tideland::cast()),
        What::Hostile(args) => contest::hold(args).map_err(Failure::from),
        // What comes of it is for whoever runs the server to judge.
        What::Attack(args) => match contest::attack(args) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => Err(Failure::from(error)),
        },
        What::Serve { .. } => Ok(Vec::new()),
    };
    program::conclude(result)
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
            "client-sim demo --crash-every 20s --durability committed",
            "client-sim demo --duration 1h --separate --require server.rss.growth<5%",
            "client-sim limit --p99 100ms --rate 2 --from 500 --hold 20s --json x.json",
            "client-sim run --server 127.0.0.1:7777 --clients 10 --duration 30s --seed 3 --rate 0.5",
            "client-sim run --server 127.0.0.1:7777 --mix x.toml --ramp 100/s --think exponential --durable",
            "client-sim run --server 127.0.0.1:7777 --processes 2 --json x.json --html x.html",
            "client-sim hostile --clients 50 --duration 10s --attacks garbage,half-open",
            "client-sim hostile --attacks slow-readers,passwords --duration 2s --p99-is-only-shown",
            "client-sim attack flood --server 127.0.0.1:4433 --from 127.0.0.2",
            "client-sim attack passwords --server 127.0.0.1:4433 --from 127.0.0.2 --account ann",
            "client-sim serve --data x --help",
        ] {
            Command::try_parse_from(line.split(' ')).expect(line);
        }
        for line in [
            "client-sim demo --clients 0",
            "client-sim demo --rate 0",
            "client-sim demo --crash-every 0s",
            "client-sim demo --ramp fast",
            "client-sim demo --processes 0",
            "client-sim demo --require p99",
            "client-sim run",
            "client-sim run --server 127.0.0.1",
            "client-sim run --server 127.0.0.1:1 --fingerprint 12",
        ] {
            Command::try_parse_from(line.split(' ')).expect_err(line);
        }
    }
}
