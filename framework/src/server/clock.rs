//! The world's clock: it runs while the world is served, stands still while it is not, and never goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use daystar_engine::{Engine, Outcome};
use daystar_model::{Clock, Store, StoreError, Timestamp};

use crate::game::world_time::{KeepTime, WORLD_TIME, WorldTime};
use crate::scheduler::queue::RunQueue;

/// The clock of a world that is served.
pub(crate) struct WorldClock {
    wall: Arc<dyn Clock>,
    /// What it said when this server began.
    began: Timestamp,
    since: Since,
    /// What it must not pass, in milliseconds: a world that comes back after a crash goes on there.
    until_ms: AtomicU64,
    /// A later time is being written down.
    is_keeping: AtomicBool,
}

/// What the time that passes is measured by.
enum Since {
    /// A clock that nobody sets.
    Instant(Instant),
    /// The wall clock, which a test moves.
    Wall(Timestamp),
}

impl WorldClock {
    /// The clock of the world in `store`. `wall`: goes by that clock instead of the machine's, for tests.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(crate) fn of(
        store: &dyn Store,
        machine: Arc<dyn Clock>,
        wall: Option<Arc<dyn Clock>>,
    ) -> Result<Arc<Self>, StoreError> {
        let kept = store.load(WORLD_TIME)?;
        let kept =
            kept.and_then(|(_, value)| Some(value.as_any().downcast_ref::<WorldTime>()?.until));
        let since = match &wall {
            Some(wall) => Since::Wall(wall.now()),
            None => Since::Instant(Instant::now()),
        };
        let wall = wall.unwrap_or(machine);
        let began = kept.unwrap_or_else(|| wall.now());
        // A new world's first task knows no earlier time that it could fall behind.
        let until = if kept.is_some() { began } else { began.after(AHEAD) };
        let until_ms = AtomicU64::new(until.unix_ms);
        Ok(Arc::new(Self { wall, began, since, until_ms, is_keeping: AtomicBool::new(false) }))
    }

    /// Makes sure that the clock can go on for a while: to be called now and then. Must not block, so the work goes to `queue`.
    pub(crate) fn tick(self: &Arc<Self>, queue: &RunQueue) {
        let soon = self.unlimited().after(AHEAD / 2);
        if soon.unix_ms > self.until_ms.load(Ordering::Relaxed)
            && !self.is_keeping.swap(true, Ordering::Relaxed)
        {
            let clock = Arc::clone(self);
            queue.push_loose(Box::new(move |engine| clock.keep(engine)));
        }
    }

    /// Writes down a later time that the clock may reach, and lets it. While nothing can be written, the clock stands still
    /// when it has come to its limit.
    pub(crate) fn keep(&self, engine: &Engine) {
        let until = self.unlimited().after(AHEAD);
        // However it ends: nobody else would ask again.
        let _kept = Kept(&self.is_keeping);
        if let Outcome::Committed(_) = engine.run(&KeepTime { until }) {
            // Whoever is told of a later time from here on commits after that.
            self.until_ms.fetch_max(until.unix_ms, Ordering::Relaxed);
        }
    }

    /// Stops the clock, and writes down where it stands. To be called when no task runs any more.
    pub(crate) fn stop(&self, engine: &Engine) {
        self.is_keeping.store(true, Ordering::Relaxed);
        let until = self.now();
        self.until_ms.store(until.unix_ms, Ordering::Relaxed);
        // If the store takes nothing more, the world goes on where it had been allowed to come.
        let _ = engine.run(&KeepTime { until });
    }

    fn unlimited(&self) -> Timestamp {
        let passed = match self.since {
            Since::Instant(began) => began.elapsed(),
            Since::Wall(began) => self.wall.now().since(began),
        };
        self.began.after(passed)
    }
}

/// Says in the end that nobody is writing down a later time any more.
struct Kept<'c>(&'c AtomicBool);

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        let unix_ms = self.unlimited().unix_ms.min(self.until_ms.load(Ordering::Relaxed));
        Timestamp { unix_ms }
    }
    fn wall(&self) -> Timestamp {
        self.wall.now()
    }
}

/// How far ahead a time is written down: what a crash may make the world's clock skip at most.
const AHEAD: Duration = Duration::from_secs(10);
