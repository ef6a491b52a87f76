//! Honest clients and hostile ones on one server, one attack after another: how much slower it gets for the honest ones, what it
//! costs the server, and whether the server has noticed.
//!
//! Server, honest clients and attackers are processes of their own; the attackers' gives way to the other two whenever those
//! want to run (Linux's idle class, sched(7); a low priority alone would let it end its slice of milliseconds first), so
//! that what is measured is the server's doing, not the machine's want of processors.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use daystar::Game;
use daystar_client::builder::Trust;
use daystar_protocol::message::encode_message;
use sample_game::game::Tideland;
use sample_game::messages::Request;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::crowd::{self, RunError};
use crate::hostile::arguments::{AttackArgs, HostileArgs};
use crate::hostile::report::{Round, rises};
use crate::hostile::server::Server;
use crate::hostile::target::Target;
use crate::hostile::toll::Toll;
use crate::mix::{MixError, Overrides};
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::stage::Stage;
use crate::tideland;

/// Why there was no contest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContestError {
    /// A process, or what it says, is not to be had.
    #[error("the server or the attackers could not be run: {0}")]
    Process(#[from] io::Error),
    /// The honest clients could not run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// There are no such honest clients.
    #[error(transparent)]
    Mix(#[from] MixError),
    /// The attackers have no way to the server.
    #[error("the attackers could not be set up: {0}")]
    Attackers(String),
}

/// Acts of an honest client in a second: enough calls for a hundredth of them to be many, and no more than the island's pace of
/// talking lets a chatter do for minutes.
const RATE: f64 = 5.0;

/// How long an attack has gone on before the honest clients' requests are looked at, besides their connecting.
const HEAD_START: Duration = Duration::from_millis(500);

/// Holds the contest, prints what it shows, and returns in words everything that is not as it must be.
///
/// # Errors
/// There was none.
pub fn hold(args: &HostileArgs) -> Result<Vec<String>, ContestError> {
    let folder = tempfile::tempdir()?;
    let server = Server::start(folder.path())?;
    println!("Tideland on {}, {} honest clients, seed {}", server.address, args.clients, args.seed);
    let hostile = hostile_address();
    println!("the attackers are at {hostile}");
    let runtime = Runtime::new()?;
    let mut failures = Vec::new();
    let mut before = play(&runtime, args, &server)?;
    for attack in &args.attacks {
        let (metrics, memory) = (server.metrics()?, server.memory());
        let mut attackers = Command::new("chrt")
            .args(["--idle", "0"])
            .arg(std::env::current_exe()?)
            .arg("attack")
            .arg(attack.to_string())
            .args(["--server", &SocketAddr::new(hostile, server.address.port()).to_string()])
            .args(["--from", &hostile.to_string()])
            .args(["--duration", &format!("{}ms", attack_time_max(args).as_millis())])
            .arg("--until-input-ends")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        std::thread::sleep(HEAD_START);
        let during = play(&runtime, args, &server)?;
        if attackers.try_wait()?.is_some() {
            // What the honest clients met says nothing then: an attack that keeps them from coming in shows there.
            failures.push(format!("{attack}: it was over before the honest clients were done"));
        }
        drop(attackers.stdin.take());
        let toll = String::from_utf8_lossy(&attackers.wait_with_output()?.stdout).into_owned();
        let counted = rises(attack.counted_in(), &metrics, &server.metrics()?);
        let memory = memory.zip(server.memory()).map(|(before, behind)| (before.0, behind.1));
        let behind = play(&runtime, args, &server)?;
        let round = Round { attack: *attack, before, during, behind, toll, memory, counted };
        print!("{}", round.show());
        failures.extend(round.failures());
        before = round.behind;
    }
    Ok(failures)
}

/// Attacks a server that runs already, and says what came of it.
///
/// # Errors
/// The attackers could not be set up.
pub fn attack(args: &AttackArgs) -> Result<(), ContestError> {
    let target = tideland(args.server, args.from)?;
    let toll = Arc::<Toll>::default();
    let input = args.until_input_ends.then(input_ended);
    Runtime::new()?.block_on(async {
        tokio::select! {
            () = args.attack.run(&target, args.duration, &toll) => {}
            () = async {
                match input {
                    // Whatever it says.
                    Some(input) => drop(input.await),
                    None => std::future::pending().await,
                }
            } => {}
        }
    });
    print!("{toll}");
    Ok(())
}

/// Resolves when the standard input has come to its end.
fn input_ended() -> oneshot::Receiver<()> {
    let (ended, input) = oneshot::channel();
    std::thread::spawn(move || {
        let _all = io::copy(&mut io::stdin(), &mut io::sink());
        let _nobody_waits = ended.send(());
    });
    input
}

/// A server of Tideland, and the request of it that has the longest answer.
///
/// # Errors
/// The attackers could not be set up.
pub fn tideland(server: SocketAddr, from: IpAddr) -> Result<Target, ContestError> {
    let request = encode_message(&Request::Look)
        .map_err(|error| ContestError::Attackers(error.to_string()))?;
    Target::new(server, from, Tideland::NAME, request).map_err(ContestError::Attackers)
}

/// The attackers go on until they are told that the honest clients are done. Should nobody tell them, they end all the same.
fn attack_time_max(args: &HostileArgs) -> Duration {
    HEAD_START + args.duration + Duration::from_secs(120)
}

fn play(runtime: &Runtime, args: &HostileArgs, server: &Server) -> Result<Outcome, ContestError> {
    let overrides =
        Overrides { clients: Some(args.clients), rate: Some(RATE), ..Overrides::default() };
    let classes = tideland::standard_classes(&overrides)?;
    let plan = Plan::new(server.address, Trust::Fingerprint(server.fingerprint), classes);
    let plan = Plan { duration: args.duration, seed: args.seed, ..plan };
    let (cast, stage) = (tideland::cast(), Stage::default());
    Ok(runtime.block_on(crowd::run(&plan, &cast, &mut Progress::Silent, &stage))?)
}

/// An address of this machine that is not of the loopback, for which limits by address do not hold; or, where there is none,
/// the loopback's second.
fn hostile_address() -> IpAddr {
    // Nothing is sent: the system only says from where it would be.
    let outward = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .and_then(|socket| socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).map(|()| socket))
        .and_then(|socket| socket.local_addr());
    outward.map_or(HOSTILE_ADDRESS, |address| address.ip())
}

/// Where attackers may be who are not to be taken for honest clients of the same machine.
pub const HOSTILE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
