//! Where commits go, in commit order: their changes to the store, their effects to sessions and timers.

use std::sync::Arc;

use daystar_engine::{CommitSink, Committed, Durability, Effect, NotAccepted};
use daystar_model::ObjectId;
use daystar_protocol::handshake::Secret;
use daystar_protocol::to_client::ToClient;

use crate::net::channels::Switchboard;
use crate::net::watermark::Hold;
use crate::scheduler::timer::Timers;
use crate::server::persistence::Persistence;

/// The engine's [`CommitSink`].
pub(crate) struct Dispatch {
    pub(crate) persistence: Arc<Persistence>,
    pub(crate) switchboard: Arc<Switchboard>,
    pub(crate) timers: Arc<Timers>,
    /// When clients are told, unless an effect says otherwise.
    pub(crate) durability: Durability,
    /// Broken on purpose: what must wait for the disk does not.
    pub(crate) is_early: bool,
}

impl CommitSink for Dispatch {
    fn committed(&self, mut commit: Committed) {
        let durable = Hold::until(commit.number.0);
        let is_wanted =
            commit.effects.iter().any(|effect| self.level(effect) == Durability::Durable);
        self.persistence.backlog.put(&mut commit, is_wanted);
        for effect in commit.effects {
            let hold = match self.level(&effect) {
                Durability::Durable if !self.is_early => durable,
                Durability::Durable | Durability::Committed => Hold::NONE,
            };
            self.act(effect, hold);
        }
    }

    fn wait_for_room(&self) {
        self.persistence.backlog.wait_for_room();
    }

    fn accepts(&self) -> Result<(), NotAccepted> {
        self.persistence.faults.accepts()
    }
}

impl Dispatch {
    /// When a client may be told of `effect`.
    fn level(&self, effect: &Effect) -> Durability {
        match effect {
            Effect::At { durability, .. } => *durability,
            // These tell nobody anything.
            Effect::JoinChannel { .. }
            | Effect::LeaveChannel { .. }
            | Effect::Forget { .. }
            | Effect::Schedule { .. } => Durability::Committed,
            _ => self.durability,
        }
    }

    fn act(&self, effect: Effect, hold: Hold) {
        let switchboard = &self.switchboard;
        let tell = |session: ObjectId, frame: ToClient| {
            switchboard.deliver(session.to_raw(), frame.encode(), hold);
        };
        match effect {
            Effect::Welcome { session } => {
                let secret = Secret::new([0; 32]);
                tell(
                    session,
                    ToClient::Welcome { session: session.to_raw(), secret, window_ms: 0 },
                );
            }
            Effect::Reject { session, reason } => {
                switchboard.reject(session.to_raw(), &reason, hold);
            }
            Effect::Send { session, frame } | Effect::Reply { session, frame } => {
                switchboard.deliver(session.to_raw(), frame, hold);
            }
            Effect::Refuse { session, call, reason } => {
                tell(session, ToClient::Refused { call: call.unwrap_or(0), reason });
            }
            Effect::JoinChannel { channel, session } => {
                switchboard.join(&channel, session.to_raw());
            }
            Effect::LeaveChannel { channel, session } => {
                switchboard.leave(&channel, session.to_raw());
            }
            Effect::SendChannel { channel, frame } => {
                switchboard.broadcast(&channel, &frame, hold);
            }
            Effect::Disconnect { session, reason } => {
                switchboard.disconnect(session.to_raw(), &reason, hold);
            }
            Effect::Forget { session } => switchboard.unregister(session.to_raw()),
            Effect::Schedule { task, due } => self.timers.add(task, due),
            Effect::At { effect, .. } => self.act(*effect, hold),
            effect => tracing::error!(?effect, "the server does not know this effect"),
        }
    }
}
