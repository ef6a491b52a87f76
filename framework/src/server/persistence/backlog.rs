//! Commits that wait to be written.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use daystar_engine::{Changes, Committed};
use daystar_model::CommitNumber;
use parking_lot::{Condvar, Mutex};

use crate::server::persistence::JournalLimits;
use crate::server::persistence::status::{Totals, Waiting};

/// Where the engine leaves commits, in their order, and the writer takes them from.
pub(crate) struct Backlog {
    state: Mutex<State>,
    /// The writer has something to do.
    has_news: Condvar,
    /// No more waits than may.
    has_room: Condvar,
    /// More is on disk, or nothing more will be.
    has_moved: Condvar,
    /// Whether more waits than may, for those who look without the lock.
    is_full: AtomicBool,
    limits: JournalLimits,
}

/// A contiguous run of commits.
#[derive(Default)]
pub(crate) struct Run {
    /// Those that have changed something.
    pub(crate) commits: Vec<(CommitNumber, Changes)>,
    /// How many objects they changed, counted each time.
    pub(crate) objects: usize,
    /// How many bytes those take in memory, about.
    pub(crate) bytes: usize,
    /// The last of the run, whether it changed anything or not.
    pub(crate) last: CommitNumber,
    /// No id with this index or a higher one had been given away at the last.
    pub(crate) next_index: u64,
}

struct State {
    run: Run,
    /// When the first of the run came; `None` while there is no run.
    since: Option<Instant>,
    /// What the writer has taken and not reported as written.
    in_writing: Option<InWriting>,
    taken: CommitNumber,
    durable: CommitNumber,
    /// The newest commit that somebody waits for.
    wanted: CommitNumber,
    is_refusing: bool,
    is_closed: bool,
    has_ended: bool,
    totals: Totals,
}

#[derive(Clone, Copy)]
struct InWriting {
    since: Instant,
    bytes: usize,
}

impl Backlog {
    /// Nothing waits, and everything up to `last` is on disk.
    pub(crate) fn new(last: CommitNumber, limits: JournalLimits) -> Self {
        let state = State {
            run: Run { last, ..Run::default() },
            since: None,
            in_writing: None,
            taken: last,
            durable: last,
            wanted: last,
            is_refusing: false,
            is_closed: false,
            has_ended: false,
            totals: Totals::default(),
        };
        Self {
            state: Mutex::new(state),
            has_news: Condvar::new(),
            has_room: Condvar::new(),
            has_moved: Condvar::new(),
            is_full: AtomicBool::new(false),
            limits,
        }
    }

    /// Takes the next commit, whose changes it moves away; `is_wanted`: somebody waits until it is on disk.
    ///
    /// Every commit passes here, one after the other, so this does next to nothing. One without changes needs no write,
    /// but it may tell of those before it, so it too is on disk only when they are.
    pub(crate) fn put(&self, commit: &mut Committed, is_wanted: bool) {
        let mut state = self.state.lock();
        let State { run, .. } = &mut *state;
        let bytes_before = run.bytes;
        if !commit.changes.is_empty() {
            run.objects += commit.changes.len();
            run.bytes += commit.bytes + commit.changes.len() * CHANGE_BYTES;
            run.commits.push((commit.number, std::mem::take(&mut commit.changes)));
        }
        let enough = self.limits.epoch_bytes;
        let has_enough = bytes_before < enough && run.bytes >= enough;
        run.last = commit.number;
        run.next_index = commit.next_index;
        if self.has_too_much(run) {
            self.is_full.store(true, Ordering::Relaxed);
        }
        let is_first = state.since.is_none();
        if is_first {
            state.since = Some(Instant::now());
        }
        let is_first_wanted = is_wanted && state.wanted <= state.taken;
        if is_wanted {
            state.wanted = state.wanted.max(commit.number);
        }
        drop(state);
        if is_first || is_first_wanted || has_enough {
            self.has_news.notify_one();
        }
    }

