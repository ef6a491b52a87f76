//! A program of simulated clients for any game: `run` against a server, in one process or several, and a report.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

use crate::arguments::{CrowdArgs, ServerArgs};
use crate::cast::Cast;
use crate::crowd::{self, RunError};
use crate::outcome::Outcome;
use crate::part;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::report;
use crate::stage::Stage;

/// Simulated clients against a Daystar server.
#[derive(Debug, Parser)]
#[command(about)]
struct Program {
    #[command(subcommand)]
    what: Common,
}

/// The commands that every such program has.
#[derive(Debug, Subcommand)]
pub(crate) enum Common {
    /// Let clients play on a server that runs already.
    Run {
        #[command(flatten)]
        crowd: Box<CrowdArgs>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Run some of the clients of another process, which says which.
    #[command(hide = true)]
    Part,
}

/// Why a command could not be done at all.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Runs what the command line says with the clients of `cast`. The exit code is zero only if all went well. This is the whole
/// `main` of a game's simulated clients.
pub fn main(cast: &Cast) -> ExitCode {
    let Program { what } = Program::parse();
    log_to_stderr();
    what.run(cast)
}

impl Common {
    pub(crate) fn run(&self, cast: &Cast) -> ExitCode {
        match self {
            Self::Run { crowd, server } => conclude(run(crowd, server, cast)),
            // Its output is for the process that started it, and so is what comes of it.
            Self::Part => match part::obey(cast) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => conclude(Err(error.into())),
            },
        }
    }
}

fn run(args: &CrowdArgs, server: &ServerArgs, cast: &Cast) -> Result<Vec<String>, Failure> {
    let plan = args.plan(server.server, server.trust(), cast)?;
    let outcome = play(&plan, cast, &Stage::default())?;
    Ok(report::deliver(&outcome, &plan, cast, args)?)
}

/// Lets the plan's clients play, on threads of their own, and shows how far they are.
///
/// # Errors
/// There was no run.
pub fn play(plan: &Plan, cast: &Cast, stage: &Stage) -> Result<Outcome, RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("client-sim")
        .build()
        .map_err(RunError::Runtime)?;
    let Plan { server, seed, .. } = plan;
    println!("{} clients of {} on {server}, seed {seed}", plan.clients(), cast.game());
    runtime.block_on(crowd::run(plan, cast, &mut Progress::for_stdout(), stage))
}

/// Says what came of a command, and makes it the exit code.
pub(crate) fn conclude(result: Result<Vec<String>, Failure>) -> ExitCode {
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

pub(crate) fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}
