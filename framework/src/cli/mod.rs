//! The command line that every game's program has.

mod account;
mod backup;
mod compact;
mod failure;
mod inspect;
mod login;
mod orphans;
mod progress;
mod restore;
mod serve;
#[cfg(test)]
mod served;
mod shown;
mod store;
mod tasks;
mod verify;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::{ExitCode, Termination};

use clap::{Args, Parser, Subcommand};
use daystar_model::{StoreError, TypeDescriptor};
use daystar_store::{Moment, Options};
use tracing_subscriber::EnvFilter;

use crate::cli::failure::Failure;
use crate::cli::store::StoreArguments;
use crate::cli::tasks::Mending;
use crate::game::rules::Game;
use crate::server::builder::Builder;
use crate::server::error::ServeError;

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
    Serve(Box<serve::Arguments>),
    /// Checks a world, also while a server runs: its records, and the game's rules.
    Verify(verify::Arguments),
    /// Shows the objects of a world as JSON, one a line, also while a server runs.
    Inspect(inspect::Arguments),
    /// Has tasks that have failed tried again at once, also while a server runs.
    Retry(tasks::Arguments),
    /// Throws tasks away that have failed, also while a server runs.
    Discard(tasks::Arguments),
    /// Makes accounts for logins with passwords, and changes them, also while a server runs.
    Account(account::Arguments),
    /// Copies a world as it is at one moment, also while a server runs.
    Backup(backup::Arguments),
    /// Makes a world of a backup, after it has checked every object of it.
    Restore(restore::Arguments),
    /// Rewrites a world that no server has open without the holes in its files.
    Compact(compact::Arguments),
}

/// Which world.
#[derive(Args)]
struct Data {
    /// The folder in which the world is kept.
    #[arg(long, env = "DAYSTAR_DATA")]
    data: PathBuf,
    #[command(flatten)]
    store: StoreArguments,
}

impl Data {
    /// The world as it is now.
    fn moment(&self) -> Result<Moment, StoreError> {
        Moment::open(&self.data, self.options())
    }

    /// The world as it is now or, if its journal is damaged, as it was before that.
    fn moment_before_damage(&self) -> Result<Moment, StoreError> {
        Moment::open_before_damage(&self.data, self.options())
    }

    fn options(&self) -> Options {
        self.store.options()
    }
}

/// Runs `game` as its command line says: `serve`, `verify`, `inspect`, `retry`, `discard`, `account`, `backup`,
/// `restore`, `compact`.
///
/// Log lines go to standard error; the variable `RUST_LOG` says which (`info` unless set). Arguments that cannot
/// be understood, and `--help`, end the program.
pub fn cli<G: Game>(game: G) -> Outcome {
    cli_with(game, |server| server)
}

/// Like [`cli`], for a game whose servers are to be otherwise than servers are unless told: `serve` begins with what `prepare` makes of
/// its server, and options on the command line have the last word.
///
/// ```no_run
/// use daystar::login::Passwords;
/// use daystar::prelude::*;
/// # #[message] pub enum Request { Ring }
/// # #[message] pub enum Event { Rang }
/// # struct Belfry;
/// # impl Game for Belfry {
/// #     type Request = Request;
/// #     type Event = Event;
/// #     const NAME: &'static str = "belfry";
/// #     fn received(&self, _: &Ctx, _: Session, _: Request) -> Result<()> { Ok(()) }
/// # }
///
/// fn main() -> daystar::Outcome {
///     daystar::cli_with(Belfry, |server| server.login(Passwords::new().registration(true)))
/// }
/// ```
pub fn cli_with<G: Game>(game: G, prepare: impl FnOnce(Builder<G>) -> Builder<G>) -> Outcome {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // A line that cannot be written is lost. Saying so where nothing can be written would panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // Someone else's subscriber is as good.
    let _ = log.try_init();
    let command = Arguments::parse().command;
    let is_inspect = matches!(command, Command::Inspect(_));
    match run(game, prepare, command) {
        Ok(outcome) => outcome,
        // Who reads has seen enough: `inspect | head`. Of all others the outcome counts, not only what they say.
        Err(failure) if is_inspect && failure.is_closed_pipe() => Outcome::Done,
        Err(failure) => {
            eprintln!("error: {failure}");
            Outcome::Failed
        }
    }
}

fn run<G: Game>(
    game: G,
    prepare: impl FnOnce(Builder<G>) -> Builder<G>,
    command: Command,
) -> Result<Outcome, Failure> {
    if let Some(name) = TypeDescriptor::claimed_twice() {
        return Err(ServeError::TypeNameTwice { name }.into());
    }
    match command {
        Command::Serve(arguments) => serve::run(game, prepare, *arguments),
        Command::Verify(arguments) => verify::run(&game, &arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Retry(arguments) => tasks::run::<G>(&arguments, Mending::Retry),
        Command::Discard(arguments) => tasks::run::<G>(&arguments, Mending::Discard),
        Command::Account(arguments) => account::run::<G>(&arguments),
        Command::Backup(arguments) => backup::run(&arguments),
        Command::Restore(arguments) => restore::run(&arguments),
        Command::Compact(arguments) => compact::run(&arguments),
    }
}
