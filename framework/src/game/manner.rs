//! Saying something in another manner than the ordinary: at another level of durability, or by another delivery.

use std::hash::{DefaultHasher, Hash, Hasher};

use daystar_engine::{Delivery, Durability, Effect};
use daystar_protocol::message::Message;

use crate::game::channel::Channel;
use crate::game::ctx::Ctx;
use crate::game::session::Session;

/// When and how something is said.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// `None`: at the server's level.
    pub(crate) durability: Option<Durability>,
    pub(crate) delivery: Delivery,
}

impl Manner {
    pub(crate) fn at(self, durability: Durability) -> Self {
        Self { durability: Some(durability), ..self }
    }

    pub(crate) fn by(self, delivery: Delivery) -> Self {
        Self { delivery, ..self }
    }

    pub(crate) fn of(self, effect: Effect) -> Effect {
        let effect = effect.by(self.delivery);
        match self.durability {
            Some(durability) => effect.at(durability),
            None => effect,
        }
    }
}

/// A key as it is compared: the same in every run.
pub(crate) fn key(key: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

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

    fn manner(&self) -> Manner {
        Manner::default().at(self.durability)
    }

    /// [`Ctx::send`], at this level.
    pub fn send<M: Message>(&self, session: Session, event: M) {
        self.ctx.send_in(self.manner(), session, event);
    }

    /// [`Ctx::reply`], at this level. A client that waits until its call is on disk does so in any case, and one that wants to be
    /// answered at commit gets what is said [durably](Ctx::durable) when it is on disk.
    pub fn reply<M: Message>(&self, event: M) {
        self.ctx.reply_in(self.manner(), event);
    }

    /// [`Ctx::channel`]: what is sent there through it is sent at this level.
    pub fn channel(&self, name: &str) -> Channel<'c, 'a, 'e> {
        Channel::new(self.ctx, name, self.manner())
    }

    /// [`Ctx::unreliable`], at this level.
    pub fn unreliable(&self) -> By<'c, 'a, 'e> {
        By { ctx: self.ctx, manner: self.manner().by(Delivery::Unreliable) }
    }

    /// [`Ctx::latest`], at this level.
    pub fn latest(&self, key: impl Hash) -> By<'c, 'a, 'e> {
        By { ctx: self.ctx, manner: self.manner().by(Delivery::Latest(self::key(key))) }
    }

    /// [`Ctx::disconnect`]: the client goes, and learns why, at this level.
    pub fn disconnect(&self, session: Session, reason: &str) {
        let effect = Effect::Disconnect { session: session.id(), reason: reason.to_owned() };
        self.ctx.tell(self.manner(), effect);
    }
}

/// What [`Ctx::unreliable`] and [`Ctx::latest`] give: all that is sent through it is delivered so.
pub struct By<'c, 'a, 'e> {
    ctx: &'c Ctx<'a, 'e>,
    manner: Manner,
}

impl<'c, 'a, 'e> By<'c, 'a, 'e> {
    pub(crate) fn new(ctx: &'c Ctx<'a, 'e>, delivery: Delivery) -> Self {
        Self { ctx, manner: Manner::default().by(delivery) }
    }

    /// [`Ctx::send`], delivered so.
    pub fn send<M: Message>(&self, session: Session, event: M) {
        self.ctx.send_in(self.manner, session, event);
    }

    /// [`Ctx::channel`]: what is sent there through it is delivered so.
    pub fn channel(&self, name: &str) -> Channel<'c, 'a, 'e> {
        Channel::new(self.ctx, name, self.manner)
    }
}
