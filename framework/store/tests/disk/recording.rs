//! A process that writes a world, with everything recorded that it does to the disk.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use daystar_model::store::Store;
use daystar_recorder::faults::Rule;
use daystar_recorder::log::{Entry, MARKS, entries};
use daystar_recorder::preload::{Preload, Switch};
use daystar_store::{LmdbStore, Options};

use crate::process::{child, given, is_child, path, run};
use crate::story::Story;

/// What a writer did.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) story: Story,
    /// Where the log is, and the folders.
    pub(crate) folder: PathBuf,
    /// The last batch that had been acknowledged before the writer began.
    pub(crate) acknowledged: u64,
}

impl Recording {
    /// A writer makes a new world.
    pub(crate) fn new(story: Story, folder: &Path, batches: u64) -> Self {
        let recording = Self::prepare(story, folder, 0);
        run(&mut recording.writer(batches, &[]));
        recording
    }

    /// A writer makes a new world, on a disk that fails now and then.
    pub(crate) fn with_faults(story: Story, folder: &Path, batches: u64) -> Self {
        let recording = Self::prepare(story, folder, 0);
        run(recording.writer(batches, &[]).env(FAULTY, recording.switch()));
        recording
    }

    /// A writer goes on with the disk that is in `base` of `folder`.
    pub(crate) fn go_on(story: Story, folder: &Path, acknowledged: u64, batches: u64) -> Self {
        let recording = Self::prepare(story, folder, acknowledged);
        run(&mut recording.writer(batches, &[]));
        recording
    }

    /// Everything that a writer needs.
    pub(crate) fn prepare(story: Story, folder: &Path, acknowledged: u64) -> Self {
        let recording = Self { story, folder: folder.to_owned(), acknowledged };
        fs::create_dir_all(recording.base()).unwrap();
        copy(&recording.base(), &recording.live());
        recording
    }

    /// The process that writes `batches` batches, about to be started, with calls that fail by `rules`.
    pub(crate) fn writer(&self, batches: u64, rules: &[Rule]) -> Command {
        let mut writer = child("recording::child_that_writes");
        Preload::new(&self.live())
            .unwrap()
            .log(&self.folder.join("log"))
            .faults(rules.to_vec())
            .switch(&Switch::new(&self.switch()))
            .attach(&mut writer)
            .unwrap();
        writer.env(LIVE, self.live());
        writer.env(SEED, self.story.0.to_string()).env(BATCHES, batches.to_string());
        writer
    }

    /// The disk as the writer left it.
    pub(crate) fn live(&self) -> PathBuf {
        self.folder.join("live")
    }

    fn switch(&self) -> PathBuf {
        self.folder.join("switch")
    }

    /// The disk as it was before.
    pub(crate) fn base(&self) -> PathBuf {
        self.folder.join("base")
    }

    /// What was done to it, in order.
    pub(crate) fn log(&self) -> Vec<Entry> {
        entries(&fs::read(self.folder.join("log")).unwrap())
    }
}

/// The batch that `entry` says is acknowledged.
pub(crate) fn acknowledged(entry: &Entry) -> Option<u64> {
    match entry {
        Entry::Marked { text } => text.trim().parse().ok(),
        _ => None,
    }
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_writes() {
    if !is_child() {
        return;
    }
    let live = path(LIVE).unwrap();
    let story = Story(given(SEED).unwrap());
    let switch = path(FAULTY).map(|file| Switch::new(&file));
    let mut marks = File::create(live.join(MARKS)).unwrap();
    let open = || LmdbStore::open(live.join("world"), Options::default()).unwrap();
    let mut store = open();
    let found = store.last_commit().unwrap().0;
    // A batch that was not acknowledged may be there all the same; once it has been seen, it has to stay.
    marks.write_all(format!("{found}\n").as_bytes()).unwrap();
    let first = found + 1;
    for n in first..first + given::<u64>(BATCHES).unwrap() {
        let fault = switch.as_ref().filter(|_| n % 3 == 0);
        if fault.is_none_or(|switch| !is_taken_despite_fault(&store, switch, story, n)) {
            store.apply(&story.batch(n)).unwrap();
        }
        marks.write_all(format!("{n}\n").as_bytes()).unwrap();
        // A start is also something that the power may go in.
        if n % REOPENED_EVERY == 0 {
            drop(store);
            store = open();
        }
    }
}

/// Applies batch `n` while the disk fails; it may succeed, when it does not need what fails.
fn is_taken_despite_fault(store: &LmdbStore, switch: &Switch, story: Story, n: u64) -> bool {
    let rule = FAULTS[(n / 3) as usize % FAULTS.len()];
    switch.set(&[rule.parse().unwrap()]).unwrap();
    let is_taken = store.apply(&story.batch(n)).is_ok();
    switch.clear().unwrap();
    is_taken
}

/// Makes `to` a copy of the folder `from`.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(fs::copy(entry.path(), target).unwrap()),
        }
    }
}

/// What goes wrong in a story with faults, in turn.
const FAULTS: [&str; 4] = [
    "data.mdb extend 0 * ENOSPC",
    "data.mdb sync 0 1 EIO",
    "data.mdb write 1 * EIO",
    "data.mdb write 0 1 short",
];

const LIVE: &str = "DAYSTAR_TEST_LIVE";
const SEED: &str = "DAYSTAR_TEST_SEED";
const BATCHES: &str = "DAYSTAR_TEST_BATCHES";
const FAULTY: &str = "DAYSTAR_TEST_FAULTY";
const REOPENED_EVERY: u64 = 9;
