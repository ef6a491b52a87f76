//! Checks a world at rest.

use std::path::Path;

use daystar_store::lmdb::LmdbStore;

use crate::game::rules::Game;
use crate::game::world::World;
use crate::server::error::ServeError;

/// What [`verify`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Verified {
    /// How many objects there are.
    pub objects: u64,
    /// What is wrong, one line each; empty if all is well.
    pub problems: Vec<String>,
}

/// Checks the world in `data`, which no server may have open: every record can be read, and the game's own rules
/// hold ([`Game::verify`]).
///
/// # Errors
/// The folder is not a world, is in use, or cannot be read. A world that breaks rules is not an error here, but
/// [`Verified::problems`].
pub fn verify<G: Game>(game: &G, data: &Path) -> Result<Verified, ServeError> {
    if !data.is_dir() {
        return Err(ServeError::NoWorld { path: data.to_owned() });
    }
    let store = LmdbStore::open(data, Default::default())?;
    let world = World::new(&store);
    let objects = world.check_records()?;
    if let Err(problem) = game.verify(&world) {
        world.problem(problem.to_string());
    }
    Ok(Verified { objects, problems: world.into_problems() })
}
