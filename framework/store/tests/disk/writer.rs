//! The process that writes a world while all that it does to the disk is recorded: epochs, checkpoints in several transactions,
//! cuts in several bites, starts, and, in a story with faults, all of them on a disk that fails.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::time::Duration;

use daystar_model::store::{Store, StoreError};
use daystar_recorder::faults::rules;
use daystar_recorder::log::MARKS;
use daystar_recorder::preload::Switch;
use daystar_store::{Breaks, LmdbStore, Options, Pace};

use crate::process::{given, is_child, path};
use crate::story::{Story, contents};

/// So small that a short story has several checkpoints, and every one several steps.
pub(crate) fn options() -> Options {
    let retry_after = Duration::from_millis(10);
    Options {
        checkpoint_bytes: 48 << 10,
        journal_bytes_max: 256 << 10,
        pace: Pace { objects_max: 3, epochs_max: 1, retry_after },
        ..Options::default()
    }
}

/// What is broken on purpose in a writer that is told to be `broken`.
fn breaks(broken: &str) -> Breaks {
    let none = Breaks::default();
    match broken {
        "" => none,
        "no_sync" => Breaks { no_sync: true, ..none },
        "cut_before_checkpoint" => Breaks { cut_before_checkpoint: true, ..none },
        "unaffirmed" => Breaks { unaffirmed: true, ..none },
        "epoch_not_prefix" => Breaks { epoch_not_prefix: true, ..none },
        other => panic!("no break is called {other}"),
    }
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_writes() {
    if !is_child() {
        return;
    }
    let live = path(LIVE).unwrap();
    let mut marks = OpenOptions::new().create(true).append(true).open(live.join(MARKS)).unwrap();
    let broken = std::env::var(BROKEN).unwrap_or_default();
    let open = || {
        let options = Options { breaks: breaks(&broken), ..options() };
        LmdbStore::open(live.join("world"), options)
    };
    // On a disk that fails now and then, a start is tried again.
    let mut store = (0..STARTS).find_map(|_| open().ok()).expect("it does not start");
    let found = store.last_commit().unwrap().0;
    // A batch that was not acknowledged may be there all the same; once it has been seen, it has to stay.
    mark(&mut marks, found);
    let faulty = Faulty::given();
    let story = Story(given(SEED).unwrap());
    let first = found + 1;
    for n in first..first + given::<u64>(BATCHES).unwrap() {
        match faulty.as_ref().filter(|_| n.is_multiple_of(2)) {
            Some(faulty) => store = faulty.go_on(store, &open, story, n),
            None => store.apply(&story.batch(n)).unwrap(),
        }
        mark(&mut marks, n);
        if n.is_multiple_of(CHECKPOINT_EVERY) {
            store.checkpoint().unwrap();
        }
        // A start is also something that the power may go in.
        if n.is_multiple_of(REOPENED_EVERY) {
            drop(store);
            store = open().unwrap();
        }
    }
}

fn mark(marks: &mut File, n: u64) {
    marks.write_all(format!("{n}\n").as_bytes()).unwrap();
}

/// What makes the disk fail.
struct Faulty(Switch);

impl Faulty {
    fn given() -> Option<Self> {
        path(FAULTY).map(|file| Self(Switch::new(&file)))
    }

    /// Applies batch `n` and makes a checkpoint while the disk fails in one way after the other, and again when it does
    /// not, sometimes after another start. What meets the fault is refused, and whatever is read meanwhile is the world
    /// after the last batch that was taken.
    fn go_on(
        &self,
        mut store: LmdbStore,
        open: &dyn Fn() -> Result<LmdbStore, StoreError>,
        story: Story,
        n: u64,
    ) -> LmdbStore {
        let stages = fault(story, n);
        let mut is_applied = false;
        for stage in stages {
            self.0.set(&rules(stage).unwrap()).unwrap();
            is_applied = is_applied || store.apply(&story.batch(n)).is_ok();
            let last = n - u64::from(!is_applied);
            assert!(contents(&store).unwrap() == story.world(last), "{stages:?}: not batch {last}");
            // Whether it can be made depends on what fails, and when it is tried; what it leaves is looked at later.
            let _ = store.checkpoint();
            assert!(contents(&store).unwrap() == story.world(last), "{stages:?}: not batch {last}");
        }
        if n.is_multiple_of(4) {
            drop(store);
            // Perhaps with the fault.
            drop(open());
            self.0.clear().unwrap();
            store = open().unwrap();
            is_applied = store.last_commit().unwrap().0 == n;
        }
        self.0.clear().unwrap();
        if !is_applied {
            store.apply(&story.batch(n)).unwrap();
        }
        store
    }
}

/// What goes wrong at batch `n`: each in turn, and in every other story with another start behind it.
fn fault(story: Story, n: u64) -> &'static [&'static str] {
    let nth = n / 2 + story.0 * (FAULTS.len() as u64 / 2 + 1);
    FAULTS[(nth % FAULTS.len() as u64) as usize]
}

/// What goes wrong in a story with faults, in turn, and what goes wrong after it.
const FAULTS: [&[&str]; 14] = [
    &["journal/data.mdb write-synced 0 1 EIO"],
    &["objects/data.mdb write-synced 0 1 EIO"],
    &["journal/data.mdb extend 0 * ENOSPC", "* write 0 * ENOSPC"],
    &["objects/data.mdb extend 0 * ENOSPC", "objects/data.mdb write 1 1 short"],
    &["journal/data.mdb sync 0 1 EIO"],
    &["objects/data.mdb sync 1 1 EIO"],
    &["journal/data.mdb write 1 * EIO", "journal/data.mdb write 0 1 short"],
    // A disk that fails once is often read-only from then on.
    &["journal/data.mdb write-synced 0 1 EIO", READ_ONLY],
    &["objects/data.mdb write-synced 1 1 EIO", READ_ONLY],
    // The environment is given up and cannot be opened anew at once: the sync fails, or no file can be opened to be
    // written to.
    &["journal/data.mdb write-synced 0 1 EIO; journal/data.mdb sync 1 1 EIO", "* sync 0 1 EIO"],
    &["objects/data.mdb write-synced 0 1 EIO; objects/data.mdb sync 1 1 EIO"],
    &["journal/data.mdb write-synced 0 1 EIO; journal/data.mdb name 0 2 EIO"],
    // Nor can what LMDB would write then be written.
    &["journal/data.mdb write-synced 0 1 EIO; journal/data.mdb write 3 1 EIO", READ_ONLY],
    &["objects/data.mdb write-synced 0 * EIO"],
];
const READ_ONLY: &str = "* name 0 * EROFS; * write 0 * EROFS; * sync 0 * EROFS";

pub(crate) const LIVE: &str = "DAYSTAR_TEST_LIVE";
pub(crate) const SEED: &str = "DAYSTAR_TEST_SEED";
pub(crate) const BATCHES: &str = "DAYSTAR_TEST_BATCHES";
pub(crate) const FAULTY: &str = "DAYSTAR_TEST_FAULTY";
pub(crate) const BROKEN: &str = "DAYSTAR_TEST_BROKEN";
/// Other checkpoints are made when the journal is long enough.
const CHECKPOINT_EVERY: u64 = 7;
const REOPENED_EVERY: u64 = 9;
/// More than the rules let fail.
const STARTS: u32 = 3;
