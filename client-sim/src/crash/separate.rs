//! A run of clients on a server in a process of its own, which may be killed meanwhile.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use daystar_client::builder::Trust;

use crate::cast::Cast;
use crate::child_server::{ChildError, Launch};
use crate::crash::arguments::Level;
use crate::crash::certificate::Certificate;
use crate::crash::director::{Crash, Directed, Director};
use crate::crowd::{self, RunError};
use crate::duration;
use crate::ledger::Ledger;
use crate::mix::MixError;
use crate::outcome::Outcome;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::stage::Stage;
use crate::usage::{Recorder, Series};

/// A server in a process of its own, for one run.
#[derive(Clone, Debug)]
pub struct House {
    /// The program that has `serve`.
    pub program: PathBuf,
    /// Where its world is kept.
    pub data: PathBuf,
    /// How long it lives, on average, before it is killed. Never unless set.
    pub crash_every: Option<Duration>,
    /// The run goes on until it was killed so often, should that take longer than it was to last.
    pub crashes_min: usize,
    /// When it tells clients of what has happened.
    pub level: Level,
}

/// How it went.
#[derive(Debug)]
pub struct Played {
    /// What was run.
    pub plan: Plan,
    /// How it went for the clients. What is not as it must be with the server is among its problems, and what was measured of it
    /// among its extra figures.
    pub outcome: Outcome,
    /// Every crash.
    pub crashes: Vec<Crash>,
    /// What the server took over time.
    pub usage: Series,
}

/// Why there was no run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HouseError {
    /// No certificate.
    #[error("could not make a certificate for the server: {0}")]
    Certificate(#[source] io::Error),
    /// The server did not start.
    #[error(transparent)]
    Server(#[from] ChildError),
    /// The mix cannot be used.
    #[error(transparent)]
    Mix(#[from] MixError),
    /// The ledger does not reach into other processes.
    #[error(
        "where the server is killed, all clients must be in one process, which keeps their ledger; leave --processes out"
    )]
    Processes,
    /// The clients did not run.
    #[error(transparent)]
    Run(#[from] RunError),
}

impl House {
    /// Starts the server, lets clients play as `plan` says when it is told where that is, and stops the server in order.
    ///
    /// # Errors
    /// There was no run. Everything that goes wrong later is in what is returned.
    pub async fn play(
        &self,
        plan: impl FnOnce(SocketAddr, Trust) -> Result<Plan, MixError>,
        cast: &Cast,
        progress: &mut Progress,
    ) -> Result<Played, HouseError> {
        // The next server must not be a stranger to the clients, who know this one by its certificate.
        let certificate = Certificate::make().map_err(HouseError::Certificate)?;
        let launch = Launch::of(self.program.clone())
            .outliving_ctrl_c()
            .with("--data", &self.data)
            .with("--durability", self.level.to_string())
            .with("--cert", certificate.chain())
            .with("--key", certificate.key());
        let listen = |address: SocketAddr| OsString::from(address.to_string());
        let free_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = launch.clone().with("--listen", listen(free_port)).start()?;
        let process = Arc::new(AtomicU32::new(server.process()));
        let recorder = Recorder::start(Arc::clone(&process));

        let (address, trust) = (server.address(), Trust::Fingerprint(server.fingerprint()));
        let plan = Plan { server_may_crash: self.crash_every.is_some(), ..plan(address, trust)? };
        if plan.server_may_crash && plan.processes > 1 {
            return Err(HouseError::Processes);
        }
        let stage = Stage::with_ledger(Ledger::kept());
        let director = Director {
            launch: launch.with("--listen", listen(address)),
            server,
            process,
            every: self.crash_every,
            crashes_min: self.crashes_min,
            is_durable: self.level == Level::Durable,
            seed: plan.seed,
        };
        let directing = tokio::spawn(director.direct(stage.clone()));
        let outcome = match crowd::run(&plan, cast, progress, &stage).await {
            Ok(outcome) => outcome,
            Err(error) => {
                // The server goes with its director.
                directing.abort();
                return Err(error.into());
            }
        };
        let mut directed = directing.await.unwrap_or_else(|error| Directed {
            failures: vec![format!("whoever kills the server crashed: {error}")],
            ..Directed::default()
        });
        let usage = recorder.finish();
        if let Some(server) = directed.server.take() {
            let stopped = tokio::task::spawn_blocking(|| server.stop()).await;
            if let Ok(Err(error)) = stopped {
                directed.failures.push(error.to_string());
            }
        }
        let Directed { crashes, failures, .. } = directed;
        let mut played = Played { plan, outcome, crashes, usage };
        let figures = played.figures().into_iter().map(|(name, figure)| (name.to_owned(), figure));
        played.outcome.extra.extend(figures);
        played.outcome.problems.extend(failures);
        Ok(played)
    }
}

impl Played {
    /// What there is to say of the server, in a few lines.
    pub fn show(&self) -> String {
        let mut lines = String::new();
        if !self.crashes.is_empty() {
            let longest = |time: fn(&Crash) -> Duration| {
                duration::show(self.crashes.iter().map(time).max().unwrap_or_default())
            };
            let sum = |count: fn(&Crash) -> usize| self.crashes.iter().map(count).sum::<usize>();
            lines += &format!(
                "crashes: {}; the server was back after {} at the longest, and everyone {} later; {} requests were cut off, {} of \
                 them done\n",
                self.crashes.len(),
                longest(|crash| crash.down),
                longest(|crash| crash.back),
                sum(|crash| crash.audit.open),
                sum(|crash| crash.audit.done),
            );
            let taken_back = self.taken_back();
            if taken_back > 0 {
                lines +=
                    &format!("taken back by crashes: {taken_back} things that clients were told\n");
            }
        }
        lines + &self.usage.show()
    }

    /// How much differed behind a crash from what clients were told.
    pub fn taken_back(&self) -> usize {
        self.crashes.iter().map(|crash| crash.audit.differences.len()).sum()
    }

    /// The figures that a requirement can name.
    fn figures(&self) -> Vec<(&'static str, f64)> {
        let mut figures = vec![
            ("server.crashes", self.crashes.len() as f64),
            ("server.taken_back", self.taken_back() as f64),
        ];
        if let Some(growth) = self.usage.growth() {
            figures.push(("server.rss.growth", growth.second_half));
        }
        if let Some(bytes) = self.usage.memory_bytes_max() {
            figures.push(("server.rss.max_mib", bytes as f64 / f64::from(1 << 20)));
        }
        figures
    }
}
