//! The transactions that loads read in, kept for the loads after them.
//!
//! To begin one takes LMDB's lock, a place in its table of readers, and counters that all cores share: together as long as reading
//! the record. One that is kept serves as long as nothing newer is committed, so whoever uses it sees what a new one would show. The
//! writer has those ended that are not being used at that moment, so that none keeps old pages from being used again.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::{fmt, io};

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

use super::environment::{Opened, Reading};
use super::lookup::{ALL, Tree, cores};

/// Transactions that nobody uses at the moment: one for each thread that loads, more or less.
#[derive(Debug)]
pub(super) struct Looks {
    places: Box<[CachePadded<Place>]>,
}

/// What a thread has kept.
type Place = Mutex<Option<Box<Look>>>;

/// A transaction that reads, and what it takes to find records in it.
pub(super) struct Look {
    opened: Opened,
    txn: Reading,
    /// Where `main` begins; `None` if it is empty.
    tree: Option<Tree>,
    /// What is read goes here, again and again: to have so much memory zeroed each time would take longer than most of a search.
    bytes: Vec<u8>,
    /// Which threads' it is.
    stripe: usize,
}

impl Looks {
    /// None, for an environment that has room for so many readers: most of it is for others.
    pub(super) fn new(readers_max: u32) -> Self {
        let count = (cores() * 2).clamp(PLACES_LEAST, PLACES_MAX).min(readers_max as usize / 4);
        Self { places: (0..count).map(|_| CachePadded::default()).collect() }
    }

    /// The one that this thread has kept, if nobody has ended it, and nobody has come in between.
    pub(super) fn take(&self) -> Option<Box<Look>> {
        self.place()?.try_lock()?.take()
    }

    /// Keeps this for the thread's next load, unless the environment `is_doubtful` and is to be closed.
    pub(super) fn keep(&self, look: Box<Look>, is_doubtful: &AtomicBool) {
        let place = self.place().and_then(Mutex::try_lock);
        // Asked under the lock: whoever closes it raises the flag first, and then comes by here.
        if let Some(mut place) = place
            && !is_doubtful.load(Ordering::Acquire)
        {
            *place = Some(look);
        }
    }

    /// Ends all that can be ended without waiting.
    pub(super) fn end_unused(&self) {
        for place in &self.places {
            drop(place.try_lock().and_then(|mut look| look.take()));
        }
    }

    /// Ends all; those that are in use end by themselves while the environment is doubtful.
    pub(super) fn end(&self) {
        // Nobody holds such a lock for longer than it takes to put something in or take it out.
        self.places.iter().for_each(|place| drop(place.lock().take()));
    }

    fn place(&self) -> Option<&Place> {
        let at = stripe().checked_rem(self.places.len())?;
        self.places.get(at).map(|place| &**place)
    }
}

/// A number of this thread's own, counted from zero.
fn stripe() -> usize {
    thread_local! { static NUMBER: Cell<Option<usize>> = const { Cell::new(None) } }
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NUMBER.get().unwrap_or_else(|| {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        NUMBER.set(Some(number));
        number
    })
}

impl Look {
    /// At the tree `main` of `opened`, as `txn` sees it.
    pub(super) fn new(opened: Opened, txn: Reading, tree: Option<Tree>) -> Self {
        Self { opened, txn, tree, bytes: Vec::new(), stripe: stripe() }
    }

    /// Whether it sees all that is committed.
    pub(super) fn is_current(&self) -> bool {
        self.opened.env.info().last_txn_id == self.txn.id()
    }

    /// What `main` has under `key`.
    pub(super) fn find(&mut self, key: u64) -> io::Result<Option<&[u8]>> {
        let Some(tree) = self.tree else { return Ok(None) };
        if self.bytes.capacity() > KEPT_BYTES_MAX {
            self.bytes = Vec::new();
        }
        let Self { opened, txn, stripe, bytes, .. } = self;
        let part = opened.pages.find_in(*stripe, txn.id(), tree, key, ALL, bytes)?;
        Ok(part.and_then(|part| self.bytes.get(part)))
    }
}

