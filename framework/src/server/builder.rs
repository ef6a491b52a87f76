//! [`Builder`]: what a server is to be like, and its start.

use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use daystar_engine::{Durability, Engine, Limits, Recorder, SEATS, Settings};
use daystar_model::{Clock, Store, StoreError, SystemClock, TypeDescriptor};
use daystar_store::{LmdbStore, MemoryStore, Options};
use tokio::sync::Notify;
use tracing::{info, warn};

use crate::game::due;
use crate::game::rules::Game;
use crate::login::{Authenticator, DevelopmentNames, SameIdentity};
use crate::net::certificate::{Certificate, CertificateError};
use crate::net::endpoint::{Endpoint, NetConfig};
use crate::net::limits::{Limits as NetworkLimits, SlowClient};
use crate::net::resets::ResetKey;
use crate::net::resume::Broken;
use crate::scheduler::kinds::{Kinds, Known};
use crate::scheduler::queue::RunQueue;
use crate::scheduler::timer::{TimerThread, Timers};
use crate::scheduler::worker::Workers;
use crate::server::accounts::WorldAccounts;
use crate::server::breaks::Breaks;
use crate::server::clock::WorldClock;
use crate::server::dispatch::Dispatch;
use crate::server::door::Door;
use crate::server::error::ServeError;
use crate::server::memory::memory_unless_set;
use crate::server::names::Names;
use crate::server::network::Network;
use crate::server::orders::{Orders, Stored};
use crate::server::persistence::faults::{Faults, Release};
use crate::server::persistence::writer::Writer;
use crate::server::persistence::{JournalLimits, Persistence};
use crate::server::refresh::refresh_now_and_then;
use crate::server::sessions::Sessions;
use crate::server::tasks::calls::Calls;
use crate::server::tasks::load::Loader;
use crate::server::tasks::{self, Tasks};
use crate::server::watch::{Watched, watch};
use crate::server::world::Beginning;
use crate::server::{Running, Server, panics};

/// What a server is to be like. Made by [`Server::builder`].
pub struct Builder<G> {
    game: G,
    data: Option<PathBuf>,
    listen: SocketAddr,
    workers: Option<usize>,
    settings: Settings,
    durability: Durability,
    journal: JournalLimits,
    store: Option<Arc<dyn Store>>,
    store_options: Options,
    clock: Option<Arc<dyn Clock>>,
    breaks: Breaks,
    network: NetworkLimits,
    authenticator: Arc<dyn Authenticator>,
    same: Option<SameIdentity>,
    /// The chain and the key.
    certificate: Option<(PathBuf, PathBuf)>,
}

impl<G: Game> Builder<G> {
    pub(crate) fn new(game: G) -> Self {
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        Self {
            game,
            data: None,
            listen,
            workers: None,
            settings: Settings::default(),
            durability: Durability::Committed,
            journal: JournalLimits::default(),
            store: None,
            store_options: Options::default(),
            clock: None,
            breaks: Breaks::default(),
            network: NetworkLimits::default(),
            authenticator: Arc::new(DevelopmentNames),
            same: None,
            certificate: None,
        }
    }

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

    /// How clients show who they are; [`DevelopmentNames`] unless set, which is for development only.
    ///
    /// ```
    /// # use daystar::prelude::*;
    /// use daystar::Server;
    /// use daystar::login::Passwords;
    ///
    /// # fn start<G: Game>(game: G) -> Result<Server, daystar::ServeError> {
    /// Server::builder(game).login(Passwords::new().registration(true)).start()
    /// # }
    /// ```
    pub fn login(mut self, authenticator: impl Authenticator) -> Self {
        self.authenticator = Arc::new(authenticator);
        self
    }

    /// What happens when somebody joins who is in already. Unless set, the newcomer takes the other's place if logins prove who
    /// one is, and is refused if they do not.
    pub fn same_identity(mut self, policy: SameIdentity) -> Self {
        self.same = Some(policy);
        self
    }

