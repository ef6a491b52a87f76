//! Checks a whole world: its records, and the game's rules.

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
/// hold ([`Game::verify`]). A server of another process may have it open.
///
/// # Errors
/// The folder is not a world, is in use by this process, or cannot be read. A world that breaks rules is not an error
/// here, but [`Verified::problems`].
pub fn verify<G: Game>(game: &G, data: &Path) -> Result<Verified, ServeError> {
    let moment = Moment::open(data, Default::default())?;
    let Records { objects, problems } = check_records(&moment, usize::MAX, &mut |_, _| {})?;
    let mut problems = problems.into_listed();
    problems.extend(check_rules(game, &moment, usize::MAX).into_listed());
    Ok(Verified { objects, problems })
}

/// What breaks the game's rules, of which no more than `limit` are listed.
pub(crate) fn check_rules<G: Game>(game: &G, moment: &Moment, limit: usize) -> Problems {
    let world = World::new(moment, limit);
    if let Err(problem) = game.verify(&world) {
        world.problem(problem.to_string());
    }
    world.into_problems()
}
