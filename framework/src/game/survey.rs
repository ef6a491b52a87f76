//! A look at the whole world at one moment, beside the game: [`Survey`].

use daystar_model::Managed;

use crate::game::ctx::Ctx;
use crate::game::external::Answer;
use crate::game::plan::Retry;
use crate::game::rules::Result;
use crate::game::task::Stored;
use crate::game::world::World;

/// A look at the whole world as it was at one moment, for [`Ctx::survey`]. The game goes on meanwhile: a survey is in nobody's
/// way, however long it takes. What it has found arrives as a task.
///
/// A value with `#[survey]` on its type. It is stored with the commit that asked for it, and made when that is on disk: the
/// moment is that commit's, or a later one. If the server is stopped before the end, the next start looks again.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Player { pub gold: u64 }
///
/// #[managed]
/// pub struct Wealth { pub gold: u64, pub players: u64 }
///
/// #[survey]
/// pub struct Census {}
///
/// impl Survey for Census {
///     type Found = Wealth;
///
///     fn look(&self, world: &World) -> Result<Wealth> {
///         let mut wealth = Wealth { gold: 0, players: 0 };
///         world.each::<Player>(|_, player| {
///             wealth.gold += player.gold;
///             wealth.players += 1;
///             Ok(())
///         })?;
///         Ok(wealth)
///     }
///     fn done(&self, ctx: &Ctx, wealth: Wealth) -> Result<()> {
///         let herald = ctx.lookup::<Wealth>("wealth")?;
///         *ctx.get_mut(herald)? = wealth;
///         Ok(())
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a survey",
    label = "not a survey",
    note = "put `#[survey]` above the definition of `{Self}`, and write `impl Survey for {Self}`"
)]
pub trait Survey: Managed {
    /// What was found.
    type Found: Managed;

    /// How often it is made when it fails, before it is set aside; and how often [`done`](Self::done) is tried.
    const RETRY: Retry = Retry::DEFAULT;

    /// Looks at the world, on a thread of its own. No more than two surveys look at once; the others wait.
    ///
    /// # Errors
    /// Nothing was found; it is looked again, at a later moment, as [`RETRY`](Self::RETRY) says. A rule that is broken is no
    /// error, but something found.
    fn look(&self, world: &World<'_>) -> Result<Self::Found>;

    /// Does what follows from what was found, as a task of its own, exactly once. The world has gone on since then.
    ///
    /// # Errors
    /// As [`Task::run`](crate::Task::run). It is tried again with what was found.
    fn done(&self, ctx: &Ctx, found: Self::Found) -> Result<()>;
}

/// Makes the survey that is stored so: what it finds, as it is stored.
pub(crate) fn look<T: Survey>(survey: Stored<'_>, world: &World<'_>) -> Result<Answer> {
    let found = survey.value::<T>()?.look(world)?;
    Ok(Answer { version: T::Found::VERSION, payload: Managed::encode(&found)? })
}

/// Does what follows from what a stored survey has found.
pub(crate) fn done<T: Survey>(survey: Stored<'_>, found: Stored<'_>, ctx: &Ctx) -> Result<()> {
    survey.value::<T>()?.done(ctx, found.value()?)
}
