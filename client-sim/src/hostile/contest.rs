//! Honest clients and hostile ones on one server, one attack after another: how much slower it gets for the honest ones, what it
//! costs the server, and whether the server has noticed.
//!
//! Server, honest clients and attackers are processes of their own; the attackers' gives way to the other two whenever those
//! want to run (Linux's idle class, sched(7); a low priority alone would let it end its slice of milliseconds first), so
//! that what is measured is the server's doing, not the machine's want of processors.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use daystar::Game;
use daystar_client::builder::Trust;
use daystar_protocol::message::encode_message;
use sample_game::game::Tideland;
use sample_game::messages::Request;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};

use crate::behaviour::Who;
use crate::crowd::{self, RunError};
use crate::hostile::arguments::{AttackArgs, HostileArgs};
use crate::hostile::attack::Attack;
use crate::hostile::attackers::{self, Attackers, Orders};
use crate::hostile::enrolment;
use crate::hostile::notice::Notice;
use crate::hostile::report::{Counted, Round};
use crate::hostile::server::{Metrics, Server};
use crate::hostile::target::Target;
use crate::hostile::toll::{Reckoning, Toll};
use crate::mix::{MixError, Overrides};
use crate::outcome::Outcome;
use crate::plan::{Login, Plan};
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
    /// The honest clients have no accounts.
    #[error("the honest clients' accounts could not be made: {0}")]
    Enrolment(String),
    /// The attackers have no way to the server.
    #[error("the attackers could not be set up: {0}")]
    Attackers(String),
}

/// Acts of an honest client in a second: enough calls for a hundredth of them to be many, and no more than the island's pace of
/// talking lets a chatter do for minutes.
const RATE: f64 = 5.0;

/// How many honest clients there are at most where they log in with passwords. They are all in one network, of which a server that is
/// asked for more than this many at once takes the next for a guess too many (`login::passwords`).
const OWNERS_MAX: u32 = 25;

/// How long an attack has gone on before the honest clients' requests are looked at, besides their connecting.
const HEAD_START: Duration = Duration::from_millis(500);

/// How long an attack goes on at most, once the honest clients are done, until all has happened that the server is to count. Who does
/// not read is dropped half a minute after so much waits for him, which takes a busy machine another while.
const DUE_WITHIN: Duration = Duration::from_secs(180);

/// How long the server may take to count what it had not ended when the attackers were gone. It waits for half a minute for who is lost.
const COUNTED_WITHIN: Duration = Duration::from_secs(45);

/// How often to look what the server has counted.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How often attackers tell what they have come to.
const TELL_EVERY: Duration = Duration::from_millis(200);

/// Holds the contest, prints what it shows, and returns in words everything that is not as it must be.
///
/// # Errors
/// There was none.
pub fn hold(args: &HostileArgs) -> Result<Vec<String>, ContestError> {
    let program = match &args.program {
        Some(program) => program.clone(),
        None => std::env::current_exe()?,
    };
    let contest = Contest { args, program, runtime: Runtime::new()? };
    let mut failures = Vec::new();
    for attack in &args.attacks {
        let round = contest.round(*attack)?;
        print!("{}", round.show());
        failures.extend(round.failures(!args.p99_is_only_shown));
    }
    Ok(failures)
}

struct Contest<'a> {
    args: &'a HostileArgs,
    program: PathBuf,
    runtime: Runtime,
}

