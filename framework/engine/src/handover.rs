//! Hands commits on in commit order, whatever order they finish in.

use daystar_model::{Change, CommitNumber, ObjectId};
use smallvec::SmallVec;

use crate::effects::Effects;
use crate::snapshot::CommitClock;
use crate::sync::{AtomicU64, Backoff, Mutex, Ordering, spin_loop};

/// The objects that a commit changed; most change few.
pub type Changes = SmallVec<[(ObjectId, Change); 2]>;

/// One commit's outcome: what changed, and what is to be done.
#[derive(Debug)]
pub struct Committed {
    /// Its place in the commit order.
    pub number: CommitNumber,
    /// The objects it changed, with their new values, in id order.
    pub changes: Changes,
    /// What is to be done.
    pub effects: Effects,
    /// No id with this index or a higher one had been given away when the commit was made.
    pub next_index: u64,
    /// How many bytes the changed objects take in memory, about.
    pub bytes: usize,
}

/// Why a sink takes no changes at the moment, for a person to read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct NotAccepted {
    /// What is in the way.
    pub cause: String,
}

/// Where commits go. The server plugs in one that writes the journal and sends the messages.
pub trait CommitSink: Send + Sync {
    /// Takes the next commit. Called for every commit number exactly once, in order, by one thread at a time;
    /// must not block.
    fn committed(&self, commit: Committed);

    /// Blocks while so much has been taken that no more should be produced. Called before a job starts,
    /// with nothing held.
    fn wait_for_room(&self) {}

    /// Whether commits that change objects are taken at the moment. Asked before each of them, with nothing held; a job
    /// that is told no fails with [`Fault::NotAccepted`](crate::Fault::NotAccepted). A commit that was let through just
    /// before is still handed on. Must cost next to nothing when the answer is yes.
    ///
    /// # Errors
    /// Why they are not.
    fn accepts(&self) -> Result<(), NotAccepted> {
        Ok(())
    }
}

/// Who keeps the tasks that jobs have asked for by [`Effect::Schedule`](crate::Effect::Schedule), until they have run.
pub trait TaskKeeper: Send + Sync {
    /// How many there are, about.
    fn kept(&self) -> u64;
}

/// A sink that forgets everything, for worlds that only live in memory and for tests.
impl CommitSink for () {
    fn committed(&self, _: Committed) {}
}

/// Whoever has the commit that is next hands it on, and after it those that have come meanwhile. So nobody needs a lock
/// to have the turn: a number is next for one commit only.
pub(crate) struct Handover {
    /// Commits that came before their turn, by their number.
    early: Box<[Early]>,
}

#[derive(Default)]
struct Early {
    /// The number of the commit that lies here; zero if none does.
    number: AtomicU64,
    commit: Mutex<Option<Committed>>,
}

/// How often to look whether the one before has been handed on.
const PATIENCE: u32 = if cfg!(any(feature = "shuttle", feature = "loom")) { 0 } else { 4 };

/// How far commits can be ahead of one that is late, whose thread was interrupted between its number and its
/// hand-over, say. Beyond it they wait for it.
const EARLY_MAX: u64 = if cfg!(any(feature = "shuttle", feature = "loom")) { 4 } else { 4096 };

impl Handover {
    pub(crate) fn new() -> Self {
        Self { early: (0..EARLY_MAX).map(|_| Early::default()).collect() }
    }

    /// Hands `commit` on in its place, with whatever has waited for it.
    #[inline]
    pub(crate) fn put(&self, clock: &CommitClock, commit: Committed, sink: &dyn CommitSink) {
        let (next, number) = (clock.next(), commit.number.0);
        let mut patience = PATIENCE;
        while next.load(Ordering::SeqCst) != number {
            if patience == 0 {
                return self.leave(next, commit, sink);
            }
            // The one before is about to be handed on: waiting for it costs less than leaving this one for it.
            patience -= 1;
            spin_loop();
        }
        self.hand_on(next, commit, sink);
    }

    /// Hands on `commit`, which is next, and those after it that are there.
    fn hand_on(&self, next: &AtomicU64, commit: Committed, sink: &dyn CommitSink) {
        let mut number = commit.number.0 + 1;
        sink.committed(commit);
        loop {
            // Who leaves a commit shows it first and looks whether it is next afterwards; here it is the other way
            // round. In one total order of both, one of the two sees the other.
            next.store(number, Ordering::SeqCst);
            let Some(commit) = self.take(number) else { return };
            sink.committed(commit);
            number += 1;
        }
    }

    /// Leaves `commit` for whoever hands on the one before it.
    #[cold]
    fn leave(&self, next: &AtomicU64, commit: Committed, sink: &dyn CommitSink) {
        let number = commit.number.0;
        let mut backoff = Backoff::default();
        // Its place may still be another's.
        while number - next.load(Ordering::SeqCst) >= EARLY_MAX {
            backoff.wait();
        }
        let early = self.place(number);
        *early.commit.lock() = Some(commit);
        early.number.store(number, Ordering::SeqCst);
        if next.load(Ordering::SeqCst) == number
            && let Some(commit) = self.take(number)
        {
            self.hand_on(next, commit, sink);
        }
    }

    /// The commit that was left under `number`, for the first who asks.
    fn take(&self, number: u64) -> Option<Committed> {
        let early = self.place(number);
        if early.number.load(Ordering::SeqCst) != number {
            return None;
        }
        early.commit.lock().take()
    }

    fn place(&self, number: u64) -> &Early {
        &self.early[(number % EARLY_MAX) as usize]
    }
}