    /// Blocks while more waits than may. Not while the store refuses: what would change something is refused then, and
    /// what only looks must go on.
    pub(crate) fn wait_for_room(&self) {
        if !self.is_full.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state.lock();
        while self.has_too_much(&state.run) && !state.is_closed && !state.is_refusing {
            self.has_room.wait(&mut state);
        }
    }

    /// Blocks until `number` is on disk; `false` when it never will be, since the writer has ended.
    pub(crate) fn wait_until_durable(&self, number: CommitNumber) -> bool {
        let mut state = self.state.lock();
        state.wanted = state.wanted.max(number);
        self.has_news.notify_one();
        while state.durable < number && !state.has_ended {
            self.has_moved.wait(&mut state);
        }
        state.durable >= number
    }

    /// Moves the run that is to be written next into `run`, which must be empty; waits for its time. `false` at the end.
    pub(crate) fn take(&self, run: &mut Run) -> bool {
        let mut state = self.state.lock();
        let since = loop {
            let Some(since) = state.since else {
                if state.is_closed {
                    return false;
                }
                self.has_news.wait(&mut state);
                continue;
            };
            let age = since.elapsed();
            let is_due = state.is_closed
                || state.wanted > state.taken
                || state.run.bytes >= self.limits.epoch_bytes
                || age >= self.limits.epoch_time;
            if is_due {
                break since;
            }
            self.has_news.wait_for(&mut state, self.limits.epoch_time - age);
        };
        (run.last, run.next_index) = (state.run.last, state.run.next_index);
        std::mem::swap(&mut state.run, run);
        state.in_writing = Some(InWriting { since, bytes: run.bytes });
        state.since = None;
        state.taken = run.last;
        self.is_full.store(false, Ordering::Relaxed);
        self.has_room.notify_all();
        true
    }

    /// What was taken last is on disk; `written`, if that took a write.
    pub(crate) fn stored(&self, written: Option<Written>) {
        let mut state = self.state.lock();
        state.durable = state.taken;
        state.in_writing = None;
        if let Some(written) = written {
            state.totals.add(written);
        }
        self.has_moved.notify_all();
    }

    /// Whether the store refuses what was taken last.
    pub(crate) fn set_refusing(&self, is_refusing: bool) {
        self.state.lock().is_refusing = is_refusing;
        self.has_room.notify_all();
    }

    /// Waits for `pause`, or until the end is near: then `true`.
    pub(crate) fn pause(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut state = self.state.lock();
        while !state.is_closed && !self.has_news.wait_until(&mut state, until).timed_out() {}
        state.is_closed
    }

    /// Lets the writer end when nothing is left to write.
    pub(crate) fn close(&self) {
        self.state.lock().is_closed = true;
        self.has_news.notify_one();
        self.has_room.notify_all();
    }

    /// Nothing will be written any more.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.has_ended = true;
        self.has_room.notify_all();
        self.has_moved.notify_all();
    }

    /// What waits at the moment, and what has been written so far.
    pub(crate) fn look(&self) -> (Waiting, Totals) {
        let state = self.state.lock();
        let oldest = state.in_writing.map(|writing| writing.since).or(state.since);
        let waiting = Waiting {
            last: state.run.last,
            durable: state.durable,
            bytes: state.run.bytes + state.in_writing.map_or(0, |writing| writing.bytes),
            oldest: oldest.map(|since| since.elapsed()).unwrap_or_default(),
        };
        (waiting, state.totals)
    }

    fn has_too_much(&self, run: &Run) -> bool {
        run.objects >= self.limits.waiting_objects_max || run.bytes >= self.limits.waiting_bytes_max
    }
}

/// What an epoch has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// How many changes of objects it holds.
    pub(crate) changes: usize,
    /// How many objects were written for them.
    pub(crate) objects: usize,
    /// How many bytes those take in memory, about.
    pub(crate) bytes: usize,
}

/// What a changed object takes while it waits, besides its value: its place in the list and the counters of its sharing.
const CHANGE_BYTES: usize = 64;

#[cfg(test)]
mod tests;
