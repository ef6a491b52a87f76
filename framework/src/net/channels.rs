//! Which session is where: delivery to one, and to all of a channel.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use daystar_protocol::reject::RejectCode;
use foldhash::fast::FixedState;
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::net::fanout::FanOut;
use crate::net::outbox::{Delivery, Outbox, Say};
use crate::net::watermark::Hold;

/// Connects the numbers of sessions with their outboxes, and the names of channels with their members.
///
/// Whoever calls it in commit order from one thread at a time gets frames delivered in commit order. What is said to
/// or about a session that is not registered is ignored: it has left, and its `closed` is on the way.
pub(crate) struct Switchboard {
    state: Arc<Mutex<State>>,
    fanout: FanOut<Acts>,
}

/// What a commit wants done, in order. Most want one thing, a reply.
pub(crate) type Acts = SmallVec<[Act; 1]>;

/// One thing to be done, of those that a commit wants.
#[derive(Debug)]
pub(crate) enum Act {
    /// The session is one, and is told so.
    Welcome { session: u64, hold: Hold },
    /// It is none: it is told why, and ended.
    Reject { session: u64, code: RejectCode, reason: String, hold: Hold },
    /// It is told something.
    Say { session: u64, say: Say },
    /// It enters the channel, which begins to exist with its first member.
    Join { channel: Arc<str>, session: u64 },
    /// It leaves the channel, which ceases to exist with its last member.
    Leave { channel: Arc<str>, session: u64 },
    /// All members are told something: the same memory for all.
    Broadcast { channel: Arc<str>, say: Say },
    /// The session is ended: what is queued is still sent, then the reason.
    Disconnect { session: u64, reason: String, hold: Hold },
    /// The session is ended at once: its client has joined from elsewhere.
    Replace { session: u64 },
    /// It is forgotten, and taken out of all its channels.
    Forget { session: u64 },
}

impl Default for Switchboard {
    fn default() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let fanout = FanOut::new({
            let state = Arc::clone(&state);
            move |acts| state.lock().act(acts)
        });
        Self { state, fanout }
    }
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

    /// Does what one commit wants, in order. All that it says to one session enters its outbox in one go. If many are
    /// spoken to, it is done by a thread of its own, and so is what follows until that has caught up.
    pub(crate) fn act(&self, acts: impl Into<Acts>) {
        self.fanout.pass(acts.into(), |acts| {
            acts.iter().any(|act| match act {
                Act::Broadcast { channel, .. } => {
                    let state = self.state.lock();
                    state.channels.get(channel).is_some_and(|members| members.len() > MEMBERS_FEW)
                }
                _ => false,
            })
        });
    }

    /// Blocks while the thread that speaks to many is far behind.
    pub(crate) fn wait_for_room(&self) {
        self.fanout.wait_for_room();
    }

    /// Blocks until all that was handed over is in the outboxes, or until `patience` is over.
    pub(crate) fn flush(&self, patience: Duration) {
        self.fanout.flush(patience);
    }
}

/// A channel of more members is not sent to by the thread that hands commits over.
const MEMBERS_FEW: usize = 16;

#[derive(Default)]
struct State {
    /// Looked into for every reply, by numbers of our own making.
    sessions: HashMap<u64, Member, FixedState>,
    /// The outboxes are kept here a second time, so that a broadcast looks nothing up.
    channels: HashMap<Arc<str>, HashMap<u64, Arc<Outbox>>>,
}

struct Member {
    outbox: Arc<Outbox>,
    channels: HashSet<Arc<str>>,
}

