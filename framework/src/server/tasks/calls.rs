//! Calls of the outside world, on the network's threads: after the commit that asked for them is on disk, and until they
//! have an answer.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use daystar_engine::{Engine, panic_message};
use daystar_model::ObjectId;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tracing::error;

use crate::game::events::{reason, shown_whole};
use crate::game::external::{Answer, Answered, CallKey};
use crate::game::rules::{Game, Result};
use crate::game::task::{Call, Stored, TaskRegistration};
use crate::game::task_record::{Stage, TaskRecord};
use crate::net::watermark::Hold;
use crate::scheduler::queue::{RunQueue, Work};
use crate::server::tasks::{Tasks, run};

/// What calls are made with, and which are under way.
pub(crate) struct Calls {
    runtime: Handle,
    queue: Arc<RunQueue>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    under_way: HashSet<ObjectId>,
    /// Those for which there was no room, and the places of their kinds.
    waiting: VecDeque<(usize, ObjectId)>,
}

/// A call that is to be made: what makes it, and what it is made of.
pub(super) struct Order {
    pub(super) make: Call,
    pub(super) timeout: Duration,
    pub(super) version: u32,
    pub(super) payload: Vec<u8>,
    pub(super) key: CallKey,
}

impl Calls {
    /// Calls are made on `runtime`; what follows from them is run by who takes from `queue`.
    pub(crate) fn new(runtime: Handle, queue: Arc<RunQueue>) -> Self {
        Self { runtime, queue, state: Mutex::default() }
    }
}

impl<G: Game> Tasks<G> {
    /// Where work goes that is to be run by a worker; `None` before the first task is due.
    pub(super) fn queue(&self) -> Option<Arc<RunQueue>> {
        self.calls.get().map(|calls| Arc::clone(&calls.queue))
    }

    /// Has `work` run when all that has been committed until now is on disk.
    pub(super) fn when_durable(&self, work: Work) {
        let Some(Calls { runtime, queue, .. }) = self.calls.get() else { return };
        let (queue, watermark) = (Arc::clone(queue), Arc::clone(&self.persistence.watermark));
        let hold = Hold::until(self.persistence.status().last_committed);
        runtime.spawn(async move {
            watermark.reached(hold).await;
            queue.push_loose(work);
        });
    }

    /// Makes a call; later, if too many are under way.
    pub(super) fn call(self: &Arc<Self>, place: usize, task: ObjectId, order: Order) {
        let Some(calls) = self.calls.get() else { return };
        {
            let mut state = calls.state.lock();
            if state.under_way.contains(&task) {
                return;
            }
            if state.under_way.len() >= UNDER_WAY_MAX {
                state.waiting.push_back((place, task));
                self.known.add();
                return;
            }
            state.under_way.insert(task);
        }
        let tasks = Arc::clone(self);
        if self.broken.call_is_early {
            return tasks.make(place, task, order);
        }
        // A call cannot be taken back, so it must not come of a commit that can.
        self.when_durable(Box::new(move |engine| {
            tasks.call_unless_cancelled(engine, place, task, order)
        }));
    }

    /// Makes a call, if it is still wanted: it has waited for the disk.
    fn call_unless_cancelled(
        self: &Arc<Self>,
        engine: &Engine,
        place: usize,
        task: ObjectId,
        order: Order,
    ) {
        if matches!(self.look(engine, task), Ok(Some(TaskRecord { stage: Stage::Call { .. }, .. })))
        {
            return self.make(place, task, order);
        }
        if let Some(calls) = self.calls.get() {
            calls.state.lock().under_way.remove(&task);
        }
        // Should it not be known whether it is, this finds out again.
        self.run(engine, place, task);
        self.call_waiting(engine);
    }

    fn make(self: &Arc<Self>, place: usize, task: ObjectId, order: Order) {
        let Some(calls) = self.calls.get() else { return };
        let (tasks, queue, broken) = (Arc::clone(self), Arc::clone(&calls.queue), self.broken);
        calls.runtime.spawn(async move {
            let Order { make, timeout, version, payload, key } = order;
            let key = if broken.call_key_changes {
                CallKey([RandomState::new().hash_one(0), 0])
            } else {
                key
            };
            // As a task of its own, so that a panic is contained.
            let made = tokio::spawn(async move {
                let call = make(Stored { version, payload: &payload }, key);
                let call = call.map_err(|error| shown_whole(&error))?;
                match tokio::time::timeout(timeout, call).await {
                    Ok(outcome) => outcome.map_err(|error| shown_whole(&error)),
                    Err(_) => Err(format!("there was no answer within {timeout:?}")),
                }
            });
            let outcome = match made.await {
                Ok(outcome) => outcome,
                // The server is stopping; the next one calls again.
                Err(ended) => match ended.try_into_panic() {
                    Ok(panic) => Err(format!("it panicked: {}", panic_message(&*panic))),
                    Err(_cancelled) => return,
                },
            };
            queue.push_loose(Box::new(move |engine| tasks.called(engine, place, task, outcome)));
        });
    }

    /// What follows from a call that has ended.
    fn called(
        self: &Arc<Self>,
        engine: &Engine,
        place: usize,
        task: ObjectId,
        outcome: Result<Answer, String>,
    ) {
        let kind = self.kinds[place];
        // Before its next try can come: that must not find it under way.
        if let Some(calls) = self.calls.get() {
            calls.state.lock().under_way.remove(&task);
        }
        match outcome {
            Ok(answer) => self.answered(engine, kind, task, answer),
            Err(cause) => self.failed(engine, kind, task, cause, None),
        }
        self.call_waiting(engine);
    }

    /// Makes the calls for which there is room. One that was cancelled meanwhile takes none.
    fn call_waiting(self: &Arc<Self>, engine: &Engine) {
        let Some(calls) = self.calls.get() else { return };
        loop {
            let next = {
                let mut state = calls.state.lock();
                let has_room = state.under_way.len() < UNDER_WAY_MAX;
                if has_room { state.waiting.pop_front() } else { None }
            };
            let Some((place, task)) = next else { return };
            self.known.take();
            self.run(engine, place, task);
        }
    }

    /// Writes an answer down. Until it is, it is not lost for anything but a crash: then the call, or the survey, is made again.
    pub(super) fn answered(
        self: &Arc<Self>,
        engine: &Engine,
        kind: &'static TaskRegistration,
        task: ObjectId,
        answer: Answer,
    ) {
        let Answer { version, payload } = answer;
        let job = Answered { task, kind: kind.name, version, payload };
        let Err(cause) = run(engine, &job) else { return };
        if cause.is_passing() {
            let (tasks, answer) = (Arc::clone(self), Answer { version, payload: job.payload });
            let again = move |engine: &Engine| tasks.answered(engine, kind, task, answer);
            return self.persistence.faults.run_again(&cause, Box::new(again));
        }
        error!(%task, kind = kind.name, ?cause, "an answer could not be stored");
        self.failed(engine, kind, task, reason(&cause), None);
    }
}

/// How many calls are under way at once; the others wait in the store.
const UNDER_WAY_MAX: usize = 1024;
