//! What the engine's words promise under the language's memory model: small meetings of two or three threads under loom,
//! which tries every order and every stale value that the orderings in the code allow.
//!
//! ```text
//! cargo test -p daystar-engine --features loom --lib
//! ```
//!
//! `LOOM_MAX_PREEMPTIONS` says how often a thread may be interrupted in the middle; with more than is usual here, it
//! takes long.

mod cells;
mod epochs;
mod gone;
mod handing_on;
mod passing;
mod snapshots;

use loom::thread::{Builder, JoinHandle};

use crate::sync::Arc;

/// Runs `meeting` in every order there is.
fn explore(meeting: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.max_branches = BRANCHES_MAX;
    model.preemption_bound = model.preemption_bound.or(Some(PREEMPTIONS));
    let meeting = Arc::new(meeting);
    model.check(move || {
        let meeting = meeting.clone();
        join(spawn(move || meeting()));
    });
}

/// Runs `there` on a thread of its own and `here` on this one, with what they share.
fn meet<S: Send + Sync + 'static>(
    shared: S,
    there: impl FnOnce(&S) + Send + 'static,
    here: impl FnOnce(&S),
) -> Arc<S> {
    let shared = Arc::new(shared);
    let other = shared.clone();
    let thread = spawn(move || there(&other));
    here(&shared);
    join(thread);
    shared
}

fn spawn(work: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    let thread = Builder::new().stack_size(STACK_WORDS).spawn(work);
    thread.expect("loom's threads are not the system's")
}

fn join(thread: JoinHandle<()>) {
    assert!(thread.join().is_ok());
}

/// Every race that was made on purpose shows with two, and three take more than a minute.
const PREEMPTIONS: usize = 2;

/// Of one order: an endless loop is found out by it.
const BRANCHES_MAX: usize = 10_000;

/// Unoptimised, more is needed than loom's threads have by themselves.
const STACK_WORDS: usize = 32 << 10;
