//! Where commits go, in commit order: their changes to the store, their effects to sessions and timers.

use std::sync::Arc;

use daystar_engine::{CommitSink, Committed, Durability, Effect, NotAccepted};
use daystar_protocol::reject::RejectCode;
use daystar_protocol::to_client::ToClient;

use crate::net::channels::{Act, Acts, Switchboard};
use crate::net::outbox::{Delivery, Say};
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
        let mut acts = Acts::new();
        for effect in commit.effects {
            let hold = match self.level(&effect) {
                Durability::Durable if !self.is_early => durable,
                Durability::Durable | Durability::Committed => Hold::NONE,
            };
            acts.extend(self.act(effect, hold, Delivery::Ordered));
        }
        if !acts.is_empty() {
            self.switchboard.act(acts);
        }
    }

    fn wait_for_room(&self) {
        self.switchboard.wait_for_room();
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
            | Effect::Schedule { .. }
            | Effect::Unschedule { .. } => Durability::Committed,
            _ => self.durability,
        }
    }

    /// What the network is to do for `effect`; what is not the network's is done.
    fn act(&self, effect: Effect, hold: Hold, delivery: Delivery) -> Option<Act> {
        let say = |frame| Say { frame, hold, delivery, is_patient: false };
        Some(match effect {
            Effect::Welcome { session } => Act::Welcome { session: session.to_raw(), hold },
            Effect::Reject { session, reason, is_passing } => {
                let code = if is_passing { RejectCode::Busy } else { RejectCode::Other };
                Act::Reject { session: session.to_raw(), code, reason, hold }
            }
            Effect::Send { session, frame } | Effect::Reply { session, frame } => {
                Act::Say { session: session.to_raw(), say: say(frame) }
            }
            Effect::Refuse { session, call, reason } => {
                let frame = ToClient::Refused { call: call.unwrap_or(0), reason }.encode();
                Act::Say { session: session.to_raw(), say: say(frame) }
            }
            Effect::JoinChannel { channel, session } => {
                Act::Join { channel, session: session.to_raw() }
            }
            Effect::LeaveChannel { channel, session } => {
                Act::Leave { channel, session: session.to_raw() }
            }
            Effect::SendChannel { channel, frame } => {
                // What happens around a player comes from many others, each in a commit of its own.
                Act::Broadcast { channel, say: Say { is_patient: true, ..say(frame) } }
            }
            Effect::Disconnect { session, reason } => {
                Act::Disconnect { session: session.to_raw(), reason, hold }
            }
            Effect::Forget { session } => Act::Forget { session: session.to_raw() },
            Effect::Schedule { task, due, dial, kind } => {
                self.timers.add(task, due, dial, kind);
                return None;
            }
            Effect::Unschedule { task } => {
                self.timers.cancel(task);
                return None;
            }
            Effect::At { effect, .. } => return self.act(*effect, hold, delivery),
            Effect::By { delivery, effect } => {
                let delivery = match delivery {
                    daystar_engine::Delivery::Ordered => Delivery::Ordered,
                    daystar_engine::Delivery::Unreliable => Delivery::Unreliable,
                    daystar_engine::Delivery::Latest(key) => Delivery::Latest(key),
                };
                return self.act(*effect, hold, delivery);
            }
            effect => {
                tracing::error!(?effect, "the server does not know this effect");
                return None;
            }
        })
    }
}
