//! How far the world's clock may go, on disk: so that it never goes back, and stands still while nobody serves the world.

use daystar_engine::{Attempt, Error, Job};
use daystar_macros::managed;
use daystar_model::{ObjectId, Space, Timestamp};

/// A time that the world's clock has not passed.
#[managed(name = "daystar.WorldTime")]
pub(crate) struct WorldTime {
    pub(crate) until: Timestamp,
}

/// Where [`WorldTime`] is: among the names, whose ids are hashes, so that it needs no id of its own.
pub(crate) const WORLD_TIME: ObjectId = ObjectId::new(Space::Name, 2);

/// Writes down how far the clock may go.
pub(crate) struct KeepTime {
    pub(crate) until: Timestamp,
}

impl Job for KeepTime {
    fn kind(&self) -> &'static str {
        "keep time"
    }
    fn attempt(&self, attempt: &Attempt<'_>) -> Result<(), Error> {
        let is_there = attempt.find::<WorldTime>(WORLD_TIME)?.is_some();
        match is_there {
            true => attempt.get_mut::<WorldTime>(WORLD_TIME)?.until = self.until,
            false => attempt.insert_at(WORLD_TIME, WorldTime { until: self.until })?,
        }
        Ok(())
    }
    fn again(&self) -> Option<Box<dyn Job>> {
        Some(Box::new(Self { until: self.until }))
    }
}
