//! `serve`: runs the world.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::cli::Outcome;
use crate::cli::failure::Failure;
use crate::game::rules::Game;
use crate::server::Server;

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
}

pub(super) fn run<G: Game>(game: G, arguments: Arguments) -> Result<Outcome, Failure> {
    let Arguments { data, listen, workers } = arguments;
    let mut builder = Server::builder(game).data(data).listen(listen);
    if let Some(workers) = workers {
        builder = builder.workers(workers);
    }
    let server = builder.start()?;
    let (address, fingerprint) = (server.address(), server.fingerprint());
    // That nobody reads it is no reason not to serve.
    let mut out = std::io::stdout();
    let _ =
        writeln!(out, "{} is open on {address}; certificate fingerprint {fingerprint}", G::NAME);
    server.wait_for_signal()?;
    server.stop()?;
    let _ = writeln!(out, "{} is closed", G::NAME);
    Ok(Outcome::Done)
}
