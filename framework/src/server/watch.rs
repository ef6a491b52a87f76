//! Watches for tasks that run for too long, and tells the operator.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daystar_engine::{Engine, Overdue};
use tracing::{error, warn};

use crate::scheduler::timer::Tick;

/// What the timers' thread is to do besides.
pub(crate) fn watch(engine: Arc<Engine>) -> Tick {
    let began = Instant::now();
    let mut next = Duration::ZERO;
    Box::new(move || {
        let now = began.elapsed();
        if now >= next {
            next = now + PAUSE;
            engine.watch(now).iter().for_each(report);
        }
    })
}

fn report(overdue: &Overdue) {
    let Overdue { kind, running, is_stopped } = *overdue;
    match is_stopped {
        true => error!(task = kind, ?running, "a task runs for too long and is being stopped"),
        false => warn!(task = kind, ?running, "a task runs for long and holds up whoever it meets"),
    }
}

/// How long not to look again: the timers' thread comes by oftener when many tasks are due.
const PAUSE: Duration = Duration::from_millis(5);
