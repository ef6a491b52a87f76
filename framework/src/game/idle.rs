//! A game in which nothing ever happens, for tests that need some game.

use crate::prelude::*;

#[message]
pub(crate) struct Nothing;

pub(crate) struct Idle;

impl Game for Idle {
    type Request = Nothing;
    type Event = Nothing;
    const NAME: &'static str = "idle";

    fn received(&self, _: &Ctx, _: Session, _: Nothing) -> Result<()> {
        Ok(())
    }
}
