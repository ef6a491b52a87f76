//! What a job wants done besides changing objects: a value, acted on only after its commit.

use crate::sync::Arc;

use bytes::Bytes;
use daystar_model::{Dial, ObjectId, Timestamp};
use smallvec::SmallVec;

/// What must have become of a commit before a client is told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// That it has happened. A crash may still take it back, with all that came after it.
    #[default]
    Committed,
    /// That it is on disk: nothing takes it back, no crash and no power cut.
    Durable,
}

/// What may become of a message on its way to a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// It arrives, behind all that was said to the session before.
    #[default]
    Ordered,
    /// It may be lost, and may arrive before or behind what was said around it.
    Unreliable,
    /// It arrives, in order, unless a newer one of the same key is there before it was sent: then only that one does.
    Latest(u64),
}

/// One thing to be done when the job has committed. Sessions are named by their object's id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// The session's `joined` has committed: the client is told that it is in.
    Welcome {
        /// Who joined.
        session: ObjectId,
    },
    /// The session's `joined` was refused: the client is told why, and let go.
    Reject {
        /// Who asked to join.
        session: ObjectId,
        /// Why not.
        reason: String,
        /// Whether that is nothing of the game's, and may pass: the same client may be let in later.
        is_passing: bool,
    },
    /// A message to one client.
    Send {
        /// To whom.
        session: ObjectId,
        /// The message as it is sent.
        frame: Bytes,
    },
    /// A call has committed.
    Reply {
        /// Who called.
        session: ObjectId,
        /// The answer as it is sent; it names the call.
        frame: Bytes,
    },
    /// A request was refused; nothing of it happened.
    Refuse {
        /// Who asked.
        session: ObjectId,
        /// Which of its calls; `None` for a request sent without waiting.
        call: Option<u32>,
        /// Why.
        reason: String,
    },
    /// A session enters a channel.
    JoinChannel {
        /// The channel's name.
        channel: Arc<str>,
        /// Who.
        session: ObjectId,
    },
    /// A session leaves a channel.
    LeaveChannel {
        /// The channel's name.
        channel: Arc<str>,
        /// Who.
        session: ObjectId,
    },
    /// A message to all who are in a channel at this commit.
    SendChannel {
        /// The channel's name.
        channel: Arc<str>,
        /// The message as it is sent, shared by all outboxes.
        frame: Bytes,
    },
    /// The session is to be let go.
    Disconnect {
        /// Who.
        session: ObjectId,
        /// What the client is told.
        reason: String,
    },
    /// The session's `left` has committed: it is gone.
    Forget {
        /// Who.
        session: ObjectId,
    },
    /// The task object `task` is to be run at `due`.
    Schedule {
        /// The task's object.
        task: ObjectId,
        /// When.
        due: Timestamp,
        /// By which clock.
        dial: Dial,
        /// What kind of task it is.
        kind: &'static str,
    },
    /// The task object `task`, which was to be run, is gone.
    Unschedule {
        /// The task's object.
        task: ObjectId,
    },
    /// An effect that tells a client something, at another level than the server's own.
    At {
        /// When the client may be told.
        durability: Durability,
        /// What is to be done.
        effect: Box<Effect>,
    },
    /// A [`Send`](Self::Send) or [`SendChannel`](Self::SendChannel) that is not sent in the ordinary way.
    By {
        /// How it is sent.
        delivery: Delivery,
        /// What is sent.
        effect: Box<Effect>,
    },
}

impl Effect {
    /// The same, told when `durability` says.
    pub fn at(self, durability: Durability) -> Self {
        Effect::At { durability, effect: Box::new(self) }
    }

    /// The same, sent as `delivery` says. Of effects that are no messages it changes nothing.
    pub fn by(self, delivery: Delivery) -> Self {
        match delivery {
            Delivery::Ordered => self,
            delivery => Effect::By { delivery, effect: Box::new(self) },
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Effect::Send { frame, .. }
            | Effect::Reply { frame, .. }
            | Effect::SendChannel { frame, .. } => frame.len(),
            Effect::At { effect, .. } | Effect::By { effect, .. } => effect.bytes(),
            _ => 0,
        }
    }
}

/// All effects of one job, in the order in which it asked for them. Most have one, a reply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects(SmallVec<[Effect; 1]>);

impl Effects {
    /// The one door through which effects come in.
    pub fn push(&mut self, effect: Effect) {
        self.0.push(effect);
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes the messages among them have.
    pub fn bytes(&self) -> usize {
        self.0.iter().map(Effect::bytes).sum()
    }

    /// Each, in the order in which they were asked for.
    pub fn iter(&self) -> std::slice::Iter<'_, Effect> {
        self.0.iter()
    }
}

impl IntoIterator for Effects {
    type Item = Effect;
    type IntoIter = smallvec::IntoIter<[Effect; 1]>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
