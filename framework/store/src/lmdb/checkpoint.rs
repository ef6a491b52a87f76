//! Brings the objects up to the journal, and cuts off what the journal need not keep: on a thread of its own.
//!
//! In this order, whatever happens: the records are synced among the objects, with the first of them that there will be more, and
//! with the last of them the head that speaks of all; and only then is the journal cut. A checkpoint that did not get to its end is written again;
//! whoever reads meanwhile finds what it was to write in the journal.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use daystar_model::ids::{CommitNumber, ObjectId};
use daystar_model::store::StoreError;
use parking_lot::{Condvar, Mutex};
use tracing::{debug, error, info};

use super::epoch::Place;
use super::failpoint::{Point, pass};
use super::journal;
use super::objects::Mark;
use super::pacing::{Due, Part, Schedule, Standing};
use super::{Options, World};

/// The thread, and what is said to it.
#[derive(Debug)]
pub(super) struct Checkpoints {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    world: Arc<World>,
    state: Mutex<State>,
    /// For the thread: there is something to do.
    has_news: Condvar,
    /// From the thread: it has done something, or failed to.
    has_done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// When the oldest epoch came that no checkpoint has overtaken.
    since: Option<Instant>,
    /// A checkpoint is to be made now, or to be ended without a rest.
    is_wanted: bool,
    /// The thread is to be told when the journal is this long, in bytes.
    news_at: u64,
    is_closing: bool,
    /// The thread has ended.
    is_gone: bool,
    /// All up to here is among the objects.
    done: CommitNumber,
    /// How many checkpoints have been made or tried.
    tries: u64,
    /// Why the last one could not be made.
    failure: Option<String>,
}

impl Checkpoints {
    /// Starts the thread. All up to `done` is among the objects.
    pub(super) fn start(world: Arc<World>, done: CommitNumber) -> io::Result<Self> {
        let since = (world.recent.head().last != done).then(Instant::now);
        let state = Mutex::new(State { since, done, ..State::default() });
        let shared =
            Arc::new(Shared { world, state, has_news: Condvar::new(), has_done: Condvar::new() });
        let own = Arc::clone(&shared);
        let thread = Builder::new().name("checkpoint".to_owned()).spawn(move || own.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Waits while the journal is as long as it may be.
    ///
    /// # Errors
    /// It cannot be made shorter.
    pub(super) fn wait_for_room(&self) -> Result<(), StoreError> {
        let Shared { world, state, .. } = &*self.shared;
        if world.recent.bytes() < world.options.journal_bytes_max {
            return Ok(());
        }
        let mut state = state.lock();
        while world.recent.bytes() >= world.options.journal_bytes_max {
            if let Some(cause) = &state.failure {
                let (what, cause) = ("make room in the journal", cause.clone());
                return Err(StoreError::Io { what, cause });
            }
            state.is_wanted = true;
            self.shared.has_news.notify_one();
            self.shared.has_done.wait(&mut state);
        }
        Ok(())
    }

    /// An epoch has been appended.
    pub(super) fn appended(&self) {
        let mut state = self.shared.state.lock();
        let is_first = state.since.is_none();
        if is_first {
            state.since = Some(Instant::now());
        }
        if is_first || self.shared.world.recent.bytes() >= state.news_at {
            self.shared.has_news.notify_one();
        }
    }

    /// Makes a checkpoint of all that there is, and returns when it is made.
    pub(super) fn make(&self) -> Result<(), StoreError> {
        let wanted = self.shared.world.recent.head().last;
        let mut state = self.shared.state.lock();
        while state.done < wanted {
            let tries = state.tries;
            state.is_wanted = true;
            self.shared.has_news.notify_one();
            while state.tries == tries && !state.is_gone {
                self.shared.has_done.wait(&mut state);
            }
            if let Some(cause) = &state.failure {
                return Err(StoreError::Io { what: WRITE, cause: cause.clone() });
            }
        }
        Ok(())
    }

    /// Why the last checkpoint could not be made.
    pub(super) fn failure(&self) -> Option<String> {
        self.shared.state.lock().failure.clone()
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.shared.state.lock().is_closing = true;
        self.shared.has_news.notify_one();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the checkpoint thread panicked; the journal has what it did not write");
        }
    }
}

impl Shared {
    fn run(&self) {
        give_way();
        // Whoever waits for this thread must not wait for one that is gone.
        let _gone = Gone(self);
        let mut cut = Some(self.state.lock().done);
        while self.wait() {
            // What comes from now on is none of the checkpoint's business.
            let began = Instant::now();
            let made =
                cut.take().map_or(Ok(()), |until| self.cut(until)).and_then(|()| self.checkpoint());
            let mut state = self.state.lock();
            state.tries += 1;
            match made {
                Ok(()) => {
                    state.is_wanted = false;
                    state.since = (self.world.recent.bytes() > 0).then_some(began);
                    if state.failure.take().is_some() {
                        info!("checkpoints can be made again");
                    }
                    self.has_done.notify_all();
                }
                Err(cause) => {
                    let cause = cause.to_string();
                    if state.failure.replace(cause.clone()).is_none() {
                        error!(cause, "no checkpoint can be made; trying again until it can");
                    }
                    // Whatever comes meanwhile: trying costs the disk as much as a checkpoint that succeeds.
                    state.is_wanted = true;
                    self.has_done.notify_all();
                    let until = Instant::now() + self.world.options.pace().retry_after;
                    while !state.is_closing
                        && !self.has_news.wait_until(&mut state, until).timed_out()
                    {
                    }
                }
            }
        }
    }

