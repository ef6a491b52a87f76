//! The demo: a Tideland server in this process, clients on it, and a look at the world they leave behind.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use daystar::{ServeError, Server};
use daystar_client::builder::Trust;
use sample_game::game::Tideland;

use crate::arguments::CrowdArgs;
use crate::crowd::RunError;
use crate::mix::MixError;
use crate::program;
use crate::report::{self, ReportError};
use crate::stage::Stage;
use crate::tideland;

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
    /// The mix cannot be used.
    #[error(transparent)]
    Mix(#[from] MixError),
    /// The clients could not run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The report could not be written.
    #[error(transparent)]
    Report(#[from] ReportError),
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
    let cast = tideland::cast();
    let free_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::builder(Tideland::default()).data(folder).listen(free_port).start()?;
    println!("Tideland on {}, world in {}", server.address(), folder.display());
    let plan = args.plan(server.address(), Trust::Fingerprint(server.fingerprint()), &cast)?;
    let played = program::play(&plan, &cast, &Stage::default());
    server.stop()?;
    let mut outcome = played?;

    let verified = daystar::verify(&Tideland::default(), folder)?;
    if !verified.problems.is_empty() {
        let count = verified.problems.len();
        outcome.problems.push(format!("the world breaks its rules in {count} places"));
    }
    let failures = report::deliver(&outcome, &plan, &cast, args)?;
    for problem in &verified.problems {
        println!("  broken rule: {problem}");
    }
    if verified.problems.is_empty() {
        println!("world verified: {} objects, every rule holds", verified.objects);
    }
    Ok(failures)
}
