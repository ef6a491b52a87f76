//! Hands commits on in commit order, whatever order they finish in.

use std::collections::VecDeque;

use daystar_model::{Change, CommitNumber, ObjectId};

use crate::effects::Effects;
use crate::sync::{AtomicU64, Mutex, Ordering, fence};

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

/// Nobody waits here: whoever finds another thread handing on leaves its commit to that thread.
pub(crate) struct Handover {
    turn: Mutex<Turn>,
    /// Commits left by those who did not get the turn.
    inbox: Mutex<Vec<Committed>>,
    /// How many are in the inbox; read without its lock.
    left: AtomicU64,
}

struct Turn {
    /// The number to be handed on next.
    next: CommitNumber,
    /// What came before its turn, by its distance from `next`.
    early: VecDeque<Option<Committed>>,
}

impl Handover {
    pub(crate) fn new(last: CommitNumber) -> Self {
        let turn = Turn { next: last.next(), early: VecDeque::new() };
        Self { turn: Mutex::new(turn), inbox: Mutex::default(), left: AtomicU64::new(0) }
    }

    /// Hands `commit` on in its place, with whatever becomes complete by it.
    pub(crate) fn put(&self, commit: Committed, sink: &dyn CommitSink) {
        match self.turn.try_lock() {
            Some(mut turn) => turn.take(commit, sink),
            None => {
                let mut inbox = self.inbox.lock();
                inbox.push(commit);
                self.left.store(inbox.len() as u64, Ordering::SeqCst);
            }
        }
        // What was left while the turn was ours is ours to hand on; and if the turn was another's, it may
        // have looked into the inbox for the last time before we put ours there.
        // The fence keeps our giving up the turn, or our leaving a commit, before the look at the other.
        fence(Ordering::SeqCst);
        while self.left.load(Ordering::SeqCst) != 0 {
            let Some(mut turn) = self.turn.try_lock() else { return };
            let left = {
                let mut inbox = self.inbox.lock();
                self.left.store(0, Ordering::SeqCst);
                std::mem::take(&mut *inbox)
            };
            left.into_iter().for_each(|commit| turn.take(commit, sink));
            drop(turn);
            fence(Ordering::SeqCst);
        }
    }
}

impl Turn {
    fn take(&mut self, commit: Committed, sink: &dyn CommitSink) {
        let distance = (commit.number.0 - self.next.0) as usize;
        if distance > 0 {
            if self.early.len() <= distance {
                self.early.resize_with(distance + 1, || None);
            }
            self.early[distance] = Some(commit);
            return;
        }
        self.early.pop_front();
        self.hand_on(commit, sink);
        while matches!(self.early.front(), Some(Some(_))) {
            if let Some(commit) = self.early.pop_front().flatten() {
                self.hand_on(commit, sink);
            }
        }
    }

    fn hand_on(&mut self, commit: Committed, sink: &dyn CommitSink) {
        self.next = self.next.next();
        sink.committed(commit);
    }
}