impl fmt::Debug for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { txn, tree, .. } = self;
        f.debug_struct("Look").field("txn", &txn.id()).field("tree", tree).finish_non_exhaustive()
    }
}

/// A look keeps no more memory than this; records that are larger are rare.
const KEPT_BYTES_MAX: usize = 64 << 10;
/// There are other threads than those that make use of the cores.
const PLACES_LEAST: usize = 8;
const PLACES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::breaks::Breaks;
    use crate::lmdb::Options;
    use crate::lmdb::environment::{Environment, Kind};
    use crate::lmdb::identity::Identity;

    const KIND: Kind = Kind { folder: "things", main: "things", is_scattered: true };

    fn environment(folder: &std::path::Path, breaks: Breaks) -> Environment {
        fs::create_dir(folder.join(KIND.folder)).expect("a folder");
        let options = Options { breaks, ..Options::default() };
        let identity = Identity::new().expect("an identity");
        Environment::create(folder, KIND, identity, &options).expect("an environment")
    }

    fn put(environment: &Environment, key: u64, bytes: &[u8]) {
        let put = environment.write("put", |opened, txn| opened.main.put(txn, &key, bytes));
        put.expect("room");
    }

    fn look(environment: &Environment, key: u64) -> Option<Vec<u8>> {
        environment.look("look", key, <[u8]>::to_vec).expect("the file can be read")
    }

    /// A thread looks, and never again.
    fn look_elsewhere(environment: &Environment) {
        let looked = std::thread::scope(|scope| scope.spawn(|| look(environment, 1)).join());
        assert!(looked.is_ok_and(|found| found.is_some()));
    }

    /// What a thread finds that has looked before.
    fn found_after_a_change(breaks: Breaks) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = environment(folder.path(), breaks);
        assert_eq!(look(&environment, 1), None);
        put(&environment, 1, b"old");
        assert_eq!(look(&environment, 2), None);
        let writing = || {
            // In use, so that the writer leaves it be.
            let in_use = environment.look("look", 1, |bytes| {
                put(&environment, 1, b"new");
                bytes.to_vec()
            });
            assert_eq!(in_use.expect("readable").as_deref(), Some(&b"old"[..]));
        };
        writing();
        look(&environment, 1).expect("it is there")
    }

    #[test]
    fn what_is_committed_is_seen() {
        assert_eq!(found_after_a_change(Breaks::default()), b"new");
        assert_eq!(found_after_a_change(Breaks { stale_looks: true, ..Breaks::default() }), b"old");
    }

    #[test]
    fn a_thread_that_looks_no_more_does_not_make_the_file_grow() {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = environment(folder.path(), Breaks::default());
        put(&environment, 1, b"something");
        look_elsewhere(&environment);
        for round in 0..200 {
            put(&environment, 1, &vec![round; 50_000]);
        }
        let bytes = fs::metadata(folder.path().join("things/data.mdb")).expect("a file").len();
        assert!(bytes < 1_000_000, "{bytes} bytes for one value of 50,000");
    }

    #[test]
    fn looks_do_not_keep_the_environment_from_being_opened_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = environment(folder.path(), Breaks::default());
        put(&environment, 1, b"something");
        for _ in 0..3 {
            look_elsewhere(&environment);
            environment.doubt();
            // LMDB refuses to open what is still open.
            assert_eq!(look(&environment, 1).as_deref(), Some(&b"something"[..]));
        }
    }

    #[test]
    fn a_large_value_is_found_and_its_memory_is_not_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = environment(folder.path(), Breaks::default());
        put(&environment, 1, &vec![7; 1 << 20]);
        put(&environment, 2, b"small");
        assert_eq!(look(&environment, 1), Some(vec![7; 1 << 20]));
        assert_eq!(look(&environment, 2).as_deref(), Some(&b"small"[..]));
        let kept = environment.looks().take().expect("kept").bytes.capacity();
        assert!(kept <= super::KEPT_BYTES_MAX, "{kept} bytes");
    }
}
