//! One round: a server is started on a world, driven by clients, ended in some way, and what it has left is checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use daystar_client::socket;
use quinn::Endpoint;
use tempfile::TempDir;

use crate::clients::{Crowd, Habits, join};
use crate::game::{Answer, Event, Request, Wish};
use crate::history::{Counts, History};
use crate::ledger::Ledger;
use crate::random_below;
use crate::remains::Remains;
use crate::victim::{End, Orders, Victim};

/// A world that is crashed again and again.
pub(crate) struct Ground {
    _folder: TempDir,
    world: PathBuf,
    history: History,
    endpoint: Endpoint,
}

/// When a server is to end.
#[derive(Clone, Debug)]
pub(crate) enum When {
    /// At a fail point of the store, of this name, when it is passed so often.
    AtPoint(&'static str, u64),
    /// So long after it was launched, whether it serves by then or not.
    AtStart(Duration),
    /// So long after clients have been told so many things.
    Told(usize, Duration),
    /// It stops in order, after clients have been told so many things.
    Stop(usize),
}

impl Ground {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let world = folder.path().join("world");
        let endpoint = socket::shared(([127, 0, 0, 1], 0).into()).expect("a socket");
        Self { _folder: folder, world, history: History::new(), endpoint }
    }

    /// Runs a server until it ends, and checks what is left.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) async fn round(&mut self, mut orders: Orders, when: &When) -> Result<(), String> {
        if let When::AtPoint(point, times) = when {
            orders.die_at = format!("{point}:{times}");
        }
        let ledger = Arc::new(Ledger::new(orders.is_durable));
        let ended = self.run(&orders, when, &ledger).await;
        let wanted = match when {
            When::AtPoint(..) => End::AtPoint,
            When::AtStart(_) | When::Told(..) => End::Killed,
            When::Stop(_) => End::Stopped,
        };
        assert_eq!(ended, wanted, "{orders:?}");
        self.check(&ledger)
    }

    async fn run(&self, orders: &Orders, when: &When, ledger: &Arc<Ledger>) -> End {
        let mut victim = Victim::launch(&self.world, orders);
        if let When::AtStart(after) = when {
            tokio::time::sleep(*after).await;
            return victim.kill();
        }
        let address = tokio::task::block_in_place(|| victim.address());
        // One that is to die may do so before it serves.
        let Some(address) = address else { return victim.kill() };
        let paint_every = if orders.die_at.contains("inside-checkpoint") { 10 } else { 150 };
        let durable_every = [1, 3, 30][random_below(3) as usize];
        let habits = Habits { paint_every, durable_every };
        let crowd = Crowd::start(address, &self.endpoint, ledger, habits);
        let enough = match when {
            When::Told(told, _) | When::Stop(told) => *told,
            When::AtPoint(..) | When::AtStart(_) => usize::MAX,
        };
        let began = Instant::now();
        while !victim.has_died() && ledger.told() < enough {
            tokio::time::sleep(Duration::from_millis(1)).await;
            assert!(began.elapsed() < PATIENCE, "the server goes on and on: {orders:?}");
        }
        if let When::Told(_, after) = when {
            tokio::time::sleep(*after).await;
        }
        if let When::Stop(_) = when {
            let ended = tokio::task::block_in_place(|| victim.stop());
            crowd.end().await;
            return ended;
        }
        let ended = tokio::task::block_in_place(|| victim.kill());
        // They would notice by themselves, but only when the connection has been silent for long enough.
        crowd.end().await;
        ended
    }

    fn check(&mut self, ledger: &Ledger) -> Result<(), String> {
        let entries = ledger.take();
        let remains = match Remains::read(&self.world) {
            Ok(remains) => remains,
            // A server that was killed at its first start may have left nothing that is a world yet.
            Err(_) if !is_world(&self.world) && self.history.counts().receipts == 0 => {
                Remains::default()
            }
            Err(cause) => return Err(cause),
        };
        self.history.check(&remains, &entries)
    }

    /// Starts the world once more, lets come what is still to come, and stops it in order. Then everybody has left, once, and
    /// everything that was planned has come true, once.
    ///
    /// # Errors
    /// What is wrong.
    pub(crate) async fn settle(&mut self, orders: Orders) -> Result<Counts, String> {
        let ledger = Ledger::new(false);
        let mut victim = Victim::launch(&self.world, &orders);
        let address = tokio::task::block_in_place(|| victim.address());
        let address = address.ok_or("the world cannot be served any more")?;
        let (player, events) = join(address, &self.endpoint, "player 0").await.ok_or("no entry")?;
        let look = Request { wish: Wish::Look, request: 0, answer: Answer::Reply };
        let waiting = async {
            while !matches!(player.call(&look).await, Ok(Some(Event::Seen { plans: 0, .. }))) {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        waited.map_err(|_| "what was planned does not come")?;
        drop((player, events));
        let ended = tokio::task::block_in_place(|| victim.stop());
        assert_eq!(ended, End::Stopped);
        self.check(&ledger)?;
        match self.history.is_settled() {
            true => Ok(self.history.counts()),
            false => Err("some have not left, or something is still to come".to_owned()),
        }
    }
}

fn is_world(folder: &Path) -> bool {
    folder.join("DAYSTAR").exists()
}

/// How long a round may take, on however slow a machine.
const PATIENCE: Duration = Duration::from_secs(120);
