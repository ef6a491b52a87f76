//! What is looked at now and then: tasks that run for too long, of which the operator is told, whether anybody waits for the network, and
//! how far the disk is behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use daystar_engine::{Engine, Overdue};
use daystar_model::Store;
use tokio::sync::Notify;
use tracing::{error, warn};

use crate::scheduler::queue::RunQueue;
use crate::scheduler::timer::Tick;
use crate::server::clock::WorldClock;
use crate::server::orders::Orders;
use crate::server::persistence::{Persistence, status};

/// What is to be looked at.
pub(crate) struct Watched {
    pub(crate) engine: Arc<Engine>,
    pub(crate) persistence: Arc<Persistence>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<WorldClock>,
    pub(crate) queue: Arc<RunQueue>,
    pub(crate) orders: Option<Orders>,
    /// Has another thread of the network wait for the socket.
    pub(crate) stand_in: Arc<Notify>,
}

/// What the timers' thread is to do besides.
pub(crate) fn watch(watched: Watched) -> Tick {
    let Watched { engine, persistence, store, clock, queue, mut orders, stand_in } = watched;
    let began = Instant::now();
    let (mut next, mut next_show) = (Duration::ZERO, Duration::ZERO);
    Box::new(move || {
        let now = began.elapsed();
        if now >= next {
            next = now + PAUSE;
            engine.watch(now).iter().for_each(report);
            persistence.faults.tick();
            clock.tick(&queue);
            if queue.has_guests() {
                // One of them may be the thread that waited for the network.
                stand_in.notify_one();
            }
            if let Some(orders) = &mut orders {
                orders.tick();
            }
        }
        if now >= next_show {
            next_show = now + SHOW_EVERY;
            persistence.show();
            status::show_store(&store.status());
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

/// How old the gauges of the journal and the store may be.
const SHOW_EVERY: Duration = Duration::from_millis(100);