impl State {
    fn act(&mut self, acts: Acts) {
        // The common ways: there is nothing to be gathered.
        if acts.len() == 1 {
            return acts.into_iter().for_each(|act| self.act_alone(act));
        }
        let mut said = Said::default();
        for act in acts {
            match act {
                Act::Say { session, say } => self.gather(&mut said, session, say),
                Act::Welcome { session, hold } => {
                    if let Some(say) = self.welcome(session, hold) {
                        self.gather(&mut said, session, say);
                    }
                }
                Act::Broadcast { channel, say } => {
                    if let Some(members) = self.channels.get(&channel) {
                        for (session, outbox) in members {
                            said.add(*session, outbox, say.clone());
                        }
                    }
                }
                Act::Reject { session, .. }
                | Act::Disconnect { session, .. }
                | Act::Replace { session }
                | Act::Forget { session } => {
                    // What was said before comes before.
                    said.flush(session);
                    self.act_alone(act);
                }
                Act::Join { .. } | Act::Leave { .. } => self.act_alone(act),
            }
        }
        said.flush_all();
    }

    fn gather(&self, said: &mut Said, session: u64, say: Say) {
        if let Some(member) = self.sessions.get(&session) {
            said.add(session, &member.outbox, say);
        }
    }

    fn welcome(&self, session: u64, hold: Hold) -> Option<Say> {
        let frame = self.sessions.get(&session)?.outbox.welcome(session);
        Some(Say { frame, hold, delivery: Delivery::Ordered, is_patient: false })
    }

    fn act_alone(&mut self, act: Act) {
        let outbox = |session| self.sessions.get(&session).map(|member| &member.outbox);
        match act {
            Act::Say { session, say } => {
                if let Some(outbox) = outbox(session) {
                    outbox.say([say]);
                }
            }
            Act::Welcome { session, hold } => {
                if let (Some(outbox), Some(say)) = (outbox(session), self.welcome(session, hold)) {
                    outbox.say([say]);
                }
            }
            Act::Broadcast { channel, say } => {
                if let Some(members) = self.channels.get(&channel) {
                    members.values().for_each(|outbox| outbox.say([say.clone()]));
                }
            }
            Act::Reject { session, code, reason, hold } => {
                if let Some(outbox) = outbox(session) {
                    outbox.reject(code, reason, hold);
                }
            }
            Act::Disconnect { session, reason, hold } => {
                if let Some(outbox) = outbox(session) {
                    outbox.close(reason, hold);
                }
            }
            Act::Replace { session } => {
                if let Some(outbox) = outbox(session) {
                    outbox.replace();
                }
            }
            Act::Join { channel, session } => self.join(channel, session),
            Act::Leave { channel, session } => {
                if let Some(member) = self.sessions.get_mut(&session) {
                    member.channels.remove(&channel);
                    self.leave(&channel, session);
                }
            }
            Act::Forget { session } => self.unregister(session),
        }
    }

    fn join(&mut self, channel: Arc<str>, session: u64) {
        let Some(member) = self.sessions.get_mut(&session) else { return };
        if member.channels.contains(&channel) {
            return;
        }
        let outbox = Arc::clone(&member.outbox);
        if let Some((name, _)) = self.channels.get_key_value(&channel) {
            // One name for all, whatever memory the task's was in.
            member.channels.insert(Arc::clone(name));
            if let Some(members) = self.channels.get_mut(&channel) {
                members.insert(session, outbox);
            }
        } else {
            member.channels.insert(Arc::clone(&channel));
            self.channels.insert(channel, HashMap::from([(session, outbox)]));
        }
    }

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

/// What a commit says, gathered by whom it is said to.
#[derive(Default)]
struct Said(HashMap<u64, (Arc<Outbox>, Vec<Say>)>);

impl Said {
    fn add(&mut self, session: u64, outbox: &Arc<Outbox>, say: Say) {
        self.0.entry(session).or_insert_with(|| (Arc::clone(outbox), Vec::new())).1.push(say);
    }

    fn flush(&mut self, session: u64) {
        if let Some((outbox, says)) = self.0.remove(&session) {
            outbox.say(says);
        }
    }

