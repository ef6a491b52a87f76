//! Saying something at a level of durability other than the server's.

use daystar_engine::{Durability, Effect};
use daystar_protocol::message::Message;

use crate::game::channel::Channel;
use crate::game::ctx::Ctx;
use crate::game::session::Session;

/// What [`Ctx::durable`] and [`Ctx::at`] give: all that is said through it is sent when the level says.
///
/// What a session is sent stays in the order of the commits, whatever the levels: a message that need not wait waits all the
/// same behind one to the same session that must.
pub struct At<'c, 'a, 'e> {
    ctx: &'c Ctx<'a, 'e>,
    durability: Durability,
}

impl<'c, 'a, 'e> At<'c, 'a, 'e> {
    pub(crate) fn new(ctx: &'c Ctx<'a, 'e>, durability: Durability) -> Self {
        Self { ctx, durability }
    }

    /// [`Ctx::send`], at this level.
    pub fn send<M: Message>(&self, session: Session, event: M) {
        self.ctx.send_at(Some(self.durability), session, event);
    }

    /// [`Ctx::reply`], at this level. A client that waits until its call is on disk does so in any case.
    pub fn reply<M: Message>(&self, event: M) {
        self.ctx.reply_at(Some(self.durability), event);
    }

    /// [`Ctx::channel`]: what is sent there through it is sent at this level.
    pub fn channel(&self, name: &str) -> Channel<'c, 'a, 'e> {
        Channel::new(self.ctx, name, Some(self.durability))
    }

    /// [`Ctx::disconnect`]: the client goes, and learns why, at this level.
    pub fn disconnect(&self, session: Session, reason: &str) {
        let effect = Effect::Disconnect { session: session.id(), reason: reason.to_owned() };
        self.ctx.tell(Some(self.durability), effect);
    }
}
