//! The game of the benches over the network: accounts, an echo, a channel.

use std::net::SocketAddr;
use std::path::Path;

use daystar::prelude::*;
use daystar::{NetworkLimits, Server};
use daystar_model::Ref;
use daystar_store::Options;

use crate::disk::{fill, folder, id, open};
use crate::wire::process::make_world;

/// Somebody's gold.
#[managed]
pub(crate) struct Account {
    gold: u64,
}

/// What a session plays.
#[managed]
pub(crate) struct Guest {
    requests: u64,
}

/// 32 bytes, with the one that says which it is.
pub(crate) type Content = [u8; 31];

#[message]
pub(crate) enum Request {
    /// Counts one more request of this guest, and is answered in kind.
    Echo(Content),
    /// Moves gold from one account to another, and is answered with what is in them.
    Transfer { from: u32, to: u32, gold: u32 },
    /// From now on hears what is said.
    Listen,
    /// To all who listen.
    Say(Content),
}

#[message]
pub(crate) enum Event {
    Echo(Content),
    Moved { from: u64, to: u64 },
    Said(Content),
}

pub(crate) struct Contest;

impl Game for Contest {
    const NAME: &'static str = "contest";
    type Request = Request;
    type Event = Event;

    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        let guest = ctx.insert(Guest { requests: 0 })?;
        ctx.attach(session, guest)
    }

    fn received(&self, ctx: &Ctx, session: Session, request: Request) -> Result<()> {
        match request {
            Request::Echo(content) => {
                ctx.get_mut(ctx.attached::<Guest>(session)?)?.requests += 1;
                ctx.reply(Event::Echo(content));
            }
            Request::Transfer { from, to, gold } => {
                let mut giver = ctx.get_mut(account(from))?;
                let mut taker = ctx.get_mut(account(to))?;
                let gold = u64::from(gold);
                ensure!(giver.gold >= gold, "there are only {} gold", giver.gold);
                giver.gold -= gold;
                taker.gold += gold;
                ctx.reply(Event::Moved { from: giver.gold, to: taker.gold });
            }
            Request::Listen => ctx.channel(CHANNEL).join(session),
            Request::Say(content) => ctx.channel(CHANNEL).send(Event::Said(content)),
        }
        Ok(())
    }

    fn left(&self, ctx: &Ctx, session: Session, _: Left) -> Result<()> {
        ctx.remove(ctx.attached::<Guest>(session)?)
    }
}

fn account(number: u32) -> Ref<Account> {
    Ref::from_id(id(1 + u64::from(number)))
}

/// Fills the world in this folder with accounts.
pub(crate) fn fill_world(world: &Path) {
    fill(&open(world, Options::default()), u64::from(ACCOUNTS), |_| Account { gold: OPENING_GOLD });
}

/// Serves the game from a new world on disk; `ready` is told where, and returns when it is to end.
pub(crate) fn serve(ready: fn(SocketAddr)) {
    let folder = folder();
    let world = folder.path().join("world");
    make_world(&world);
    // As fast as they can is what the clients are to be, which no player is.
    let limits = NetworkLimits {
        messages_per_second: 1e9,
        message_burst: u32::MAX,
        // The rival waits for no more either.
        channel_delay: Duration::ZERO,
        ..NetworkLimits::default()
    };
    let server = Server::builder(Contest).data(world).network(limits).start();
    let server = server.unwrap_or_else(|cause| panic!("no server: {cause}"));
    ready(server.address());
    server.stop().unwrap_or_else(|cause| panic!("it does not stop: {cause}"));
}

/// How many accounts there are; their numbers begin at zero.
pub(crate) const ACCOUNTS: u32 = 100_000;

/// Never given away one by one within a bench, and three bytes on the wire.
const OPENING_GOLD: u64 = 1_000_000;

const CHANNEL: &str = "all";