    /// Waits until a checkpoint is due; `false` at the end.
    fn wait(&self) -> bool {
        let mut state = self.state.lock();
        let Options { checkpoint_bytes, journal_bytes_max, .. } = self.world.options;
        state.news_at = checkpoint_bytes.min(journal_bytes_max).max(1);
        loop {
            if state.is_closing {
                return false;
            }
            let is_long = self.world.recent.bytes() >= state.news_at;
            let time = self.world.options.checkpoint_time;
            let due = state.since.and_then(|since| since.checked_add(time));
            if state.is_wanted || is_long || due.is_some_and(|due| due <= Instant::now()) {
                return true;
            }
            match due {
                Some(due) => {
                    self.has_news.wait_until(&mut state, due);
                }
                None => self.has_news.wait(&mut state),
            }
        }
    }

    /// Waits until the next part of a checkpoint is due, unless somebody waits for the checkpoint, or for this thread's end.
    fn rest(&self, due: Due) -> Standing {
        let mut state = self.state.lock();
        state.news_at = due.journal_bytes;
        let mut standing = Standing::Late;
        loop {
            if state.is_wanted || state.is_closing {
                return Standing::Urgent;
            }
            if self.world.recent.bytes() >= due.journal_bytes || due.at <= Instant::now() {
                return standing;
            }
            standing = Standing::Early;
            self.has_news.wait_until(&mut state, due.at);
        }
    }

    fn is_closing(&self) -> bool {
        self.state.lock().is_closing
    }

    /// Writes what is in the journal to the objects, and cuts the journal.
    fn checkpoint(&self) -> Result<(), StoreError> {
        let World { journal, objects, recent, options } = &*self.world;
        // A process that was killed while it looked at the world would keep its moment, and all the room that has been
        // freed since, for ever.
        journal.environment().forget_dead_readers();
        objects.environment().forget_dead_readers();
        pass(Point::BeforeCheckpoint);
        let (head, places) = recent.freeze();
        if options.breaks().cut_before_checkpoint {
            self.cut(head.last)?;
        }
        let schedule = Schedule::new(options, Instant::now(), recent.bytes());
        let mut part = Part::new(places.len(), objects.leaf_pages()?, options.pace().objects_max);
        let mut rest = &places[..];
        loop {
            let standing = self.rest(schedule.due(places.len() - rest.len(), places.len()));
            if self.is_closing() {
                return Ok(());
            }
            let (chunk, next) = rest.split_at(part.length(standing, rest));
            let is_first = rest.len() == places.len();
            rest = next;
            let done = rest.is_empty().then_some(Mark::Done(head));
            self.write(chunk, done.or(is_first.then_some(Mark::Begun(head))))?;
            if rest.is_empty() {
                break;
            }
            pass(Point::InsideCheckpoint);
        }
        pass(Point::AfterCheckpoint);
        recent.thaw(head.last);
        self.state.lock().done = head.last;
        debug!(objects = places.len(), last = head.last.0, "checkpoint made");
        self.cut(head.last)
    }

