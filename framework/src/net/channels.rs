//! Which session is where: delivery to one, and to all of a channel.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::net::outbox::Outbox;
use crate::net::watermark::Hold;

/// Connects the numbers of sessions with their outboxes, and the names of channels with their members.
///
/// Whoever calls it in commit order from one thread at a time gets frames delivered in commit order. What is said to
/// or about a session that is not registered is ignored: it has left, and its `closed` is on the way.
#[derive(Default)]
pub(crate) struct Switchboard {
    state: Mutex<State>,
}

impl Switchboard {
    /// From now on `session` is reached through `outbox`.
    pub(crate) fn register(&self, session: u64, outbox: Arc<Outbox>) {
        let mut state = self.state.lock();
        state.unregister(session);
        state.sessions.insert(session, Member { outbox, channels: HashSet::new() });
    }

    /// Forgets `session`, and takes it out of all its channels.
    pub(crate) fn unregister(&self, session: u64) {
        self.state.lock().unregister(session);
    }

    /// Queues `frame`, which may be sent as `hold` says, for `session`.
    pub(crate) fn deliver(&self, session: u64, frame: Bytes, hold: Hold) {
        if let Some(member) = self.state.lock().sessions.get(&session) {
            member.outbox.push(frame, hold);
        }
    }

    /// Ends `session`: what is queued is still sent, then the reason.
    pub(crate) fn disconnect(&self, session: u64, reason: &str, hold: Hold) {
        if let Some(member) = self.state.lock().sessions.get(&session) {
            member.outbox.close(reason, hold);
        }
    }

    /// Tells `session` that it is none, and why, and ends it.
    pub(crate) fn reject(&self, session: u64, reason: &str, hold: Hold) {
        if let Some(member) = self.state.lock().sessions.get(&session) {
            member.outbox.reject(reason, hold);
        }
    }

    /// Puts `session` into `channel`, which begins to exist with its first member.
    pub(crate) fn join(&self, channel: &str, session: u64) {
        let state = &mut *self.state.lock();
        let Some(member) = state.sessions.get_mut(&session) else { return };
        if member.channels.contains(channel) {
            return;
        }
        let outbox = Arc::clone(&member.outbox);
        if let Some((name, _)) = state.channels.get_key_value(channel) {
            member.channels.insert(Arc::clone(name));
            if let Some(members) = state.channels.get_mut(channel) {
                members.insert(session, outbox);
            }
        } else {
            let name: Arc<str> = channel.into();
            member.channels.insert(Arc::clone(&name));
            state.channels.insert(name, HashMap::from([(session, outbox)]));
        }
    }

    /// Takes `session` out of `channel`, which ceases to exist with its last member.
    pub(crate) fn leave(&self, channel: &str, session: u64) {
        let mut state = self.state.lock();
        if let Some(member) = state.sessions.get_mut(&session) {
            member.channels.remove(channel);
            state.leave(channel, session);
        }
    }

    /// Queues `frame`, the same memory for all, for every member of `channel`; it may be sent as `hold` says.
    pub(crate) fn broadcast(&self, channel: &str, frame: &Bytes, hold: Hold) {
        if let Some(members) = self.state.lock().channels.get(channel) {
            for outbox in members.values() {
                outbox.push(frame.clone(), hold);
            }
        }
    }
}

#[derive(Default)]
struct State {
    sessions: HashMap<u64, Member>,
    /// The outboxes are kept here a second time, so that a broadcast looks nothing up.
    channels: HashMap<Arc<str>, HashMap<u64, Arc<Outbox>>>,
}

struct Member {
    outbox: Arc<Outbox>,
    channels: HashSet<Arc<str>>,
}

impl State {
    fn unregister(&mut self, session: u64) {
        if let Some(member) = self.sessions.remove(&session) {
            for channel in member.channels {
                self.leave(&channel, session);
            }
        }
    }

    fn leave(&mut self, channel: &str, session: u64) {
        if let Some(members) = self.channels.get_mut(channel) {
            members.remove(&session);
            if members.is_empty() {
                self.channels.remove(channel);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::limits::Limits;
    use crate::net::watermark::Watermark;

    fn outbox() -> Arc<Outbox> {
        Arc::new(Outbox::new(&Limits::default(), Arc::new(Watermark::new(0))))
    }

    #[test]
    fn a_session_that_has_left_and_an_empty_channel_are_forgotten() {
        let switchboard = Switchboard::default();
        let outbox = outbox();
        switchboard.register(1, Arc::clone(&outbox));
        switchboard.join("village", 1);
        switchboard.join("harbour", 1);
        switchboard.leave("harbour", 1);
        assert_eq!(switchboard.state.lock().channels.len(), 1);
        switchboard.unregister(1);
        switchboard.join("village", 1); // too late: nobody would take it out again
        assert!(switchboard.state.lock().channels.is_empty());
        assert_eq!(Arc::strong_count(&outbox), 1, "nothing keeps its queue alive");
    }

    #[test]
    fn a_number_used_again_is_another_session() {
        let switchboard = Switchboard::default();
        let old = outbox();
        switchboard.register(1, Arc::clone(&old));
        switchboard.join("village", 1);
        switchboard.register(1, outbox());
        assert!(switchboard.state.lock().channels.is_empty());
        assert_eq!(Arc::strong_count(&old), 1);
    }
}
