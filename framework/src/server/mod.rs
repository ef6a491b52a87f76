//! [`Server`]: the one place where the parts are joined.

pub(crate) mod accounts;
pub(crate) mod bare;
pub(crate) mod breaks;
pub(crate) mod builder;
pub(crate) mod clock;
pub(crate) mod dispatch;
pub(crate) mod door;
pub(crate) mod error;
mod memory;
pub(crate) mod names;
pub(crate) mod network;
pub(crate) mod orders;
mod panics;
pub(crate) mod persistence;
pub(crate) mod records;
mod refresh;
pub(crate) mod sessions;
pub(crate) mod signals;
pub(crate) mod tasks;
pub(crate) mod verify;
pub(crate) mod watch;
pub(crate) mod world;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use daystar_engine::{Counts, Engine};
use daystar_model::CommitNumber;
use daystar_protocol::fingerprint::Fingerprint;
use tracing::{error, info};

use crate::game::rules::Game;
use crate::net::channels::Switchboard;
use crate::net::endpoint::Endpoint;
use crate::net::meters;
use crate::scheduler::timer::{TimerThread, Timers};
use crate::scheduler::worker::Workers;
use crate::server::builder::Builder;
use crate::server::clock::WorldClock;
use crate::server::error::ServeError;
use crate::server::network::Network;
use crate::server::orders::Answering;
use crate::server::persistence::Persistence;
use crate::server::persistence::status::{self, JournalStatus};
use crate::server::persistence::writer::Writer;
use crate::server::signals::Signals;
use crate::server::tasks::load::Loader;
use crate::server::tasks::surveys::Surveys;

/// Says what the metrics of a server mean, to whoever collects them.
pub(crate) fn describe_metrics() {
    status::describe();
    meters::describe();
}

/// A running world, with threads of its own for the network, for game code and for the store.
///
/// Dropping it stops it, as [`stop`](Self::stop) does.
pub struct Server {
    address: SocketAddr,
    fingerprint: Fingerprint,
    engine: Arc<Engine>,
    persistence: Arc<Persistence>,
    timers: Arc<Timers>,
    running: Option<Running>,
}

/// The parts that must be stopped.
pub(crate) struct Running {
    endpoint: Endpoint,
    switchboard: Arc<Switchboard>,
    timers: TimerThread,
    loader: Loader,
    surveys: Arc<Surveys>,
    clock: Arc<WorldClock>,
    workers: Workers,
    writer: Writer,
    answering: Answering,
    network: Network,
}

impl Server {
    /// Begins to describe a server that runs `game`.
    pub fn builder<G: Game>(game: G) -> Builder<G> {
        Builder::new(game)
    }

    fn of(
        engine: Arc<Engine>,
        persistence: Arc<Persistence>,
        timers: Arc<Timers>,
        running: Running,
    ) -> Self {
        Self {
            address: running.endpoint.address(),
            fingerprint: running.endpoint.fingerprint(),
            engine,
            persistence,
            timers,
            running: Some(running),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What its clients may know it by: SHA-256 of its certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// How many tasks ended how, since the start.
    pub fn counts(&self) -> Counts {
        self.engine.counts()
    }

    /// How far the disk is behind the world, and whether the store takes anything.
    pub fn journal(&self) -> JournalStatus {
        self.persistence.status()
    }

    /// Blocks until the commit `number` is on disk, with all before it. For tests and benches: game code says
    /// [`durable`](crate::Ctx::durable).
    ///
    /// # Errors
    /// [`ServeError::NotDurable`]: it will not be.
    #[doc(hidden)]
    pub fn wait_until_durable(&self, number: CommitNumber) -> Result<(), ServeError> {
        match self.persistence.backlog.wait_until_durable(number) {
            true => Ok(()),
            false => Err(ServeError::NotDurable { number }),
        }
    }

    /// How many tasks wait for their time, as far as is known. For benches.
    #[doc(hidden)]
    pub fn tasks_waiting(&self) -> usize {
        self.timers.waiting()
    }

    /// What the world is run by, to be compared with when a record of the run is run again. It keeps the store open.
    #[doc(hidden)]
    pub fn engine(&self) -> Arc<Engine> {
        Arc::clone(&self.engine)
    }

    /// Blocks until Ctrl-C or SIGTERM. From then on, a second one ends the process at once, should stopping hang.
    ///
    /// # Errors
    /// The system does not let the program hear signals, or has no thread left.
    pub fn wait_for_signal(&self) -> Result<(), ServeError> {
        if let Some(signals) = self.signals()? {
            signals.wait()?;
        }
        Ok(())
    }

    /// Listens for the signals that are to stop the server, from now on: before anybody is told that it runs, and may send
    /// one. `None` when it has been stopped.
    pub(crate) fn signals(&self) -> Result<Option<Signals<'_>>, ServeError> {
        self.running.as_ref().map(|running| Signals::listen(&running.network)).transpose()
    }

    /// Finishes what clients have asked so far and answers it, sends them home, runs their `left`, and writes everything down. What
    /// takes longer than a few seconds is finished too, but nobody waits for its answer.
    ///
    /// # Errors
    /// The store refused the last commits.
    pub fn stop(mut self) -> Result<(), ServeError> {
        self.stop_parts()
    }

    fn stop_parts(&mut self) -> Result<(), ServeError> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let Running {
            endpoint,
            switchboard,
            mut timers,
            mut loader,
            surveys,
            clock,
            mut workers,
            mut writer,
            answering,
            network,
        } = running;
        // An outbox that is closed takes nothing more, so all that is to be answered must have been said before: first the requests
        // that were taken, then what has been said to many. Answers that wait for the disk get there from the outbox, since
        // the store is written to until later.
        network.wait(endpoint.settle(STOPPING, ANSWER_PATIENCE));
        switchboard.flush(FLUSH_PATIENCE);
        network.wait(async move { endpoint.shutdown(STOPPING).await });
        network.stop();
        // A task that spawns itself again and again must not keep the workers from ending, and neither must one that
        // never ends by itself: the watch goes on until they have.
        timers.set_firing(false);
        loader.finish();
        // Before the workers, who write down what those have found that are just ending.
        surveys.finish();
        workers.finish();
        timers.finish();
        clock.stop(&self.engine);
        // Nobody is left to run what waits for the end of a fault; the next start finds it in the store.
        self.persistence.faults.abandon();
        let written = writer.finish();
        answering.finish();
        let Counts { commits, failures, conflicts, reserved, alone, attempts_most, .. } =
            self.counts();
        info!(commits, failures, conflicts, reserved, alone, attempts_most, "closed");
        Ok(written?)
    }
}

/// What clients are told at the end.
const STOPPING: &str = "the server is stopping";

/// Requests take microseconds, and as many as may be queued are run in well less than this. What takes longer is stuck, or a
/// game's that computes, and must not keep all others from being told.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);

/// A commit is handed to five thousand members in milliseconds.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(cause) = self.stop_parts() {
            error!(%cause, "the last commits could not be written");
        }
    }
}
