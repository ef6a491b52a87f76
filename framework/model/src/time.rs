//! Time as an argument: whoever needs it is handed a [`Clock`].

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment, in milliseconds since 1970-01-01 UTC.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    rkyv::Archive,
    rkyv::Serialize,
    rkyv::Deserialize,
)]
#[rkyv(derive(PartialEq, Eq, PartialOrd, Ord, Hash))]
pub struct Timestamp {
    /// Milliseconds since 1970-01-01 UTC.
    pub unix_ms: u64,
}

impl Timestamp {
    /// The moment `later` after this one; the end of time if it would be beyond.
    pub fn after(self, later: Duration) -> Self {
        let later_ms = u64::try_from(later.as_millis()).unwrap_or(u64::MAX);
        Self { unix_ms: self.unix_ms.saturating_add(later_ms) }
    }

    /// How long after `earlier` this is; zero if it is before.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.unix_ms.saturating_sub(earlier.unix_ms))
    }
}

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The present moment, by the clock that the world goes by.
    fn now(&self) -> Timestamp;

    /// The present moment, by the clock on the wall. The same, unless the world's clock has stood still.
    fn wall(&self) -> Timestamp {
        self.now()
    }

    /// The present moment, by the clock that `dial` names.
    fn read(&self, dial: Dial) -> Timestamp {
        match dial {
            Dial::World => self.now(),
            Dial::Wall => self.wall(),
        }
    }
}

/// Which clock a moment is meant by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dial {
    /// The world's, which stands still while nobody serves it.
    #[default]
    World,
    /// The machine's.
    Wall,
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp { unix_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX) }
    }
}

/// A clock that stands still until it is moved, for tests and replays.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicU64);

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self(AtomicU64::new(now.unix_ms))
    }

    /// Moves the clock.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.unix_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp { unix_ms: self.0.load(Ordering::SeqCst) }
    }
}
