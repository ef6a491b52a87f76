//! Hands commits on in commit order, whatever order they finish in.

use std::collections::VecDeque;

use daystar_model::{Change, CommitNumber, ObjectId};

use crate::effects::Effects;
use crate::sync::Mutex;

/// One commit's outcome: what changed, and what is to be done.
#[derive(Debug)]
pub struct Committed {
    /// Its place in the commit order.
    pub number: CommitNumber,
    /// The objects it changed, with their new values, in id order.
    pub changes: Vec<(ObjectId, Change)>,
    /// What is to be done.
    pub effects: Effects,
    /// No id with this index or a higher one had been given away when the commit was made.
    pub next_index: u64,
}

/// Where commits go. The server plugs in one that writes the journal and sends the messages.
pub trait CommitSink: Send + Sync {
    /// Takes the next commit. Called for every commit number exactly once, in order, by one thread at a time;
    /// must not block.
    fn committed(&self, commit: Committed);

    /// Blocks while so much has been taken that no more should be produced. Called before a job starts,
    /// with nothing held.
    fn wait_for_room(&self) {}
}

/// A sink that forgets everything, for worlds that only live in memory and for tests.
impl CommitSink for () {
    fn committed(&self, _: Committed) {}
}

pub(crate) struct Handover {
    queue: Mutex<Queue>,
    /// Held by the thread that is handing on.
    turn: Mutex<()>,
}

struct Queue {
    /// The number that the front of `waiting` has.
    next: CommitNumber,
    waiting: VecDeque<Option<Committed>>,
}

impl Handover {
    pub(crate) fn new(last: CommitNumber) -> Self {
        Self {
            queue: Mutex::new(Queue { next: last.next(), waiting: VecDeque::new() }),
            turn: Mutex::new(()),
        }
    }

    /// Puts `commit` in its place and hands on whatever is complete up to there. Whoever finds another thread
    /// handing on leaves it to that thread, so nobody waits.
    pub(crate) fn put(&self, commit: Committed, sink: &dyn CommitSink) {
        {
            let mut queue = self.queue.lock();
            let place = (commit.number.0 - queue.next.0) as usize;
            if queue.waiting.len() <= place {
                queue.waiting.resize_with(place + 1, || None);
            }
            queue.waiting[place] = Some(commit);
        }
        // After giving up the turn, look again: a commit may have been put while the turn was ours.
        while self.queue.lock().is_ready() {
            let Some(_turn) = self.turn.try_lock() else { return };
            loop {
                let next = self.queue.lock().take_ready();
                let Some(commit) = next else { break };
                sink.committed(commit);
            }
        }
    }
}

impl Queue {
    fn is_ready(&self) -> bool {
        matches!(self.waiting.front(), Some(Some(_)))
    }

    fn take_ready(&mut self) -> Option<Committed> {
        if !self.is_ready() {
            return None;
        }
        self.next = self.next.next();
        self.waiting.pop_front().flatten()
    }
}
