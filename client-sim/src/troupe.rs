//! The clients that run in this process: all of a run, or one process's share of them.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::cast::Cast;
use crate::client::Seat;
use crate::counts::Counts;
use crate::crash::intermission::Intermission;
use crate::crew::{CREW_CLIENTS_MAX, Crew};
use crate::crowd::RunError;
use crate::ledger::Ledger;
use crate::network::relay::BothWays;
use crate::places::places;
use crate::plan::Plan;
use crate::settlement::Settlement;
use crate::stage::{Phase, Stage};

/// How many clients may be connecting at a time, those of other processes included. A handshake costs the server about a
/// millisecond of processor time, so more at once would only time out waiting for one another.
const HANDSHAKES_MAX: usize = 32;

/// How long the clients get to finish after the end, besides the time that an answer may take.
const FINISH_MAX: Duration = Duration::from_secs(30);

/// Which share of a run's clients: those whose number, divided by `of`, leaves `index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) index: u32,
    pub(crate) of: u32,
}

/// What all clients of a process share.
pub(crate) struct Shared {
    pub(crate) plan: Plan,
    pub(crate) game: &'static str,
    pub(crate) handshakes: Semaphore,
    pub(crate) settlement: Mutex<Settlement>,
    pub(crate) intermission: Intermission,
    pub(crate) ledger: Ledger,
}

/// The clients that run in this process.
pub(crate) struct Troupe {
    shared: Arc<Shared>,
    crews: Vec<Arc<Crew>>,
    clients: JoinSet<()>,
    phase: watch::Sender<Phase>,
}

/// What clients have counted since it was last gathered, and how many there are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Gathered {
    /// How many have ever been in.
    pub(crate) connected: u32,
    /// By class, in the plan's order.
    pub(crate) classes: Vec<GatheredClass>,
}

/// The same of one class.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct GatheredClass {
    /// How many have a session now.
    pub(crate) present: u32,
    pub(crate) counts: Counts,
}

/// What is known when all clients are gone.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ending {
    pub(crate) settlement: Settlement,
    pub(crate) network: Option<BothWays>,
    /// What went wrong with clients that did not end by themselves.
    pub(crate) crashed: Option<String>,
}

impl Troupe {
    /// Begins to connect that part of the plan's clients.
    pub(crate) fn start(
        plan: &Plan,
        cast: &Cast,
        part: Part,
        stage: &Stage,
    ) -> Result<Self, RunError> {
        let shared = Arc::new(Shared {
            plan: plan.clone(),
            game: cast.game(),
            handshakes: Semaphore::new((HANDSHAKES_MAX / part.of as usize).max(1)),
            settlement: Mutex::default(),
            intermission: stage.intermission().clone(),
            ledger: stage.ledger().clone(),
        });
        let phase = watch::Sender::new(Phase::Connecting);
        let mut troupe = Self { shared, crews: Vec::new(), clients: JoinSet::new(), phase };
        // The crew that is being filled, for each class, and how many it has.
        let mut filling = vec![None; plan.classes.len()];
        let began = Instant::now();
        for place in places(plan) {
            if place.number % part.of != part.index {
                continue;
            }
            let (crew, has) = match filling[place.class].take() {
                Some((crew, has)) if has < CREW_CLIENTS_MAX => (crew, has),
                _ => (troupe.new_crew(place.class, part)?, 0),
            };
            filling[place.class] = Some((Arc::clone(&crew), has + 1));
            let seat = Seat {
                shared: Arc::clone(&troupe.shared),
                crew,
                number: place.number,
                joins_at: began + place.joins_after,
                phase: troupe.phase.subscribe(),
            };
            let behaviour = &plan.classes[place.class].behaviour;
            let life = cast.life(behaviour, seat);
            troupe.clients.spawn(life.ok_or_else(|| RunError::no_behaviour(cast, behaviour))?);
        }
        Ok(troupe)
    }

    fn new_crew(&mut self, class: usize, part: Part) -> Result<Arc<Crew>, RunError> {
        // Different for every crew of the run, in whichever process.
        let number = self.crews.len() as u32 * part.of + part.index;
        let crew = Crew::new(&self.shared.plan, class, number).map_err(RunError::Socket)?;
        let crew = Arc::new(crew);
        self.crews.push(Arc::clone(&crew));
        Ok(crew)
    }

    /// Lets the clients go on to that phase.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// Adds what was counted since this was last called to `gathered`, which is of the same plan.
    pub(crate) fn gather(&self, gathered: &mut Gathered) {
        for crew in &self.crews {
            let class = &mut gathered.classes[crew.class_index];
            crew.collect_into(&mut class.counts);
            class.present += crew.present();
            gathered.connected += crew.connected();
        }
    }

    /// Waits until all clients have settled and left.
    pub(crate) async fn finish(&mut self) -> Ending {
        let patience = self.crews.iter().map(|crew| crew.patience).max().unwrap_or_default();
        let crashed = self.join(FINISH_MAX + patience).await;
        for crew in &self.crews {
            crew.endpoint.wait_idle().await;
        }
        let mut network = None;
        for traffic in self.crews.iter().filter_map(|crew| crew.network()) {
            network.get_or_insert_with(BothWays::default).add(&traffic);
        }
        let settlement = std::mem::take(&mut *self.shared.settlement.lock());
        Ending { settlement, network, crashed }
    }

    /// Waits for the clients, and says what went wrong with those that did not end by themselves.
    async fn join(&mut self, patience: Duration) -> Option<String> {
        let deadline = Instant::now() + patience;
        let mut wrong = None;
        loop {
            match timeout_at(deadline, self.clients.join_next()).await {
                Ok(None) => return wrong,
                Ok(Some(Ok(()))) => {}
                Ok(Some(Err(error))) => {
                    wrong = Some(format!("a simulated client crashed: {error}"))
                }
                Err(_) => {
                    let left = self.clients.len();
                    self.clients.abort_all();
                    let seconds = patience.as_secs();
                    return Some(format!("{left} clients did not finish within {seconds} s"));
                }
            }
        }
    }
}

impl Gathered {
    /// Nothing, of a plan with so many classes.
    pub(crate) fn nothing(classes: usize) -> Self {
        Self { connected: 0, classes: vec![GatheredClass::default(); classes] }
    }

    /// Takes in what the same clients say later: adds what they counted, and forgets how many they were.
    pub(crate) fn update(&mut self, later: &Self) {
        self.connected = later.connected;
        for (class, later) in self.classes.iter_mut().zip(&later.classes) {
            class.present = later.present;
            class.counts.add(&later.counts);
        }
    }
}

impl Ending {
    /// Adds another part's.
    pub(crate) fn join(&mut self, other: Self) {
        self.settlement.join(other.settlement);
        if let Some(network) = other.network {
            self.network.get_or_insert_with(BothWays::default).add(&network);
        }
        self.crashed = self.crashed.take().or(other.crashed);
    }
}
