//! Opens the world that the last run left, and runs the tasks that wait in it.

use std::marker::PhantomData;
use std::sync::Arc;

use daystar_engine::{Engine, Outcome};
use daystar_model::{CommitNumber, ObjectId, Space, Store, StoreError, Timestamp};
use tracing::{error, warn};

use crate::game::events::{Created, Due, SetAside, reason};
use crate::game::rules::Game;
use crate::game::session::Left;
use crate::game::task::TaskRecord;
use crate::scheduler::timer::Timers;
use crate::server::error::ServeError;
use crate::server::sessions::depart;

/// Builds an empty world, or picks up where the last run left it.
pub(crate) fn open_world<G: Game>(
    store: &dyn Store,
    engine: &Arc<Engine>,
    game: &Arc<G>,
    timers: &Timers,
) -> Result<(), ServeError> {
    if store.last_commit()? == CommitNumber::ZERO
        && let Outcome::Failed(cause) = engine.run(&Created { game: Arc::clone(game) })
    {
        return Err(ServeError::Created { cause: reason(&cause) });
    }
    let mut cut_off = Vec::new();
    each_of(store, Space::Session, |id, _| cut_off.push(id))?;
    if !cut_off.is_empty() {
        warn!(
            sessions = cut_off.len(),
            "the last run ended without a goodbye; its sessions end now"
        );
    }
    for session in cut_off {
        depart(engine, game, session, Left::ServerRestarted);
    }
    let mut waiting = Vec::new();
    each_of(store, Space::Task, |id, value| {
        if let Some(TaskRecord { due, set_aside: None, .. }) = value.downcast_ref() {
            waiting.push((id, *due));
        }
    })?;
    waiting.into_iter().for_each(|(task, due): (ObjectId, Timestamp)| timers.add(task, due));
    Ok(())
}

/// Calls `visit` with everything stored in `space`; a record that cannot be read is an error.
fn each_of(
    store: &dyn Store,
    space: Space,
    mut visit: impl FnMut(ObjectId, &dyn std::any::Any),
) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    store.scan(space.first(), space.last(), &mut |id, found| match found {
        Ok((_, value)) => visit(id, value.as_any()),
        Err(cause) => outcome = Err(cause),
    })?;
    outcome
}

/// Runs a task whose time has come; one that fails is set aside, with its cause.
pub(crate) fn run_due<G: Game>(engine: &Engine, task: ObjectId) {
    let job = Due::<G> { game: PhantomData, task };
    if let Outcome::Failed(cause) = engine.run(&job) {
        let reason = reason(&cause);
        error!(%task, reason, "a scheduled task failed and was set aside");
        if let Outcome::Failed(cause) = engine.run(&SetAside { task, reason }) {
            error!(%task, ?cause, "a failed task could not be set aside; it is tried again at the next start");
        }
    }
}