    /// Writes the newest records of `chunk` in one transaction.
    fn write(&self, chunk: &[(ObjectId, Place)], mark: Option<Mark>) -> Result<(), StoreError> {
        let World { journal, objects, .. } = &*self.world;
        let begun = journal.environment().begin(journal::READ)?;
        // Copied, so that the journal is not held while the objects are synced.
        let copy = |(id, place): &(ObjectId, Place)| {
            Ok((*id, journal.copy_of(WRITE, &begun, *id, *place)?))
        };
        let records = chunk.iter().map(copy).collect::<Result<Vec<_>, StoreError>>()?;
        drop(begun);
        let puts: Vec<_> = records.iter().map(|(id, record)| (*id, record.as_deref())).collect();
        objects.write(WRITE, &puts, mark)
    }

    /// Cuts off the journal what ends at `until` or before.
    fn cut(&self, until: CommitNumber) -> Result<(), StoreError> {
        let World { journal, options, .. } = &*self.world;
        while journal.cut(until, options.pace().epochs_max)? && !self.is_closing() {
            // LMDB lets in whoever comes first, which would be this thread again, and an epoch may be waiting.
            self.rest(Due { at: Instant::now() + CUT_REST, journal_bytes: u64::MAX });
        }
        Ok(())
    }
}

/// Lets the threads that run the game go first: on few cores a checkpoint would hold each of them up for the milliseconds that
/// the system gives to everybody in turn. It is still given some of a busy core, and all of what tasks leave when they
/// wait for it.
fn give_way() {
    // On Linux this is about the calling thread alone; elsewhere it would be about the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        debug!(%error, "the checkpoint thread runs at the priority of all others");
    }
}

/// A tenth of the share of a thread at the usual priority.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// Tells those who wait that nothing will come any more.
struct Gone<'a>(&'a Shared);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        state.tries += 1;
        state.is_gone = true;
        let gone = "the thread that makes checkpoints has ended; start the server again";
        state.failure.get_or_insert_with(|| gone.to_owned());
        self.0.has_done.notify_all();
    }
}

const WRITE: &str = "write a checkpoint";
/// Longer than an epoch takes.
const CUT_REST: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::super::Options;
    use super::super::identity::Identity;
    use super::super::journal::Journal;
    use super::super::objects::Objects;
    use super::super::recent::Recent;
    use super::*;
    use crate::head::Head;

    /// A world whose checkpoints fail, because an epoch that was appended is not in the journal.
    fn failing(folder: &std::path::Path) -> World {
        let options = Options { checkpoint_bytes: 1, ..Options::default() };
        let identity = Identity::new().expect("an identity");
        for kind in [journal::KIND, super::super::objects::KIND] {
            std::fs::create_dir(folder.join(kind.folder)).expect("a folder");
        }
        let journal = Journal::create(folder, identity, &options).expect("a journal");
        let objects = Objects::create(folder, identity, &options).expect("objects");
        let head = Head { last: CommitNumber(1), next_index: 1 };
        let recent = Recent::new(Head::EMPTY);
        let places = [(ObjectId::from_raw(1), Place::of_length(10))];
        recent.add(head, 10, places.into_iter());
        World { journal, objects, recent, options }
    }

    #[test]
    fn what_failed_is_not_tried_again_at_once_however_much_comes() {
        let folder = tempfile::tempdir().expect("a folder");
        let world = Arc::new(failing(folder.path()));
        let retry_after = world.options.pace().retry_after;
        let start = Instant::now();
        let checkpoints = Checkpoints::start(world, CommitNumber::ZERO).expect("a thread");
        assert!(checkpoints.make().is_err());
        while start.elapsed() < 2 * retry_after {
            checkpoints.appended();
        }
        let tries = checkpoints.shared.state.lock().tries;
        let tries_max = 1 + start.elapsed().as_millis() / retry_after.as_millis();
        assert!(tries >= 2, "it is tried again by itself");
        assert!(u128::from(tries) <= tries_max, "{tries} tries, {tries_max} at most");
        assert!(checkpoints.failure().is_some());
    }
}