    /// What strangers and clients may cost. Sets [`resume_window`](Self::resume_window) and [`slow_client`](Self::slow_client), too.
    pub fn network(mut self, limits: NetworkLimits) -> Self {
        self.network = limits;
        self
    }

    /// Proves who the server is by the certificate chain and the key in these PEM files, which are read again when they change. Unless
    /// set, a certificate is made at each start, which clients can know by its [`fingerprint`](Server::fingerprint) alone.
    pub fn certificate(mut self, chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.certificate = Some((chain.into(), key.into()));
        self
    }

    /// How many threads run game code, at least one; one per core unless set.
    pub fn workers(mut self, count: usize) -> Self {
        self.workers = Some(count.max(1));
        self
    }

    /// What one task may use, and how many tasks may wait. A task that takes more is rolled back, and told which limit it was.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// When clients are told of what has happened, unless game code ([`Ctx::durable`](crate::Ctx::durable)) or a call says
    /// otherwise.
    ///
    /// [`Durability::Committed`], which it is unless set: at once. A crash of the server may then take back the last few
    /// milliseconds, of which clients have been told; what is left is always the world as it was at one moment, never a
    /// mixture. [`Durability::Durable`]: when it is on disk, which takes a few milliseconds each time, and nothing that a
    /// client was told is ever lost.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// When commits are written to disk, and how many may wait for it.
    pub fn journal(mut self, limits: JournalLimits) -> Self {
        self.journal = limits;
        self
    }

    /// How large the world's files may grow, how many may read them at once, and when the objects are brought up to the journal;
    /// for a world that is kept in a [folder](Self::data).
    pub fn store_options(mut self, options: Options) -> Self {
        self.store_options = options;
        self
    }

    /// How long a session outlives a lost connection, so that its client can come back to it and nothing is lost or comes twice;
    /// 30 seconds unless set. Zero: it ends with its connection.
    pub fn resume_window(mut self, window: Duration) -> Self {
        self.network.resume_window = window;
        self
    }

    /// What is done about clients that do not read what they are sent as fast as it is sent.
    pub fn slow_client(mut self, policy: SlowClient) -> Self {
        self.network.outbox_bytes_max = policy.drop_at_bytes;
        self.network.unreliable_bytes_max = policy.thin_at_bytes;
        self.network.slow_bytes = policy.slow_at_bytes;
        self
    }

    /// Changes some of what was said by [`network`](Self::network), and leaves the rest.
    pub(crate) fn change_network(mut self, change: impl FnOnce(&mut NetworkLimits)) -> Self {
        change(&mut self.network);
        self
    }

