//! The demo: a Tideland server in this process, clients on it, and a look at the world they leave behind.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use daystar::{ServeError, Server};
use daystar_client::builder::Trust;
use sample_game::game::Tideland;

use crate::arguments::CrowdArgs;
use crate::cast::Cast;
use crate::crash::arguments::SeparateArgs;
use crate::crash::separate::{House, HouseError, Played};
use crate::crowd::RunError;
use crate::mix::MixError;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::program;
use crate::progress::Progress;
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
    /// It is not known where this program is, which is also the server's.
    #[error("could not find this program, to start the server with it: {0}")]
    Program(#[source] std::io::Error),
    /// The server could not run in a process of its own.
    #[error(transparent)]
    House(#[from] HouseError),
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
pub fn demo(
    args: &CrowdArgs,
    apart: &SeparateArgs,
    data: Option<&Path>,
) -> Result<Vec<String>, DemoError> {
    if let Some(folder) = data {
        return demo_in(args, apart, folder);
    }
    let folder = tempfile::tempdir().map_err(DemoError::Folder)?;
    demo_in(args, apart, folder.path())
}

fn demo_in(
    args: &CrowdArgs,
    apart: &SeparateArgs,
    folder: &Path,
) -> Result<Vec<String>, DemoError> {
    let cast = tideland::cast();
    let (plan, mut outcome, of_the_server) = if apart.is_separate() {
        let played = play_apart(args, apart, &cast, folder)?;
        let of_the_server = played.show();
        (played.plan, played.outcome, of_the_server)
    } else {
        let (plan, outcome) = play_here(args, &cast, folder)?;
        (plan, outcome, String::new())
    };

    let verified = daystar::verify(&Tideland::default(), folder)?;
    if !verified.problems.is_empty() {
        let count = verified.problems.len();
        outcome.problems.push(format!("the world breaks its rules in {count} places"));
    }
    let failures = report::deliver(&outcome, &plan, &cast, args)?;
    print!("{of_the_server}");
    for problem in &verified.problems {
        println!("  broken rule: {problem}");
    }
    if verified.problems.is_empty() {
        println!("world verified: {} objects, every rule holds", verified.objects);
    }
    Ok(failures)
}

/// The server is in this process.
fn play_here(args: &CrowdArgs, cast: &Cast, folder: &Path) -> Result<(Plan, Outcome), DemoError> {
    let free_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::builder(Tideland::default()).data(folder).listen(free_port).start()?;
    println!("Tideland on {}, world in {}", server.address(), folder.display());
    let plan = args.plan(server.address(), Trust::Fingerprint(server.fingerprint()), cast)?;
    let played = program::play(&plan, cast, &Stage::default());
    server.stop()?;
    Ok((plan, played?))
}

/// The server is in a process of its own, which may be killed.
fn play_apart(
    args: &CrowdArgs,
    apart: &SeparateArgs,
    cast: &Cast,
    folder: &Path,
) -> Result<Played, DemoError> {
    let house = House {
        program: std::env::current_exe().map_err(DemoError::Program)?,
        data: folder.to_owned(),
        crash_every: apart.crash_every,
        crashes_min: 0,
        level: apart.level(),
    };
    let plan = |server, trust| {
        println!("Tideland on {server}, in a process of its own, world in {}", folder.display());
        args.plan(server, trust, cast)
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(RunError::Runtime)?;
    Ok(runtime.block_on(house.play(plan, cast, &mut Progress::for_stdout()))?)
}
