//! [`Server`]: the one place where the parts are joined.

pub(crate) mod dispatch;
pub(crate) mod network;
pub(crate) mod persistence;
pub(crate) mod sessions;
pub(crate) mod verify;

use std::io;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;

use daystar_engine::{Cause, Counts, Engine, Outcome, Settings};
use daystar_model::{
    Clock, CommitNumber, ObjectId, Space, Store, StoreError, SystemClock, Timestamp, TypeDescriptor,
};
use daystar_protocol::fingerprint::Fingerprint;
use daystar_store::{LmdbStore, MemoryStore, Options};
use tracing::{error, info, warn};

use crate::game::events::{Created, Due, SetAside};
use crate::game::rules::Game;
use crate::game::session::Left;
use crate::game::task::TaskRecord;
use crate::net::certificate::Certificate;
use crate::net::channels::Switchboard;
use crate::net::endpoint::{Endpoint, NetConfig};
use crate::net::limits::Limits;
use crate::scheduler::queue::RunQueue;
use crate::scheduler::timer::{TimerThread, Timers};
use crate::scheduler::worker::Workers;
use crate::server::dispatch::Dispatch;
use crate::server::network::Network;
use crate::server::persistence::{Backlog, Writer};
use crate::server::sessions::{Names, Sessions, depart};

/// A running world, with threads of its own for the network, for game code and for the store.
///
/// Dropping it stops it, as [`stop`](Self::stop) does.
pub struct Server {
    address: SocketAddr,
    fingerprint: Fingerprint,
    engine: Arc<Engine>,
    running: Option<Running>,
}

/// The parts that must be stopped, each after those above it.
struct Running {
    endpoint: Endpoint,
    timers: TimerThread,
    workers: Workers,
    writer: Writer,
    network: Network,
}

/// What a server is to be like. Made by [`Server::builder`].
pub struct Builder<G> {
    game: G,
    data: Option<PathBuf>,
    listen: SocketAddr,
    workers: Option<usize>,
}

impl<G: Game> Builder<G> {
    /// Keeps the world in this folder; made if there is none.
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// Keeps the world in memory only: it ends with the server. So it is unless [`data`](Self::data) says otherwise.
    pub fn in_memory(mut self) -> Self {
        self.data = None;
        self
    }

    /// Listens on this address and UDP port; on a free port of the loopback address unless set.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// How many threads run game code, at least one; one per core unless set.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = Some(count.max(1));
        self
    }

    /// Opens the world and lets clients in. When it returns, what the last run left open is closed: sessions that
    /// a crash has cut off have run their `left`.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn start(self) -> Result<Server, ServeError> {
        if let Some(name) = TypeDescriptor::claimed_twice() {
            return Err(ServeError::TypeNameTwice { name });
        }
        let store: Arc<dyn Store> = match &self.data {
            Some(folder) => Arc::new(LmdbStore::open(folder, Options::default())?),
            None => Arc::new(MemoryStore::new()),
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let dispatch = Arc::new(Dispatch {
            backlog: Arc::new(Backlog::new()),
            switchboard: Arc::default(),
            timers: Arc::new(Timers::new()),
        });
        let settings = Settings { seed: clock.now().unix_ms, ..Settings::default() };
        let engine = Arc::new(Engine::new(
            Arc::clone(&store),
            dispatch.clone(),
            Arc::clone(&clock),
            settings,
        )?);
        let writer = Writer::start(&dispatch.backlog, Arc::clone(&store))?;
        let game = Arc::new(self.game);
        open_world(&*store, &engine, &game, &dispatch.timers)?;

        let queue = Arc::new(RunQueue::new());
        let count = self.workers.or(available_parallelism().ok().map(usize::from)).unwrap_or(1);
        let workers = Workers::start(count, &queue, &engine)?;
        let timers = {
            let queue = Arc::clone(&queue);
            let fire =
                Box::new(move |task| queue.push_loose(Box::new(move |e| run_due::<G>(e, task))));
            TimerThread::start(&dispatch.timers, clock, fire)?
        };

        let network = Network::start(count)?;
        let sessions = Arc::new(Sessions {
            game,
            engine: Arc::clone(&engine),
            queue,
            switchboard: Arc::<Switchboard>::clone(&dispatch.switchboard),
            names: Arc::<Names>::default(),
        });
        let config = NetConfig {
            listen: self.listen,
            game: G::NAME.to_owned(),
            limits: Limits::default(),
            certificate: Certificate::development()
                .map_err(|cause| ServeError::Listen { cause: cause.to_string() })?,
        };
        let entered = network.enter();
        let endpoint = Endpoint::bind(config, sessions)
            .map_err(|cause| ServeError::Listen { cause: cause.to_string() })?;
        drop(entered);
        info!(game = G::NAME, address = %endpoint.address(), workers = count, "open");
        Ok(Server {
            address: endpoint.address(),
            fingerprint: endpoint.fingerprint(),
            engine,
            running: Some(Running { endpoint, timers, workers, writer, network }),
        })
    }
}

