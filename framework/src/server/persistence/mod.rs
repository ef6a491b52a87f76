//! From the commit to the disk: what waits, who writes it, who is told when it is safe, and what happens when the store
//! cannot.
//!
//! What is written is always a contiguous run of the commit order, with its end, in one transaction: an epoch. So what survives
//! a crash is a prefix. While the store refuses, nothing that would change the world is accepted.

pub(crate) mod backlog;
pub(crate) mod epoch;
pub(crate) mod faults;
pub(crate) mod status;
pub(crate) mod writer;

use std::sync::Arc;
use std::time::Duration;

use daystar_model::CommitNumber;

use crate::net::watermark::Watermark;
use crate::server::persistence::backlog::Backlog;
use crate::server::persistence::faults::Faults;

/// What lies between the engine and the store.
pub(crate) struct Persistence {
    pub(crate) backlog: Backlog,
    pub(crate) faults: Arc<Faults>,
    /// What is on disk, for those who hold messages back until it is.
    pub(crate) watermark: Arc<Watermark>,
}

impl Persistence {
    /// For a store that holds everything up to `last`.
    pub(crate) fn new(last: CommitNumber, limits: JournalLimits, faults: Faults) -> Self {
        Self {
            backlog: Backlog::new(last, limits),
            faults: Arc::new(faults),
            watermark: Arc::new(Watermark::new(last.0)),
        }
    }
}

/// When commits are written to disk, and how many may wait for it; for [`Builder::journal`](crate::Builder::journal).
///
/// Commits are written many at a time: an epoch begins when the oldest that waits is old enough, when enough bytes wait, or
/// at once when somebody waits to be told that one is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalLimits {
    /// How long a commit waits at most before it is written, unless the disk is busy with those before it.
    pub epoch_time: Duration,
    /// How many bytes of changed objects, as they lie in memory, are enough to be written at once.
    pub epoch_bytes: usize,
    /// How many changed objects may wait before no new task starts. An object counts each time it was changed.
    pub waiting_objects_max: usize,
    /// How many bytes of changed objects may wait before no new task starts.
    pub waiting_bytes_max: usize,
}

impl Default for JournalLimits {
    fn default() -> Self {
        Self {
            epoch_time: Duration::from_millis(4),
            epoch_bytes: 512 << 10,
            // A second of the commits that two cores can make, so that a disk that pauses does not stop the world.
            waiting_objects_max: 500_000,
            waiting_bytes_max: 128 << 20,
        }
    }
}
