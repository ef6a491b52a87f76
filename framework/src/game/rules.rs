//! [`Game`]: what a programmer implements to have a server.

use daystar_engine::Error;
use daystar_protocol::message::Message;

use crate::game::ctx::Ctx;
use crate::game::session::{Left, Session};
use crate::game::world::World;

/// What game code returns: `?`, [`ensure!`](crate::ensure) and [`bail!`](crate::bail) make the error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A game: what happens when a client joins, asks for something, leaves.
///
/// Each of these functions runs as one task: it happens as a whole or not at all, as if it were alone in the
/// world, and it may be run several times before it commits. So it must touch nothing but `ctx`: no clock, no
/// static, no file. An error rolls the task back, and the client is told the error's text.
///
/// ```
/// use daystar::prelude::*;
///
/// #[managed]
/// pub struct Tally { pub clicks: u64 }
///
/// #[message]
/// pub enum Request { Click }
/// #[message]
/// pub enum Event { Clicks(u64) }
///
/// pub struct Clicker;
///
/// impl Game for Clicker {
///     type Request = Request;
///     type Event = Event;
///     const NAME: &'static str = "clicker";
///
///     fn created(&self, ctx: &Ctx) -> Result<()> {
///         let tally = ctx.insert(Tally { clicks: 0 })?;
///         ctx.bind("tally", tally)
///     }
///     fn received(&self, ctx: &Ctx, _: Session, Request::Click: Request) -> Result<()> {
///         let mut tally = ctx.get_mut(ctx.lookup::<Tally>("tally")?)?;
///         tally.clicks += 1;
///         ctx.reply(Event::Clicks(tally.clicks));
///         Ok(())
///     }
/// }
/// ```
pub trait Game: Send + Sync + 'static {
    /// What clients ask.
    type Request: Message;
    /// What clients are told.
    type Event: Message;
    /// The game's name, which a client must give when it joins: it tells a client of another game apart.
    const NAME: &'static str;

    /// Builds the world. Runs once, on an empty store, before anyone can join.
    ///
    /// # Errors
    /// Stops the server from starting.
    fn created(&self, ctx: &Ctx) -> Result<()> {
        let _ = ctx;
        Ok(())
    }

    /// A client has joined, under the name that [`Ctx::name`] tells.
    ///
    /// # Errors
    /// Keeps the client out, and tells it why.
    fn joined(&self, ctx: &Ctx, session: Session) -> Result<()> {
        let _ = (ctx, session);
        Ok(())
    }

    /// A client asks for something.
    ///
    /// # Errors
    /// Refuses the request: nothing has happened, and the client is told why.
    fn received(&self, ctx: &Ctx, session: Session, request: Self::Request) -> Result<()>;

    /// Whether this request only reads. [`received`](Self::received) then sees the whole world as it was at one moment, however
    /// much it looks at and whatever others change meanwhile: no change makes it run again, and it holds nobody up. The moment is
    /// when its turn comes, so it sees all that its own session has asked for before.
    ///
    /// ```
    /// use daystar::prelude::*;
    ///
    /// #[managed]
    /// pub struct Village { pub gold: Map<String, u64> }
    ///
    /// #[message]
    /// pub enum Request { Earn(u64), Richest }
    /// #[message]
    /// pub enum Event { Richest(Option<String>) }
    ///
    /// pub struct Hamlet;
    ///
    /// impl Game for Hamlet {
    ///     type Request = Request;
    ///     type Event = Event;
    ///     const NAME: &'static str = "hamlet";
    ///
    ///     fn only_reads(&self, request: &Request) -> bool {
    ///         matches!(request, Request::Richest)
    ///     }
    ///     fn received(&self, ctx: &Ctx, session: Session, request: Request) -> Result<()> {
    ///         let gold = ctx.get(ctx.lookup::<Village>("village")?)?.gold;
    ///         match request {
    ///             Request::Earn(amount) => {
    ///                 let name = ctx.name(session)?;
    ///                 let before = gold.get(ctx, &name)?.unwrap_or(0);
    ///                 gold.insert(ctx, name, before + amount)?;
    ///             }
    ///             Request::Richest => {
    ///                 let mut richest = None;
    ///                 for entry in gold.iter(ctx)? {
    ///                     let (name, gold) = entry?;
    ///                     richest = richest.max(Some((gold, name)));
    ///                 }
    ///                 ctx.reply(Event::Richest(richest.map(|(_, name)| name)));
    ///             }
    ///         }
    ///         Ok(())
    ///     }
    /// #   fn created(&self, ctx: &Ctx) -> Result<()> {
    /// #       let village = ctx.insert(Village { gold: Map::new(ctx)? })?;
    /// #       ctx.bind("village", village)
    /// #   }
    /// }
    /// ```
    ///
    /// Such a request may reply, and send to sessions and channels. All else fails. To change, make or remove an object, to bind a
    /// name, to ask for a task or take one back is a [`Fault::ReadOnly`](crate::Fault::ReadOnly); to let a session join or leave a
    /// channel, or to disconnect one, is a [`SessionError::OnlyReads`](crate::SessionError::OnlyReads).
    ///
    /// What it says is of its moment, and leaves when it is done. So a client may have been sent something newer before, by a
    /// task that has committed meanwhile. If a client is to go on from an answer with the events that follow, its request is not
    /// one that only reads.
    ///
    /// This is for requests that look at much, or at what changes all the time: the versions that they may still want to see stay in
    /// memory until they end. One that looks at a few objects which rarely change gains nothing.
    ///
    /// Must depend on nothing but the request.
    fn only_reads(&self, request: &Self::Request) -> bool {
        let _ = request;
        false
    }

    /// A client has gone. Runs once for every `joined` that committed, also across a crash of the server.
    ///
    /// # Errors
    /// Is reported; the session ends all the same.
    fn left(&self, ctx: &Ctx, session: Session, why: Left) -> Result<()> {
        let _ = (ctx, session, why);
        Ok(())
    }

    /// Checks the rules that must hold of every world of this game at every moment: what `verify` on the command line
    /// runs.
    ///
    /// # Errors
    /// The world breaks a rule. To report several, call [`World::problem`] for each.
    fn verify(&self, world: &World) -> Result<()> {
        let _ = world;
        Ok(())
    }
}

/// Refuses with the given text unless the condition holds: the task is rolled back, and the client is told.
///
/// ```
/// # use daystar::prelude::*;
/// fn pay(gold: &mut u64, price: u64) -> Result<()> {
///     ensure!(*gold >= price, "you have only {gold} gold");
///     *gold -= price;
///     Ok(())
/// }
/// assert_eq!(pay(&mut 3, 5).unwrap_err().to_string(), "you have only 3 gold");
/// ```
#[macro_export]
macro_rules! ensure {
    ($condition:expr, $($reason:tt)+) => {
        if !$condition {
            $crate::bail!($($reason)+);
        }
    };
}

/// Refuses with the given text: the task is rolled back, and the client is told.
///
/// ```
/// # use daystar::prelude::*;
/// fn closed() -> Result<()> {
///     bail!("the shop is closed until {}", 8)
/// }
/// assert_eq!(closed().unwrap_err().to_string(), "the shop is closed until 8");
/// ```
#[macro_export]
macro_rules! bail {
    ($($reason:tt)+) => {
        return ::core::result::Result::Err($crate::Error::refused(::std::format!($($reason)+)))
    };
}
