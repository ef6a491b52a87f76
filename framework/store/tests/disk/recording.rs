//! A recording of everything that a [writer](crate::writer) did to the disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use daystar_recorder::faults::Rule;
use daystar_recorder::log::{Entry, MARKS, entries};
use daystar_recorder::preload::{Preload, Switch};

use crate::process::{child, run};
use crate::story::Story;
use crate::writer::{BATCHES, BROKEN, FAULTY, LIVE, SEED};

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

    /// A writer makes a new world, on a disk that fails now and then; it may be `broken`, and then end as it will.
    pub(crate) fn with_faults(story: Story, folder: &Path, batches: u64, broken: &str) -> Self {
        let recording = Self::prepare(story, folder, 0);
        let mut writer = recording.writer(batches, &[]);
        writer.env(FAULTY, recording.switch()).env(BROKEN, broken);
        match broken {
            "" => drop(run(&mut writer)),
            _ => drop(writer.output().unwrap()),
        }
        recording
    }

    /// A writer goes on with the disk that is in `base` of `folder`.
    pub(crate) fn go_on(story: Story, folder: &Path, acknowledged: u64, batches: u64) -> Self {
        let recording = Self::prepare(story, folder, acknowledged);
        run(&mut recording.writer(batches, &[]));
        recording
    }

    /// Another writer goes on with the disk that this one has left, now that all of it is synced; it may be `broken`, and then
    /// end as it will.
    pub(crate) fn continued(&self, batches: u64, broken: &str) -> Self {
        let folder = self.folder.join("continued");
        copy(&self.live(), &folder.join("base"));
        let acknowledged = self.log().iter().filter_map(acknowledged).next_back().unwrap_or(0);
        let recording = Self::prepare(self.story, &folder, acknowledged);
        let mut writer = recording.writer(batches, &[]);
        match broken {
            "" => drop(run(&mut writer)),
            _ => drop(writer.env(BROKEN, broken).output().unwrap()),
        }
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
        let mut writer = child("writer::child_that_writes");
        Preload::new(&self.live())
            .unwrap()
            .log(&self.folder.join("log"))
            .faults(rules.to_vec())
            .switch(&Switch::new(&self.switch()))
            .attach(&mut writer)
            .unwrap();
        writer.env(LIVE, self.live()).env(TELL_POINTS, self.live().join(MARKS));
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

/// Where the store says which points it passes.
const TELL_POINTS: &str = "DAYSTAR_TELL_POINTS";
