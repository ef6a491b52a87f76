//! The command line that every game's program has.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitCode, Termination};

use bytesize::ByteSize;
use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::game::rules::Game;
use crate::server::Server;
use crate::server::error::ServeError;
use crate::server::verify::verify;

/// How a program ended: what `main` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// It did what it was asked.
    Done,
    /// It could not, or what it checked is not well. It has said why.
    Failed,
}

impl Termination for Outcome {
    fn report(self) -> ExitCode {
        match self {
            Outcome::Done => ExitCode::SUCCESS,
            Outcome::Failed => ExitCode::FAILURE,
        }
    }
}

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the world until Ctrl-C or SIGTERM.
    Serve {
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
    },
    /// Checks a world that no server has open: its records, and the game's rules.
    Verify {
        /// The folder in which the world is kept.
        #[arg(long, env = "DAYSTAR_DATA")]
        data: PathBuf,
    },
}

/// Runs `game` as its command line says: `serve`, `verify`.
///
/// Log lines go to standard error; the variable `RUST_LOG` says which (`info` unless set). Arguments that cannot
/// be understood, `--help` and `--version` end the program.
pub fn cli<G: Game>(game: G) -> Outcome {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Someone else's subscriber is as good.
    let _ = log.try_init();
    match run(game, Arguments::parse().command) {
        Ok(outcome) => outcome,
        Err(cause) => {
            eprintln!("error: {cause}");
            Outcome::Failed
        }
    }
}

fn run<G: Game>(game: G, command: Command) -> Result<Outcome, ServeError> {
    match command {
        Command::Serve { data, listen, workers, memory } => {
            let mut builder = Server::builder(game).data(data).listen(listen);
            if let Some(workers) = workers {
                builder = builder.workers(workers);
            }
            if let Some(memory) = memory {
                builder = builder.memory(memory.as_u64());
            }
            let server = builder.start()?;
            println!(
                "{} is open on {}; certificate fingerprint {}",
                G::NAME,
                server.address(),
                server.fingerprint()
            );
            server.wait_for_signal()?;
            server.stop()?;
            println!("{} is closed", G::NAME);
            Ok(Outcome::Done)
        }
        Command::Verify { data } => {
            let verified = verify(&game, &data)?;
            for problem in &verified.problems {
                println!("problem: {problem}");
            }
            if verified.problems.is_empty() {
                println!("{} objects, all well", verified.objects);
                return Ok(Outcome::Done);
            }
            println!("{} objects, {} problems", verified.objects, verified.problems.len());
            Ok(Outcome::Failed)
        }
    }
}