impl Contest<'_> {
    /// One attack, on a server of its own: what it has left of its memory and of its patience with a network is not another's doing.
    fn round(&self, attack: Attack) -> Result<Round, ContestError> {
        let (folder, login) = (tempfile::tempdir()?, attack.login());
        let server = Server::start(&self.program, folder.path(), login)?;
        let hostile = match login {
            Login::Name => hostile_address(),
            // Where one address is as good as another, they have as many as they like.
            Login::Password => HOSTILE_ADDRESS,
        };
        let (clients, seed) = (self.clients(login), self.args.seed);
        let address = server.address;
        println!(
            "Tideland on {address}, {clients} honest clients, seed {seed}, attackers at {hostile}"
        );
        if login == Login::Password {
            self.enrol(clients, &server)?;
        }
        let before = self.play(&server, login)?;
        let (metrics, memory) = (server.metrics()?, server.memory());
        let mut attackers = Attackers::start(&Orders {
            program: &self.program,
            attack,
            server: SocketAddr::new(hostile_server(hostile), server.address.port()),
            from: hostile,
            account: &Who::new(self.args.seed, 0).name,
            longest: HEAD_START + self.args.duration + HONEST_PLAY_MAX + DUE_WITHIN,
            gives_way: !self.args.p99_is_only_shown,
        })?;
        std::thread::sleep(HEAD_START);
        let during = self.play(&server, login)?;
        // What the honest clients met says nothing of an attack that was over before them.
        let has_lasted = !attackers.are_gone()?;
        let is_wanted = |notice: &&Notice| !(notice.is_late && self.args.p99_is_only_shown);
        let notices: Vec<Notice> = attack.notices().iter().filter(is_wanted).copied().collect();
        wait_until(DUE_WITHIN, || {
            let (behind, reckoning) = (server.metrics()?, attackers.reckoning());
            let is_due =
                |notice: &Notice| notice.is_due(notice.rise(&metrics, &behind), &reckoning);
            Ok(attackers.are_gone()? || notices.iter().all(is_due))
        })?;
        let reckoning = attackers.end()?;
        let mut counted = Vec::new();
        wait_until(COUNTED_WITHIN, || {
            counted = count(&notices, &metrics, &server.metrics()?, &reckoning);
            Ok(counted.iter().all(|counted| counted.missing.is_none()))
        })?;
        let memory = memory.zip(server.memory()).map(|(before, behind)| (before.0, behind.1));
        let behind = self.play(&server, login)?;
        Ok(Round { attack, before, during, behind, has_lasted, reckoning, memory, counted })
    }

    /// Makes accounts for so many honest clients.
    fn enrol(&self, clients: u32, server: &Server) -> Result<(), ContestError> {
        let names = (0..clients).map(|number| Who::new(self.args.seed, number).name);
        let office = tideland(server.address, ENROLMENT_OFFICE, "")?;
        let enrolled = self.runtime.block_on(enrolment::enrol(&office, names));
        enrolled.map_err(ContestError::Enrolment)
    }

    fn clients(&self, login: Login) -> u32 {
        match login {
            Login::Name => self.args.clients,
            Login::Password => self.args.clients.min(OWNERS_MAX),
        }
    }

    /// Lets the honest clients play.
    fn play(&self, server: &Server, login: Login) -> Result<Outcome, ContestError> {
        let clients = Some(self.clients(login));
        let overrides = Overrides { clients, rate: Some(RATE), ..Overrides::default() };
        let classes = tideland::standard_classes(&overrides)?;
        let plan = Plan::new(server.address, Trust::Fingerprint(server.fingerprint), classes);
        let plan = Plan { login, duration: self.args.duration, seed: self.args.seed, ..plan };
        let (cast, stage) = (tideland::cast(), Stage::default());
        Ok(self.runtime.block_on(crowd::run(&plan, &cast, &mut Progress::Silent, &stage))?)
    }
}

/// What of `notices` the server has counted, and what it has not, if the attackers came to `reckoning`.
fn count(
    notices: &[Notice],
    before: &Metrics,
    behind: &Metrics,
    reckoning: &Reckoning,
) -> Vec<Counted> {
    let counted = notices.iter().map(|notice| {
        let rise = notice.rise(before, behind);
        let counters = notice.counters.join(" + ");
        Counted { counters, rise, missing: notice.missing(rise, reckoning) }
    });
    counted.collect()
}

/// Asks until it is so, for so long at most.
fn wait_until(time: Duration, mut is_so: impl FnMut() -> io::Result<bool>) -> io::Result<()> {
    let deadline = Instant::now() + time;
    while !is_so()? && Instant::now() < deadline {
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// Attacks a server that runs already, and says what came of it.
///
/// # Errors
/// The attackers could not be set up.
pub fn attack(args: &AttackArgs) -> Result<(), ContestError> {
    let target = tideland(args.server, args.from, &args.account)?;
    let toll = Arc::<Toll>::default();
    Runtime::new()?.block_on(async {
        let attack = args.attack.run(&target, args.duration, &toll);
        if args.until_input_ends {
            tokio::select! {
                () = attack => {}
                () = tell(&toll) => {}
                // Whatever it says.
                _ = input_ended() => {}
            }
        } else {
            attack.await;
        }
    });
    match args.until_input_ends {
        true => attackers::say(&toll.reckoning()),
        false => print!("{}", toll.reckoning()),
    }
    Ok(())
}

/// Tells whoever has started this process what it has come to, again and again.
async fn tell(toll: &Toll) {
    let mut ticks = interval(TELL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        attackers::say(&toll.reckoning());
    }
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

/// A server of Tideland, the request of it that has the longest answer, and whose password there is guessed.
fn tideland(server: SocketAddr, from: IpAddr, account: &str) -> Result<Target, ContestError> {
    let request = encode_message(&Request::Look)
        .map_err(|error| ContestError::Attackers(error.to_string()))?;
    Target::new(server, from, Tideland::NAME, request, account).map_err(ContestError::Attackers)
}

/// How long the honest clients may take to come in and to leave, besides their playing: an attack that nobody ends goes on for so long.
const HONEST_PLAY_MAX: Duration = Duration::from_secs(240);

/// An address of this machine that is not of the loopback, for which limits by address do not hold; or, where there is none,
/// the loopback's second.
fn hostile_address() -> IpAddr {
    // Nothing is sent: the system only says from where it would be.
    let outward = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))
        .and_then(|socket| socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).map(|()| socket))
        .and_then(|socket| socket.local_addr());
    outward.map_or(HOSTILE_ADDRESS, |address| address.ip())
}

/// Where attackers at that address find the server.
fn hostile_server(hostile: IpAddr) -> IpAddr {
    if hostile.is_loopback() { Ipv4Addr::LOCALHOST.into() } else { hostile }
}

/// Where attackers are who are not to be taken for honest clients of the same machine.
const HOSTILE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// Where accounts are made. That counts against the network, which must be neither the honest clients' nor the attackers'.
const ENROLMENT_OFFICE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