    /// Changes some of what was said by [`limits`](Self::limits), and leaves the rest.
    pub(crate) fn change_limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.settings.limits);
        self
    }

    /// Changes some of what was said by [`store_options`](Self::store_options), and leaves the rest.
    pub(crate) fn change_store_options(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.store_options);
        self
    }

    /// Keeps the world in this store, whatever else was said. For tests, which bring stores that fail.
    #[doc(hidden)]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Goes by this clock instead of the machine's. For tests, which move it.
    #[doc(hidden)]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Breaks the server on purpose. For tests, which must see it caught.
    #[doc(hidden)]
    pub fn broken(mut self, breaks: Breaks) -> Self {
        self.breaks = breaks;
        self
    }

    /// How many bytes of memory the world may take; half of the machine's unless set, if the world is kept in a folder.
    /// Beyond it, objects that were not used for long are kept on disk only until they are. The rest of the server takes
    /// memory of its own.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.settings.memory = Some(bytes);
        self
    }

    /// Tells `recorder` of every task, so that the run can be run again. Not for games yet: the record only grows.
    #[doc(hidden)]
    pub fn recorder(mut self, recorder: Arc<dyn Recorder>) -> Self {
        self.settings.recorder = Some(recorder);
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
        // Before the world is opened: what is wrong with the files is told at once.
        let certificate = Arc::new(certificate(self.certificate.clone())?);
        panics::remember();
        let store = self.open_store()?;
        let clock = WorldClock::of(&*store, Arc::new(SystemClock), self.clock)?;
        let count = self.workers.or(available_parallelism().ok().map(usize::from)).unwrap_or(1);
        // One thread of the network never runs a game, so that the game never keeps the network waiting.
        let guests_max = network_threads(count) - usize::from(!self.breaks.network_runs_all);
        // Who finds no seat in the engine waits for one, which the network must not.
        let guests_max = guests_max.min(SEATS.saturating_sub(count + SEATS_SPARE));
        let queue = Arc::new(RunQueue::new(guests_max));
        let faults = Faults::new(release(&queue), self.breaks.parked_is_lost);
        let persistence = Arc::new(Persistence::new(store.last_commit()?, self.journal, faults));
        let broken = due::Broken {
            stays: self.breaks.task_stays,
            drifts: self.breaks.tick_drifts,
            failed_stays: self.breaks.failed_stays,
            set_aside_runs: self.breaks.set_aside_runs,
            call_is_early: self.breaks.call_is_early,
            call_key_changes: self.breaks.call_key_changes,
            sweep_notes_apart: self.breaks.sweep_notes_apart,
            walk_forgets: self.breaks.walk_forgets,
            survey_sees_newest: self.breaks.survey_sees_newest,
        };
        let known = Arc::<Known>::default();
        let tasks =
            Tasks::<G>::new(&persistence, &store, clock.clone(), Arc::clone(&known), broken);
        let runner = tasks.runner();
        let kinds =
            Kinds::new(tasks::names(), Arc::clone(&queue), count, runner, Arc::clone(&known));
        let dispatch = Arc::new(Dispatch {
            persistence: Arc::clone(&persistence),
            switchboard: Arc::default(),
            timers: Arc::new(Timers::new(kinds, clock.clone())),
            durability: self.durability,
            is_early: self.breaks.durable_is_early,
        });
        // A world that is in memory only has nowhere else to be, so it is limited only if it was said to be.
        let memory = self.settings.memory.or_else(|| self.data.is_some().then(memory_unless_set));
        // From the system: keys of calls are made of it, and must not come again after a restart, as those made of the time
        // and a count would.
        let seed = RandomState::new().hash_one(clock.wall().unix_ms);
        let settings = Settings { seed, memory, tasks: Some(known), ..self.settings };
        let engine = Engine::new(Arc::clone(&store), dispatch.clone(), clock.clone(), settings)?;
        let engine = Arc::new(engine);
        let stored = {
            let engine = Arc::clone(&engine);
            // Only now may objects of these commits go out of memory.
            Box::new(move |until| engine.stored(until))
        };
        let writer = Writer::start(&persistence, Arc::clone(&store), stored)?;
        let faults = &persistence.faults;
        let stored: Arc<Stored> = {
            let (persistence, is_early) = (persistence.clone(), self.breaks.durable_is_early);
            Arc::new(move |last| is_early || persistence.backlog.wait_until_durable(last))
        };
        let orders = self.data.as_ref();
        let orders = orders.map(|data| Orders::of::<G>(data, queue.clone(), stored));
        let answering = orders.as_ref().map(Orders::answering).unwrap_or_default();
        let stand_in = Arc::<Notify>::default();
        let watched = Watched {
            engine: engine.clone(),
            persistence: persistence.clone(),
            store: Arc::clone(&store),
            clock: clock.clone(),
            queue: queue.clone(),
            orders,
            stand_in: Arc::clone(&stand_in),
        };
        let tick = watch(watched);
        let timers = TimerThread::start(&dispatch.timers, tick)?;
        let game = Arc::new(self.game);
        let beginning =
            Beginning { engine: &engine, game: &game, faults, clock: &clock, breaks: self.breaks };
        beginning.open_world(&*store)?;

        let workers = Workers::start(count, &queue, &engine)?;
        let network = Network::start(network_threads(count))?;
        tasks.begin(clock.wall(), Some(Calls::new(network.handle(), queue.clone())));
        let switchboard = Arc::clone(&dispatch.switchboard);
        let (names, faults) = (Arc::<Names>::default(), Arc::clone(faults));
        let authenticator = self.authenticator;
        let by_default =
            if authenticator.is_proof() { SameIdentity::Replace } else { SameIdentity::Refuse };
        let door = Arc::new(Door {
            authenticator: Arc::clone(&authenticator),
            accounts: Box::new(WorldAccounts::<G>::new(Arc::clone(&queue))),
            same: self.same.unwrap_or(by_default),
            names: Arc::clone(&names),
            switchboard: Arc::clone(&switchboard),
        });
        let sessions = Sessions { game, engine: engine.clone(), queue, switchboard, names, faults };
        let config = NetConfig {
            listen: self.listen,
            game: G::NAME.to_owned(),
            limits: self.network,
            certificate: Arc::clone(&certificate),
            door,
            watermark: Arc::clone(&persistence.watermark),
            resets: self.data.as_deref().and_then(reset_key),
            stand_in,
            broken: Broken {
                received_is_ignored: self.breaks.received_is_ignored,
                retained_is_forgotten: self.breaks.retained_is_forgotten,
            },
        };
        let endpoint = listen(&network, config, sessions)?;
        if !authenticator.is_proof() && !self.listen.ip().is_loopback() {
            warn!(
                "anyone who can reach this server can join under any name: set a login before strangers do"
            );
        }
        refresh_now_and_then(&network, move || {
            certificate.refresh();
            authenticator.refresh();
        });
        // Last, so that a start that fails does not wait for tasks that spawn one another.
        timers.set_firing(true);
        let loader = Loader::start(store, Arc::clone(&dispatch.timers), broken.set_aside_runs)?;
        info!(game = G::NAME, address = %endpoint.address(), workers = count, "open");
        let (switchboard, surveys) = (Arc::clone(&dispatch.switchboard), tasks.surveys());
        let running = Running {
            endpoint,
            switchboard,
            timers,
            loader,
            surveys,
            clock,
            workers,
            writer,
            answering,
            network,
        };
        Ok(Server::of(engine, persistence, Arc::clone(&dispatch.timers), running))
    }

    fn open_store(&self) -> Result<Arc<dyn Store>, StoreError> {
        if let Some(store) = &self.store {
            return Ok(Arc::clone(store));
        }
        Ok(match &self.data {
            Some(folder) => {
                let mut options = self.store_options.clone();
                // In one of no length there would never be room.
                options.journal_bytes_max = options.journal_bytes_max.max(1);
                Arc::new(LmdbStore::open(folder, options)?)
            }
            None => Arc::new(MemoryStore::new()),
        })
    }
}

