//! A crowd: connects the clients of a run, lets them play, and counts what they met.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use daystar_client::builder::Trust;
use daystar_client::socket;
use parking_lot::Mutex;
use quinn::Endpoint;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::behaviour::{Behaviour, Who};
use crate::client;
use crate::network::conditions::Conditions;
use crate::network::relay::{BothWays, Relay};
use crate::outcome::{DIFFERENCES_MAX, Outcome};
use crate::progress::Progress;
use crate::tally::{Counts, Tally};

/// How many clients share one UDP socket and one set of counts. A socket each would need as many open files as
/// there are clients; one for all would be read by a single task.
pub const CREW_CLIENTS_MAX: u32 = 32;

/// How many clients may be connecting at a time. A handshake costs the server about a millisecond of
/// processor time, so more at once would only time out waiting for one another.
const HANDSHAKES_MAX: usize = 32;

/// How long an answer may take, unless a run needs another time.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How long connecting may take altogether before those who are in begin without the others.
const RAMP_MAX: Duration = Duration::from_secs(120);

/// How long the clients get to finish after the end, besides the time that an answer may take.
const FINISH_MAX: Duration = Duration::from_secs(30);

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the server listens.
    pub server: SocketAddr,
    /// The game's name, as the server expects it.
    pub game: &'static str,
    /// Whom to believe to be that server.
    pub trust: Trust,
    /// How many clients.
    pub clients: u32,
    /// How long they play once they are all connected.
    pub duration: Duration,
    /// What names and random numbers come from.
    pub seed: u64,
    /// How many acts a client does in a second, on average.
    pub rate: f64,
    /// How long an answer may take before the session counts as broken; as much more as the network may take is added.
    pub patience: Duration,
    /// After how long, on average, each client's connection is broken without a goodbye. Its session must go on over another.
    pub break_every: Option<Duration>,
    /// The networks between clients and server. Crews of [`CREW_CLIENTS_MAX`] take them in turn, each crew with one of its own;
    /// where there are none, packets go straight to the server.
    pub networks: Vec<Conditions>,
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// No UDP socket to be had.
    #[error(
        "could not open a UDP socket for the clients: {0}; are too many files open (`ulimit -n`)?"
    )]
    Socket(#[source] std::io::Error),
    /// No threads for the clients.
    #[error("could not start the clients' threads: {0}")]
    Runtime(#[source] std::io::Error),
    /// The first client that tried did not get in, so the others were not tried.
    #[error("could not connect to {server}: {cause}")]
    Unreachable {
        /// Where.
        server: SocketAddr,
        /// What the client was told.
        cause: String,
    },
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Connecting,
    Playing,
    Over,
}

/// What all clients of a run share.
pub(crate) struct Crowd {
    pub(crate) plan: Plan,
    pub(crate) handshakes: Semaphore,
    pub(crate) connected: AtomicU32,
    pub(crate) settlement: Mutex<Settlement>,
}

/// What [`CREW_CLIENTS_MAX`] clients share.
pub(crate) struct Crew {
    pub(crate) endpoint: Endpoint,
    /// Where the server is, or the relay that leads to it.
    pub(crate) server: SocketAddr,
    /// How long an answer may take before the connection counts as broken.
    pub(crate) patience: Duration,
    relay: Option<Relay>,
    pub(crate) tally: Arc<Tally>,
}

impl Crew {
    fn new(plan: &Plan, number: u32) -> io::Result<Self> {
        let networks = &plan.networks;
        let conditions = networks.get(number as usize % networks.len().max(1));
        let relay = conditions
            .map(|conditions| {
                // One network does something else to each crew.
                let seed = plan.seed ^ u64::from(number) << 32;
                Relay::start(plan.server, conditions.clone(), seed)
            })
            .transpose()?;
        let server = relay.as_ref().map_or(plan.server, Relay::address);
        Ok(Self {
            endpoint: socket::shared(server)?,
            server,
            patience: plan.patience + conditions.map_or(Duration::ZERO, Conditions::slowness),
            relay,
            tally: Arc::default(),
        })
    }

    /// Whether the way to the server was made bad.
    pub(crate) fn has_network(&self) -> bool {
        self.relay.is_some()
    }
}

/// What the clients found when they compared in the end.
#[derive(Default)]
pub(crate) struct Settlement {
    settled: u32,
    differing: u64,
    differences: Vec<String>,
}

impl Settlement {
    pub(crate) fn add(&mut self, client: &str, differences: Vec<String>) {
        self.settled += 1;
        self.differing += u64::from(!differences.is_empty());
        let room = DIFFERENCES_MAX.saturating_sub(self.differences.len());
        let named = differences.into_iter().map(|difference| format!("{client}: {difference}"));
        self.differences.extend(named.take(room));
    }
}

/// Runs `plan` with the behaviours that `make` gives its clients. Ctrl-C ends the run early.
///
/// # Errors
/// The server cannot be reached at all. Everything that goes wrong later is in the outcome.
pub async fn run<B: Behaviour>(
    plan: &Plan,
    make: impl Fn(Who) -> B,
    progress: &mut Progress,
) -> Result<Outcome, RunError> {
    let crews = (0..plan.clients.div_ceil(CREW_CLIENTS_MAX))
        .map(|number| Crew::new(plan, number).map(Arc::new).map_err(RunError::Socket))
        .collect::<Result<Vec<_>, RunError>>()?;
    let crowd = Arc::new(Crowd {
        plan: plan.clone(),
        handshakes: Semaphore::new(HANDSHAKES_MAX),
        connected: AtomicU32::new(0),
        settlement: Mutex::default(),
    });
    let (phase, watched) = watch::channel(Phase::Connecting);
    let mut clients = JoinSet::new();
    for number in 0..plan.clients {
        let crew = crews[(number / CREW_CLIENTS_MAX) as usize].clone();
        let who = Who::new(plan.seed, number);
        let name = who.name.clone();
        let behaviour = make(who);
        clients.spawn(client::live(crowd.clone(), crew, name, number, behaviour, watched.clone()));
    }

    let mut counts = Counts::default();
    let interrupted = connect_all(&crowd, &crews, &mut counts, progress).await?;
    let connected = crowd.connected.load(Ordering::Relaxed);
    let started = Instant::now();
    if !interrupted {
        phase.send_replace(Phase::Playing);
        play(plan, &crews, &mut counts, progress).await;
    }
    let played = started.elapsed();
    phase.send_replace(Phase::Over);
    progress.finish();

    let patience = crews.iter().map(|crew| crew.patience).max().unwrap_or_default();
    let crashed = finish(clients, FINISH_MAX + patience).await;
    collect(&crews, &mut counts);
    if let Some(cause) = crashed {
        let tally = Tally::default();
        tally.error(&cause);
        tally.collect_into(&mut counts);
    }
    for crew in &crews {
        crew.endpoint.wait_idle().await;
    }
    let mut network = None;
    for relay in crews.iter().filter_map(|crew| crew.relay.as_ref()) {
        network.get_or_insert_with(BothWays::default).add(&relay.traffic());
    }
    let settlement = std::mem::take(&mut *crowd.settlement.lock());
    Ok(Outcome {
        network,
        clients: plan.clients,
        connected,
        played,
        counts,
        settled: settlement.settled,
        difference_count: settlement.differing,
        differences: settlement.differences,
    })
}

/// Waits until everyone is in, and says whether Ctrl-C came first.
async fn connect_all(
    crowd: &Crowd,
    crews: &[Arc<Crew>],
    counts: &mut Counts,
    progress: &mut Progress,
) -> Result<bool, RunError> {
    let deadline = Instant::now() + RAMP_MAX;
    let mut tick = ticks(Duration::from_millis(100));
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = tokio::signal::ctrl_c() => return Ok(true),
        }
        let connected = crowd.connected.load(Ordering::Relaxed);
        collect(crews, counts);
        progress.connecting(connected, crowd.plan.clients);
        if connected == 0
            && let Some(cause) = counts.error_texts.keys().next()
        {
            let (server, cause) = (crowd.plan.server, cause.clone());
            return Err(RunError::Unreachable { server, cause });
        }
        if connected == crowd.plan.clients || Instant::now() >= deadline {
            return Ok(false);
        }
    }
}

