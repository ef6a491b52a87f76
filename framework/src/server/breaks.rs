//! Deliberate breaks: each takes away one thing that a promise rests on, and a test must be seen to catch it.

/// What is broken on purpose. For tests alone.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Breaks {
    /// Clients and operators are told at once also what must wait for the disk.
    pub durable_is_early: bool,
    /// Sessions that a crash has cut off end without their `left`.
    pub left_skipped: bool,
    /// They run it twice.
    pub left_twice: bool,
    /// What is to wait until the store takes commits again is forgotten.
    pub parked_is_lost: bool,
    /// A client that comes back is sent again also what it says it has received.
    pub received_is_ignored: bool,
    /// A client that comes back is not sent what it has not received.
    pub retained_is_forgotten: bool,
    /// Tasks stay in the list of those to be done when they are done.
    pub task_stays: bool,
    /// The next tick of a periodic task is due a period after the last one was done.
    pub tick_drifts: bool,
    /// All threads of the network may run requests at once, so that none may be left for the network.
    pub network_runs_all: bool,
    /// What a task has done that then failed stays, and it is tried again.
    pub failed_stays: bool,
    /// A task that was set aside is run at the next start.
    pub set_aside_runs: bool,
    /// Calls of the outside world are made before what has asked for them is on disk.
    pub call_is_early: bool,
    /// Each try of a call has a key of its own.
    pub call_key_changes: bool,
    /// A sweep notes that it has visited some objects in a commit before the one that visits them.
    pub sweep_notes_apart: bool,
    /// Where a walk stands is not noted.
    pub walk_forgets: bool,
    /// A survey sees each object as it is when the survey gets there, not as all were at one moment.
    pub survey_sees_newest: bool,
}