impl Server {
    /// Begins to describe a server that runs `game`.
    pub fn builder<G: Game>(game: G) -> Builder<G> {
        Builder { game, data: None, listen: (Ipv4Addr::LOCALHOST, 0).into(), workers: None }
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

    /// Blocks until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    /// The system does not let the program hear signals.
    pub fn wait_for_signal(&self) -> Result<(), ServeError> {
        let Some(running) = &self.running else { return Ok(()) };
        let heard = running.network.wait(async {
            #[cfg(unix)]
            {
                use tokio::signal::unix::{SignalKind, signal};
                let mut terminate = signal(SignalKind::terminate())?;
                tokio::select! {
                    heard = tokio::signal::ctrl_c() => heard,
                    _ = terminate.recv() => Ok(()),
                }
            }
            #[cfg(not(unix))]
            tokio::signal::ctrl_c().await
        });
        Ok(heard.unwrap_or(Ok(()))?)
    }

    /// Sends all clients home, finishes what they had asked, runs their `left`, and writes everything down.
    ///
    /// # Errors
    /// The store refused the last commits.
    pub fn stop(mut self) -> Result<(), ServeError> {
        self.stop_parts()
    }

    fn stop_parts(&mut self) -> Result<(), ServeError> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let Running { endpoint, mut timers, mut workers, mut writer, network } = running;
        network.wait(async move { endpoint.shutdown("the server is stopping").await });
        network.stop();
        timers.finish();
        workers.finish();
        let written = writer.finish();
        info!("closed");
        Ok(written?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(cause) = self.stop_parts() {
            error!(%cause, "the last commits could not be written");
        }
    }
}

/// Builds an empty world, or picks up where the last run left it.
fn open_world<G: Game>(
    store: &dyn Store,
    engine: &Arc<Engine>,
    game: &Arc<G>,
    timers: &Timers,
) -> Result<(), ServeError> {
    if store.last_commit()? == CommitNumber::ZERO
        && let Outcome::Failed(cause) = engine.run(&Created { game: Arc::clone(game) })
    {
        let cause = match cause {
            Cause::Error(error) => error.to_string(),
            Cause::Panic(message) => format!("it panicked: {message}"),
        };
        return Err(ServeError::Created { cause });
    }
    let mut cut_off = Vec::new();
    each_of(store, Space::Session, |id, _| cut_off.push(id))?;
    if !cut_off.is_empty() {
        warn!(
            sessions = cut_off.len(),
            "the last run ended without a goodbye; its sessions end now"
        );
    }
    for session in cut_off {
        depart(engine, game, session, Left::ServerRestarted);
    }
    let mut waiting = Vec::new();
    each_of(store, Space::Task, |id, value| {
        if let Some(TaskRecord { due, set_aside: None, .. }) = value.downcast_ref() {
            waiting.push((id, *due));
        }
    })?;
    waiting.into_iter().for_each(|(task, due): (ObjectId, Timestamp)| timers.add(task, due));
    Ok(())
}

/// Calls `visit` with everything stored in `space`; a record that cannot be read is an error.
fn each_of(
    store: &dyn Store,
    space: Space,
    mut visit: impl FnMut(ObjectId, &dyn std::any::Any),
) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    store.scan(space.first(), space.last(), &mut |id, found| match found {
        Ok((_, value)) => visit(id, value.as_any()),
        Err(cause) => outcome = Err(cause),
    })?;
    outcome
}

/// Runs a task whose time has come; one that fails is set aside, with its cause.
fn run_due<G: Game>(engine: &Engine, task: ObjectId) {
    let job = Due::<G> { game: PhantomData, task };
    if let Outcome::Failed(cause) = engine.run(&job) {
        error!(%task, ?cause, "a scheduled task failed and was set aside");
        if let Outcome::Failed(cause) = engine.run(&SetAside { task, cause }) {
            error!(%task, ?cause, "a failed task could not be set aside; it is tried again at the next start");
        }
    }
}

/// Why a server could not start, go on, or stop well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The store cannot be opened, read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Two managed types of the program have one name.
    #[error(
        "two types are stored under the name `{name}`: give one another, with `#[managed(name = \"...\")]`"
    )]
    TypeNameTwice {
        /// The name.
        name: &'static str,
    },
    /// There is no such folder.
    #[error("{} is not a folder: name the folder that `serve --data` was given", path.display())]
    NoWorld {
        /// What was named.
        path: PathBuf,
    },
    /// The game could not build its world.
    #[error("the world could not be created: {cause}")]
    Created {
        /// What `created` said.
        cause: String,
    },
    /// The network cannot listen.
    #[error("{cause}")]
    Listen {
        /// What is wrong and what to do.
        cause: String,
    },
    /// The system refused a thread or a signal.
    #[error(
        "the system refused a thread, a timer or a signal: {0}; is a limit of the user's processes reached?"
    )]
    System(#[from] io::Error),
}