/// Lets the clients play until the time is up or Ctrl-C comes.
async fn play(plan: &Plan, crews: &[Arc<Crew>], counts: &mut Counts, progress: &mut Progress) {
    let started = Instant::now();
    let end = tokio::time::sleep_until(started + plan.duration);
    tokio::pin!(end);
    let mut tick = ticks(Duration::from_secs(1));
    tick.tick().await; // the first one comes at once
    let mut last = started;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = &mut end => return,
            _ = tokio::signal::ctrl_c() => return,
        }
        let mut recent = Counts::default();
        collect(crews, &mut recent);
        counts.add(&recent);
        let now = Instant::now();
        progress.playing(now - started, plan.duration, now - last, &recent, counts);
        last = now;
    }
}

/// Waits for the clients, and says what went wrong with those that did not end by themselves.
async fn finish(mut clients: JoinSet<()>, patience: Duration) -> Option<String> {
    let deadline = Instant::now() + patience;
    let mut wrong = None;
    loop {
        match timeout_at(deadline, clients.join_next()).await {
            Ok(None) => return wrong,
            Ok(Some(Ok(()))) => {}
            Ok(Some(Err(error))) => wrong = Some(format!("a simulated client crashed: {error}")),
            Err(_) => {
                let left = clients.len();
                clients.abort_all();
                let seconds = patience.as_secs();
                return Some(format!("{left} clients did not finish within {seconds} s"));
            }
        }
    }
}

fn collect(crews: &[Arc<Crew>], into: &mut Counts) {
    for crew in crews {
        crew.tally.collect_into(into);
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}
