//! Checks a whole world: its records, and the game's rules.

use std::cell::RefCell;
use std::path::Path;

use daystar_store::Moment;

use crate::game::problems::Problems;
use crate::game::rules::Game;
use crate::game::world::World;
use crate::server::error::ServeError;
use crate::server::records::{Records, check_records};

/// What [`verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verified {
    /// How many objects there are.
    pub objects: u64,
    /// What is wrong, one line each; empty if all is well.
    pub problems: Vec<String>,
}

/// Checks the world in `data` as it is at this moment: every record can be read, and the game's own rules
/// hold ([`Game::verify`]). A server of another process may have it open. If the world's journal is damaged, that is a problem, too,
/// and what is checked is the world as it was before that.
///
/// # Errors
/// The folder is not a world, is in use by this process, or cannot be read. A world that breaks rules is not an error
/// here, but [`Verified::problems`].
pub fn verify<G: Game>(game: &G, data: &Path) -> Result<Verified, ServeError> {
    let moment = Moment::open_before_damage(data, Default::default())?;
    let Records { objects, problems } = check_records(&moment, usize::MAX, &mut |_, _| {})?;
    let mut problems = problems.into_listed();
    problems.extend(check_rules(game, &moment, usize::MAX, &mut |_| {}).into_listed());
    Ok(Verified { objects, problems })
}

/// What breaks the game's rules, of which no more than `limit` are listed. `progress` is told how many objects the game has looked
/// at, each as often as it has; how many there will be, only the game knows.
pub(crate) fn check_rules<G: Game>(
    game: &G,
    moment: &Moment,
    limit: usize,
    progress: &mut dyn FnMut(u64),
) -> Problems {
    if moment.damage().is_some_and(|damage| damage.is_overwritten) {
        // No game has rules for a world that never was.
        return Problems::up_to(limit);
    }
    let looked_at = RefCell::new((0, progress));
    let count = || {
        let (seen, progress) = &mut *looked_at.borrow_mut();
        *seen += 1;
        progress(*seen);
        Ok(())
    };
    let world = World::checked(moment, limit, &count);
    if let Err(problem) = game.verify(&world) {
        world.problem(problem.to_string());
    }
    world.into_problems()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use daystar_model::{Batch, CommitNumber, ObjectId, Space, Store};
    use daystar_store::LmdbStore;

    use super::*;
    use crate::game::idle::Nothing;
    use crate::prelude::*;

    #[managed(name = "verify.Stone")]
    struct Stone {}

    struct Quarry;

    impl Game for Quarry {
        type Request = Nothing;
        type Event = Nothing;
        const NAME: &'static str = "quarry";

        fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
            Ok(())
        }

        fn verify(&self, world: &crate::World) -> Result<()> {
            world.each::<Stone>(|stone, _| {
                world.get(stone)?;
                world.problem("it is loose");
                Ok(())
            })
        }
    }

    #[test]
    fn what_the_game_looks_at_is_counted_while_it_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = LmdbStore::open(folder.path(), Default::default()).expect("a world");
        let last = CommitNumber(1);
        let stone = |index| {
            let stone = Arc::new(Stone {});
            (ObjectId::new(Space::Object, index), last, Some(stone as _))
        };
        let batch = Batch { changes: (1..=10).map(stone).collect(), last, next_index: 11 };
        store.apply(&batch).expect("room");
        let moment = store.moment().expect("a moment");
        let mut told = Vec::new();
        let problems = check_rules(&Quarry, &moment, 3, &mut |looked_at| told.push(looked_at));
        assert_eq!(problems.count(), 10);
        assert_eq!(told, (1..=20).collect::<Vec<u64>>(), "each in turn, and as it was asked for");
    }
}
