//! Surveys, each on a thread of its own: of a moment that has all that was on disk when it began, and until the end of the
//! server at most.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use daystar_engine::{Engine, panic_message};
use daystar_model::{ObjectId, Store};
use parking_lot::Mutex;
use tracing::error;

use crate::bail;
use crate::game::events::shown_whole;
use crate::game::external::Answer;
use crate::game::rules::Game;
use crate::game::task::{Look, Stored};
use crate::game::world::World;
use crate::scheduler::kinds::Known;
use crate::server::panics;
use crate::server::tasks::Tasks;

/// Which surveys are under way.
#[derive(Default)]
pub(crate) struct Surveys {
    /// The server is stopping.
    is_over: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// With their threads, as soon as they have one.
    under_way: HashMap<ObjectId, Option<JoinHandle<()>>>,
    /// Those for which there was no room, and the places of their kinds.
    waiting: VecDeque<(usize, ObjectId)>,
}

/// A survey that is to be made: who looks, and what that is made of.
pub(super) struct Errand {
    pub(super) look: Look,
    pub(super) version: u32,
    pub(super) payload: Vec<u8>,
}

/// What has come of a look.
enum Outcome {
    Found(Answer),
    /// The cause, and where it was if it was a panic.
    Failed(String, Option<String>),
    /// It was told not to go on.
    Interrupted,
}

impl Surveys {
    /// Interrupts those that are under way, waits for their threads, and lets no more begin. The next start looks again.
    pub(crate) fn finish(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        let under_way = std::mem::take(&mut self.state.lock().under_way);
        for thread in under_way.into_values().flatten() {
            if thread.join().is_err() {
                error!("the thread of a survey panicked outside of it");
            }
        }
    }

    /// Takes a place for `task`, of the kind in this `place`; `false` if it has one, or has to wait for one, which makes it
    /// `known`.
    fn begin(&self, place: usize, task: ObjectId, known: &Known) -> bool {
        let mut state = self.state.lock();
        if state.under_way.contains_key(&task) {
            return false;
        }
        let has_room = state.under_way.len() < UNDER_WAY_MAX;
        if has_room {
            state.under_way.insert(task, None);
        } else {
            state.waiting.push_back((place, task));
            known.add();
        }
        has_room
    }

    fn end(&self, task: ObjectId) {
        self.state.lock().under_way.remove(&task);
    }

    /// The next of those that wait, if there is room.
    fn next(&self) -> Option<(usize, ObjectId)> {
        let mut state = self.state.lock();
        if state.under_way.len() < UNDER_WAY_MAX { state.waiting.pop_front() } else { None }
    }
}

impl<G: Game> Tasks<G> {
    /// Makes a survey; later, if too many are under way.
    pub(super) fn survey(self: &Arc<Self>, place: usize, task: ObjectId, errand: Errand) {
        if !self.surveys.begin(place, task, &self.known) {
            return;
        }
        let tasks = Arc::clone(self);
        // The moment is one of the store, and what has asked is to be part of it.
        self.when_durable(Box::new(move |engine| tasks.send_out(engine, place, task, errand)));
    }

    fn send_out(self: &Arc<Self>, engine: &Engine, place: usize, task: ObjectId, errand: Errand) {
        let Some(queue) = self.queue() else { return };
        let (tasks, surveys) = (Arc::clone(self), Arc::clone(&self.surveys));
        let look = move || match tasks.look_around(&errand) {
            Outcome::Interrupted => {
                let faults = Arc::clone(&tasks.persistence.faults);
                // At once if it was a fault that is over, and not at all if the server is.
                faults.park(Box::new(move |engine| tasks.look_again(engine, place, task)));
            }
            outcome => {
                queue.push_loose(Box::new(move |engine| {
                    tasks.looked(engine, place, task, outcome);
                }));
            }
        };
        // Under the lock, so that the thread is known before it can have ended.
        let mut state = surveys.state.lock();
        if surveys.is_over.load(Ordering::Relaxed) {
            return;
        }
        match Builder::new().name("survey".to_owned()).spawn(look) {
            Ok(thread) => drop(state.under_way.insert(task, Some(thread))),
            Err(cause) => {
                drop(state);
                let cause = format!("the system gives no thread for it: {cause}");
                self.looked(engine, place, task, Outcome::Failed(cause, None));
            }
        }
    }

    /// What a survey finds.
    fn look_around(&self, errand: &Errand) -> Outcome {
        give_way();
        let may_go_on = || {
            if self.surveys.is_over.load(Ordering::Relaxed) {
                bail!("the server is stopping");
            }
            // A world on disk that is at fault may be waiting for the moment to be let go.
            Ok(self.persistence.faults.accepts()?)
        };
        let look = || {
            let Errand { look, version, payload } = errand;
            let snapshot = self.store.snapshot()?;
            let store: &dyn Store = match self.broken.survey_sees_newest {
                true => &*self.store,
                false => &*snapshot,
            };
            let world = World::unchecked(store, PROBLEMS_MAX, &may_go_on);
            look(Stored { version: *version, payload }, &world)
        };
        let looked = catch_unwind(AssertUnwindSafe(look));
        // Whatever the game has made of it.
        if may_go_on().is_err() {
            return Outcome::Interrupted;
        }
        match looked {
            Ok(Ok(found)) => Outcome::Found(found),
            Ok(Err(error)) => Outcome::Failed(shown_whole(&error), None),
            Err(panic) => {
                let cause = format!("it panicked: {}", panic_message(&*panic));
                Outcome::Failed(cause, panics::take_last())
            }
        }
    }

    /// What follows from a look that has ended.
    fn looked(self: &Arc<Self>, engine: &Engine, place: usize, task: ObjectId, outcome: Outcome) {
        let kind = self.kinds[place];
        // Before its next try can come: that must not find it under way.
        self.surveys.end(task);
        match outcome {
            Outcome::Found(found) => self.answered(engine, kind, task, found),
            Outcome::Failed(cause, backtrace) => self.failed(engine, kind, task, cause, backtrace),
            Outcome::Interrupted => {}
        }
        self.look_on(engine);
    }

    /// Begins anew with a survey that a fault has interrupted: that was not its own.
    fn look_again(self: &Arc<Self>, engine: &Engine, place: usize, task: ObjectId) {
        self.surveys.end(task);
        self.run(engine, place, task);
        self.look_on(engine);
    }

    /// Makes the surveys for which there is room. One that was cancelled meanwhile takes none.
    fn look_on(self: &Arc<Self>, engine: &Engine) {
        while let Some((place, task)) = self.surveys.next() {
            self.known.take();
            self.run(engine, place, task);
        }
    }
}

/// Lets the threads that run the game go first.
fn give_way() {
    // On Linux this is about the calling thread alone; elsewhere it would be about the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "a survey runs at the priority of all others");
    }
}

/// A third of the share of a thread at the usual priority: slower would keep the moment, and with it old pages of the
/// world's files, for longer.
#[cfg(target_os = "linux")]
const NICE: i32 = 5;

/// How many surveys are made at once; the others wait in the store.
const UNDER_WAY_MAX: usize = 2;

/// How many problems are kept in words; the others are counted.
const PROBLEMS_MAX: usize = 1000;
