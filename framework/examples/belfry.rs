//! The smallest world: a bell that everyone hears. The README's game.

use daystar::prelude::*;

#[managed]
struct Bell {
    rings: u64,
}
#[message]
pub(crate) enum Request {
    Ring,
}
#[message]
pub(crate) enum Event {
    Rang { times: u64, by: String },
}

pub(crate) struct Belfry;

impl Game for Belfry {
    type Request = Request;
    type Event = Event;
    const NAME: &'static str = "belfry";

    fn created(&self, ctx: &Ctx) -> Result<()> {
        let bell = ctx.insert(Bell { rings: 0 })?;
        ctx.bind("bell", bell)
    }
    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        ctx.channel("square").join(session);
        Ok(())
    }
    fn received(&self, ctx: &Ctx, session: Session, _: Request) -> Result<()> {
        let mut bell = ctx.get_mut(ctx.lookup::<Bell>("bell")?)?;
        bell.rings += 1;
        ctx.channel("square").send(Event::Rang { times: bell.rings, by: ctx.name(session)? });
        Ok(())
    }
}

fn main() -> daystar::Outcome {
    daystar::cli(Belfry)
}