/// Seats of the engine for the few other threads that run jobs now and then, and some for whoever is late.
const SEATS_SPARE: usize = 4;

/// How many threads the network has, beside so many workers.
fn network_threads(workers: usize) -> usize {
    workers + 1
}

/// Puts what has waited for the end of a fault into `queue`.
fn release(queue: &Arc<RunQueue>) -> Release {
    let queue = Arc::clone(queue);
    Box::new(move |work| queue.push_loose(work))
}

fn certificate(files: Option<(PathBuf, PathBuf)>) -> Result<Certificate, ServeError> {
    let made = match files {
        Some((chain, key)) => Certificate::from_files(chain, key),
        None => Certificate::development(),
    };
    made.map_err(|cause: CertificateError| ServeError::Listen { cause: cause.to_string() })
}

/// The key in the world's folder. Without it, clients of a server that was killed wait for its silence to last; no reason not to start.
fn reset_key(folder: &Path) -> Option<ResetKey> {
    let kept = ResetKey::kept_in(folder);
    kept.inspect_err(|error| {
        let folder = folder.display();
        warn!(%folder, %error, "no key for resets: should this server be killed, its clients notice late");
    })
    .ok()
}

fn listen<G: Game>(
    network: &Network,
    config: NetConfig,
    sessions: Sessions<G>,
) -> Result<Endpoint, ServeError> {
    let _entered = network.enter();
    let endpoint = Endpoint::bind(config, Arc::new(sessions));
    endpoint.map_err(|cause| ServeError::Listen { cause: cause.to_string() })
}