    fn flush_all(self) {
        for (outbox, says) in self.0.into_values() {
            outbox.say(says);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use daystar_protocol::to_client::ToClient;

    use super::*;
    use crate::net::limits::Limits;
    use crate::net::outbox::Batch;
    use crate::net::resume::Broken;
    use crate::net::tests::soon;
    use crate::net::watermark::Watermark;

    fn outbox() -> Arc<Outbox> {
        Arc::new(Outbox::new(
            &Limits::default(),
            Arc::new(Watermark::new(0)),
            None,
            Broken::default(),
        ))
    }

    fn join(channel: &str, session: u64) -> Act {
        Act::Join { channel: channel.into(), session }
    }

    #[test]
    fn a_session_that_has_left_and_an_empty_channel_are_forgotten() {
        let switchboard = Switchboard::default();
        let outbox = outbox();
        switchboard.register(1, Arc::clone(&outbox));
        switchboard.act(vec![join("village", 1)]);
        switchboard.act(vec![join("harbour", 1)]);
        switchboard.act(vec![Act::Leave { channel: "harbour".into(), session: 1 }]);
        assert_eq!(switchboard.state.lock().channels.len(), 1);
        switchboard.unregister(1);
        switchboard.act(vec![join("village", 1)]); // too late: nobody would take it out again
        assert!(switchboard.state.lock().channels.is_empty());
        assert_eq!(Arc::strong_count(&outbox), 1, "nothing keeps its queue alive");
    }

    #[test]
    fn a_number_used_again_is_another_session() {
        let switchboard = Switchboard::default();
        let old = outbox();
        switchboard.register(1, Arc::clone(&old));
        switchboard.act(vec![join("village", 1)]);
        switchboard.register(1, outbox());
        assert!(switchboard.state.lock().channels.is_empty());
        assert_eq!(Arc::strong_count(&old), 1);
    }

    /// What `outbox` would send now.
    async fn sent(outbox: &Outbox) -> usize {
        let mut batch = Batch::default();
        soon(outbox.take(1, || None, &mut batch)).await;
        batch.frames.iter().map(Bytes::len).sum()
    }

    fn say(bytes: usize) -> Say {
        let frame = ToClient::Event { payload: vec![0; bytes - 5].into() }.encode();
        Say { frame, hold: Hold::NONE, delivery: Delivery::Ordered, is_patient: false }
    }

    #[tokio::test]
    async fn what_a_commit_says_to_one_session_leaves_in_one_go() {
        let switchboard = Switchboard::default();
        let (one, other) = (outbox(), outbox());
        switchboard.register(1, Arc::clone(&one));
        switchboard.register(2, Arc::clone(&other));
        switchboard.act(vec![
            join("village", 1),
            Act::Say { session: 1, say: say(100) },
            Act::Broadcast { channel: "village".into(), say: say(10) },
            join("village", 2),
            Act::Broadcast { channel: "village".into(), say: say(20) },
            Act::Say { session: 1, say: say(200) },
        ]);
        assert_eq!(sent(&one).await, 330);
        assert_eq!(sent(&other).await, 20, "it came between the two");
    }

    #[tokio::test]
    async fn all_of_a_large_channel_are_told_and_what_follows_comes_behind() {
        let switchboard = Switchboard::default();
        let outboxes: Vec<_> = (0..5000).map(|_| outbox()).collect();
        for (session, outbox) in (0..).zip(&outboxes) {
            switchboard.register(session, Arc::clone(outbox));
            switchboard.act(vec![join("village", session)]);
        }
        switchboard.act(vec![Act::Broadcast { channel: "village".into(), say: say(10) }]);
        // Were it not behind, session 0 would not be told at all, and session 1 once.
        switchboard.act(vec![Act::Forget { session: 0 }]);
        switchboard.act(vec![Act::Say { session: 1, say: say(100) }]);
        let mut told = vec![0; outboxes.len()];
        for (told, outbox) in told.iter_mut().zip(&outboxes) {
            *told += sent(outbox).await;
        }
        if told[1] == 10 {
            told[1] += sent(&outboxes[1]).await;
        }
        assert_eq!(told[0], 10);
        assert_eq!(told[1], 110);
        assert!(told[2..].iter().all(|told| *told == 10));
    }
}
