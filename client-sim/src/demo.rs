//! The demo: a Tideland server in this process, clients on it, and a look at the world they leave behind.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use daystar::{ServeError, Server};
use daystar_client::builder::Trust;
use sample_game::game::Tideland;

use crate::command::{self, CrowdArgs};
use crate::crowd::RunError;

/// Why the demo could not be given.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// No folder for the world.
    #[error("could not make a folder for the world: {0}; choose one with --data")]
    Folder(#[source] std::io::Error),
    /// The server did not start or stop, or its world could not be read.
    #[error(transparent)]
    Server(#[from] ServeError),
    /// The clients could not run.
    #[error(transparent)]
    Run(#[from] RunError),
}

/// Gives the demo, and returns in words everything that is not as it must be.
///
/// # Errors
/// It could not be given at all.
pub fn demo(args: &CrowdArgs, data: Option<&Path>) -> Result<Vec<String>, DemoError> {
    if let Some(folder) = data {
        return demo_in(args, folder);
    }
    let folder = tempfile::tempdir().map_err(DemoError::Folder)?;
    demo_in(args, folder.path())
}

fn demo_in(args: &CrowdArgs, folder: &Path) -> Result<Vec<String>, DemoError> {
    let free_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::builder(Tideland::default()).data(folder).listen(free_port).start()?;
    println!("Tideland on {}, world in {}", server.address(), folder.display());
    let played = command::play(args, server.address(), Trust::Fingerprint(server.fingerprint()));
    server.stop()?;
    let mut failures = played?.failures(&args.require);

    let verified = daystar::verify(&Tideland::default(), folder)?;
    for problem in &verified.problems {
        println!("  broken rule: {problem}");
    }
    match verified.problems.len() {
        0 => println!("world verified: {} objects, every rule holds", verified.objects),
        count => failures.push(format!("the world breaks its rules in {count} places")),
    }
    Ok(failures)
}
