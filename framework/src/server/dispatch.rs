//! Where commits go, in commit order: their changes to the store, their effects to sessions and timers.

use std::sync::Arc;

use daystar_engine::{CommitSink, Committed, Effect};
use daystar_model::ObjectId;
use daystar_protocol::to_client::ToClient;

use crate::net::channels::Switchboard;
use crate::scheduler::timer::Timers;
use crate::server::persistence::Backlog;

/// The engine's [`CommitSink`].
pub(crate) struct Dispatch {
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) switchboard: Arc<Switchboard>,
    pub(crate) timers: Arc<Timers>,
}

impl CommitSink for Dispatch {
    fn committed(&self, mut commit: Committed) {
        if !commit.changes.is_empty() {
            self.backlog.put(&mut commit);
        }
        for effect in commit.effects {
            self.act(effect);
        }
    }

    fn wait_for_room(&self) {
        self.backlog.wait_for_room();
    }
}

impl Dispatch {
    fn act(&self, effect: Effect) {
        let switchboard = &self.switchboard;
        let tell = |session: ObjectId, frame: ToClient| {
            switchboard.deliver(session.to_raw(), frame.encode());
        };
        match effect {
            Effect::Welcome { session } => {
                tell(session, ToClient::Welcome { session: session.to_raw() });
            }
            Effect::Reject { session, reason } => switchboard.reject(session.to_raw(), &reason),
            Effect::Send { session, frame } | Effect::Reply { session, frame } => {
                switchboard.deliver(session.to_raw(), frame);
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
            Effect::SendChannel { channel, frame } => switchboard.broadcast(&channel, &frame),
            Effect::Disconnect { session, reason } => {
                switchboard.disconnect(session.to_raw(), &reason);
            }
            Effect::Forget { session } => switchboard.unregister(session.to_raw()),
            Effect::Schedule { task, due } => self.timers.add(task, due),
            effect => tracing::error!(?effect, "the server does not know this effect"),
        }
    }
}
