//! Opens the world that the last run left.

use std::sync::Arc;

use daystar_engine::{Engine, Outcome};
use daystar_model::{CommitNumber, ObjectId, Space, Store, StoreError};
use tracing::warn;

use crate::game::events::{Created, Departed, EndSession, reason};
use crate::game::rules::Game;
use crate::game::session::Left;
use crate::server::breaks::Breaks;
use crate::server::clock::WorldClock;
use crate::server::error::ServeError;
use crate::server::persistence::faults::Faults;
use crate::server::sessions::{Departure, depart};
use crate::server::tasks::load::check_kinds;

/// What a world is opened with.
pub(crate) struct Beginning<'a, G> {
    pub(crate) engine: &'a Engine,
    pub(crate) game: &'a Arc<G>,
    pub(crate) faults: &'a Arc<Faults>,
    pub(crate) clock: &'a WorldClock,
    pub(crate) breaks: Breaks,
}

impl<G: Game> Beginning<'_, G> {
    /// Builds an empty world, or picks up where the last run left it.
    pub(crate) fn open_world(&self, store: &dyn Store) -> Result<(), ServeError> {
        // Before anything is committed.
        let is_new = store.last_commit()? == CommitNumber::ZERO;
        let update = check_kinds(store)?;
        if !update.has_nothing()
            && let Outcome::Failed(cause) = self.engine.run(&update)
        {
            warn!(cause = reason(&cause), "the list of the kinds of task stays as it was");
        }
        if is_new
            && let Outcome::Failed(cause) =
                self.engine.run(&Created { game: Arc::clone(self.game) })
        {
            return Err(ServeError::Created { cause: reason(&cause) });
        }
        self.clock.keep(self.engine);
        let mut cut_off = Vec::new();
        each_of(store, Space::Session, |id, _| cut_off.push(id))?;
        if !cut_off.is_empty() {
            warn!(
                sessions = cut_off.len(),
                "the last run ended without a goodbye; its sessions end now"
            );
        }
        for session in cut_off {
            self.end_cut_off(session);
        }
        Ok(())
    }

    fn end_cut_off(&self, session: ObjectId) {
        if self.breaks.left_skipped {
            let _broken = self.engine.run(&EndSession { session });
            return;
        }
        if self.breaks.left_twice {
            let (game, why) = (Arc::clone(self.game), Left::ServerRestarted);
            let _broken = self.engine.run(&Departed { game, session, why, goes_on: true });
        }
        end_cut_off(self.engine, self.game, self.faults, session);
    }
}

/// Ends a session that a crash has cut off; later, if the store takes nothing at the moment.
fn end_cut_off<G: Game>(engine: &Engine, game: &Arc<G>, faults: &Arc<Faults>, session: ObjectId) {
    if let Departure::Later(cause) = depart(engine, game, session, Left::ServerRestarted) {
        let (game, again) = (Arc::clone(game), Arc::clone(faults));
        let work = Box::new(move |engine: &Engine| end_cut_off(engine, &game, &again, session));
        faults.run_again(&cause, work);
    }
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
