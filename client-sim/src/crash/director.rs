//! Kills the server again and again while clients play, starts it anew, and compares the ledger with the world each time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rand::RngExt;
use rand_pcg::Pcg32;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, interval, sleep};

use crate::child_server::{ChildError, ChildServer, Launch};
use crate::crash::intermission::{Act, Intermission, Missing};
use crate::duration;
use crate::ledger::Audit;
use crate::stage::{Phase, Stage};

/// Runs a server for a run of clients, and kills it.
pub struct Director {
    /// How to start it again: on the same port, with the same world.
    pub launch: Launch,
    /// The first one.
    pub server: ChildServer,
    /// Always tells the process that serves.
    pub process: Arc<AtomicU32>,
    /// How long it lives, on average, once everybody is back. Not killed unless set.
    pub every: Option<Duration>,
    /// The run does not end before it was killed so often.
    pub crashes_min: usize,
    /// What clients were told must outlive the server. Otherwise a crash may take back what was told last.
    pub is_durable: bool,
    /// When the server is killed comes from this.
    pub seed: u64,
}

/// One crash.
#[derive(Clone, Debug)]
pub struct Crash {
    /// From the kill until the next server let clients in.
    pub down: Duration,
    /// From then until the last client was back.
    pub back: Duration,
    /// What the ledger said. Where a crash may take back what was told last, that is what differs.
    pub audit: Audit,
}

/// How a run went for its server.
#[derive(Debug, Default)]
pub struct Directed {
    /// The server that is left; none if it could not be started again.
    pub server: Option<ChildServer>,
    /// Every crash.
    pub crashes: Vec<Crash>,
    /// What the ledger said in the end.
    pub last: Audit,
    /// In words, everything that is not as it must be.
    pub failures: Vec<String>,
}

impl Director {
    /// Directs the run on that stage until its end. Must be called before the run begins, which then does not end without it.
    pub fn direct(self, stage: Stage) -> impl Future<Output = Directed> + Send {
        let intermission = stage.intermission().clone();
        intermission.raise_curtain();
        async move {
            let mut directed = Directed::default();
            match self.lead(&stage, &intermission, &mut directed).await {
                Ok(server) => directed.server = Some(server),
                Err(error) => directed.failures.push(error.to_string()),
            }
            intermission.drop_curtain();
            directed
        }
    }

    async fn lead(
        self,
        stage: &Stage,
        intermission: &Intermission,
        directed: &mut Directed,
    ) -> Result<ChildServer, ChildError> {
        let Self { launch, mut server, process, every, crashes_min, is_durable, seed } = self;
        let mut rng = Pcg32::new(seed, STREAM);
        let mut phase = stage.phase();
        tokio::select! {
            // The stage is here, so the phase is not gone.
            _ = phase.wait_for(|phase| *phase == Phase::Playing) => {}
            () = intermission.end_is_due() => return Ok(server),
            ended = watch(&mut server) => return Err(ended),
        }
        loop {
            let is_enough = every.is_none() || directed.crashes.len() >= crashes_min;
            let life = every.map(|every| every.mul_f64(rng.random_range(0.5..1.5)));
            tokio::select! {
                () = intermission.end_is_due(), if is_enough => break,
                () = sleep_for(life) => {}
                ended = watch(&mut server) => return Err(ended),
            }
            stage.ledger().crashed();
            intermission.crash();
            stage.marks().add("the server is killed");
            let killed = Instant::now();
            let launch = launch.clone();
            let again = spawn_blocking(move || server.kill().and_then(|()| launch.start()));
            server = again
                .await
                .map_err(|error| ChildError::Process(std::io::Error::other(error)))??;
            process.store(server.process(), Ordering::Relaxed);
            let (down, serves) = (killed.elapsed(), Instant::now());
            stage.marks().add(format!("it serves again after {}", duration::show(down)));

            let (audit, back) = audit(stage, intermission, &mut directed.failures).await;
            let number = directed.crashes.len() + 1;
            if is_durable {
                let differences = audit.differences.iter();
                let named = differences.map(|what| format!("after crash {number}: {what}"));
                directed.failures.extend(named);
            }
            directed.crashes.push(Crash { down, back: back - serves, audit });
        }
        (directed.last, _) = audit(stage, intermission, &mut directed.failures).await;
        let differences = directed.last.differences.iter();
        directed.failures.extend(differences.map(|what| format!("in the end: {what}")));
        Ok(server)
    }
}

/// Compares the ledger with the world while nobody acts. The moment at which everybody was there is told, too.
async fn audit(
    stage: &Stage,
    intermission: &Intermission,
    failures: &mut Vec<String>,
) -> (Audit, Instant) {
    let fail = |missing: Missing, what: &str| {
        let (count, seconds) = (missing.len(), BACK_MAX.as_secs());
        let named = missing.into_iter().take(NAMED_MAX).collect::<Vec<_>>().join(", ");
        (count > 0).then(|| format!("{count} clients {what} within {seconds} s, such as {named}"))
    };
    let missing = intermission.gather(BACK_MAX).await;
    let there = Instant::now();
    failures.extend(fail(missing, "were not there"));
    let (stated, silent) = intermission.statements(BACK_MAX).await;
    failures.extend(fail(silent, "did not say what they have"));
    let audit = stage.ledger().audit(stated);
    intermission.play(Act::Play);
    (audit, there)
}

/// Resolves when the server has ended by itself.
async fn watch(server: &mut ChildServer) -> ChildError {
    let mut ticks = interval(WATCH_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = server.has_not_ended() {
            return error;
        }
    }
}

async fn sleep_for(time: Option<Duration>) {
    match time {
        Some(time) => sleep(time).await,
        None => std::future::pending().await,
    }
}

/// Of the random numbers: another one than any client's.
const STREAM: u64 = 1 << 40;

const WATCH_EVERY: Duration = Duration::from_millis(200);

/// How long everybody may take to be back when the server serves again: thousands greet it at once, and each takes it about a
/// millisecond.
pub const BACK_MAX: Duration = Duration::from_secs(60);

/// How many of those who are missing are named.
const NAMED_MAX: usize = 5;
