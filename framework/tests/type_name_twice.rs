//! Two managed types of one program under one name: a server says so and does not start.

use daystar::Server;
use daystar::prelude::*;

mod here {
    use daystar::prelude::*;
    #[managed]
    pub(crate) struct Thing {}
}

mod there {
    use daystar::prelude::*;
    #[managed]
    pub(crate) struct Thing {}
}

#[message]
struct Nothing {}

struct Clash;

impl Game for Clash {
    type Request = Nothing;
    type Event = Nothing;
    const NAME: &'static str = "clash";

    fn received(&self, ctx: &Ctx, _: Session, _: Nothing) -> Result<()> {
        ctx.insert(here::Thing {})?;
        ctx.insert(there::Thing {})?;
        Ok(())
    }
}

#[test]
fn the_server_does_not_start() {
    match Server::builder(Clash).in_memory().start() {
        Err(cause) => assert!(cause.to_string().contains("the name `Thing`"), "told: {cause}"),
        Ok(_) => panic!("two things under one name"),
    }
}
