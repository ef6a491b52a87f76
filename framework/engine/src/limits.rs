//! What one job may use, and how much jobs may leave to be done later.

use std::time::Duration;

/// What one job may use. Beyond it the job fails with an error that says which limit it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many objects it may touch.
    pub objects_max: usize,
    /// How many bytes it may write: those of the objects it changes, and those of its messages.
    pub bytes_max: usize,
    /// How many attempts it has. The last is made alone, so it commits; the three before, with what the one before
    /// them touched kept from changing. At least 1.
    pub attempts_max: u32,
    /// How long an attempt may run before the operator is told.
    pub time_warn: Duration,
    /// How long an attempt may run before it is stopped at its next call of the engine.
    pub time_max: Duration,
    /// How many tasks may wait in all; a job that asks for more fails. Each costs some thirty bytes of memory while it waits, one
    /// that was cancelled until its time has come.
    pub tasks_waiting_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A task over more objects than this should be several: it holds up whoever it meets.
            objects_max: 100_000,
            bytes_max: 64 << 20,
            attempts_max: 12,
            time_warn: Duration::from_millis(250),
            time_max: Duration::from_secs(10),
            // Some 300 MB of memory. Whoever has more has a task that makes two of itself.
            tasks_waiting_max: 10_000_000,
        }
    }
}
