//! Channels: named groups of sessions that are sent to at once.

use std::hash::Hash;
use std::sync::Arc;

use daystar_engine::{Delivery, Effect};
use daystar_protocol::message::Message;

use crate::game::ctx::Ctx;
use crate::game::manner::{Manner, key};
use crate::game::session::Session;

/// A named group of sessions, as [`Ctx::channel`] gives it. It need not be made before it is used, and a
/// session that is over is in no channel.
pub struct Channel<'c, 'a, 'e> {
    ctx: &'c Ctx<'a, 'e>,
    name: Arc<str>,
    manner: Manner,
}

impl<'c, 'a, 'e> Channel<'c, 'a, 'e> {
    pub(crate) fn new(ctx: &'c Ctx<'a, 'e>, name: &str, manner: Manner) -> Self {
        Self { ctx, name: name.into(), manner }
    }

    /// Lets `session` hear what is sent here, from this commit on.
    ///
    /// In a request that [only reads](crate::Game::only_reads), this and [`leave`](Self::leave) make the task fail at its end.
    pub fn join(&self, session: Session) {
        self.ctx.effect(Effect::JoinChannel { channel: self.name.clone(), session: session.id() });
    }

    /// Lets `session` hear no more of what is sent here.
    pub fn leave(&self, session: Session) {
        self.ctx.effect(Effect::LeaveChannel { channel: self.name.clone(), session: session.id() });
    }

    /// Sends `event` to all who are in the channel when this task commits. It is encoded once, and handed
    /// out off the task's path.
    pub fn send<M: Message>(&self, event: M) {
        if let Some(frame) = self.ctx.event_frame(&event) {
            let channel = self.name.clone();
            self.ctx.tell(self.manner, Effect::SendChannel { channel, frame });
        }
    }

    /// The same channel, where what is sent may be lost: see [`Ctx::unreliable`].
    pub fn unreliable(self) -> Self {
        Self { manner: self.manner.by(Delivery::Unreliable), ..self }
    }

    /// The same channel, where only the newest of what is sent under `key` counts: see [`Ctx::latest`].
    pub fn latest(self, key: impl Hash) -> Self {
        Self { manner: self.manner.by(Delivery::Latest(self::key(key))), ..self }
    }
}
