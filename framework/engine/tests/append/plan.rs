//! What a client is about to do: chosen at random, but the same in every attempt and in every run of the test.

use daystar_engine::TaskRng;
use rand::RngExt;

/// One transaction, before it is run.
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// Whether it is run as a read-only job. Not every one that only reads is.
    pub(crate) is_read_only: bool,
    /// Whether it refuses itself in the end, so that nothing of it may ever be seen.
    pub(crate) is_refused: bool,
}

/// One step of a transaction.
pub(crate) struct Step {
    pub(crate) list: usize,
    /// Whether it appends, as against reads.
    pub(crate) appends: bool,
    /// Whether others get a turn after it: races are rare where cores are few.
    pub(crate) yields: bool,
}

impl Plan {
    /// A transaction of one to six steps over so many lists.
    pub(crate) fn new(rng: &mut TaskRng, lists: usize) -> Self {
        let only_reads = rng.random_bool(0.3);
        let step = |rng: &mut TaskRng| Step {
            list: rng.random_range(0..lists),
            appends: !only_reads && rng.random_bool(0.6),
            yields: rng.random_bool(0.4),
        };
        let steps = (0..rng.random_range(1..=6)).map(|_| step(rng)).collect();
        Self {
            steps,
            is_read_only: only_reads && rng.random_bool(0.5),
            is_refused: rng.random_bool(0.05),
        }
    }
}
