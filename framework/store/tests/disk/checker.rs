//! Cuts the power at every point of a recording, and looks at what is left.
//!
//! It runs in a process of its own, which says what it is about to look at and what is wrong with it. When that
//! process dies, what it said last is what it died of.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use daystar_model::store::Store;
use daystar_recorder::disk::{Cut, Disk, Ignored};
use daystar_recorder::log::Entry;
use daystar_store::LmdbStore;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::phases::{Phase, Phases};
use crate::process::{child, folder, given, is_child, path, said};
use crate::recording::{Recording, acknowledged};
use crate::story::{Story, World, contents, next_index_after};
use crate::writer::options;

/// What a check found.
#[derive(Debug)]
pub(crate) struct Report {
    /// How many disks it looked at.
    pub(crate) images: usize,
    /// On how many of them each phase was interrupted.
    pub(crate) phases: BTreeMap<Phase, usize>,
    /// The first one that was wrong, and what was.
    pub(crate) violation: Option<String>,
}

/// Looks at `cuts` disks for each point of `recording`, on which the syncs of `ignored` were not done.
pub(crate) fn check(recording: &Recording, cuts: usize, ignored: &[Ignored]) -> Report {
    let mut checker = child("checker::child_that_checks");
    checker
        .env(FOLDER, &recording.folder)
        .env(SEED, recording.story.0.to_string())
        .env(ACKNOWLEDGED, recording.acknowledged.to_string())
        .env(CUTS, cuts.to_string())
        .env(IGNORED, ignored.iter().map(ignored_word).collect::<Vec<_>>().join(" "));
    let output = checker.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let images: Vec<&str> = told.lines().filter(|line| line.starts_with("image ")).collect();
    let violation = told.lines().find(|line| line.starts_with("violation "));
    let violation = match (violation, output.status.success()) {
        (None, true) => None,
        (Some(line), _) => Some(line.to_owned()),
        (None, false) => Some(format!("{:?}\n{}", output.status, said(&output))),
    };
    let last = images.last().copied().unwrap_or("no image");
    let count = |phase: Phase| {
        let word = format!(" {phase:?} ");
        images.iter().filter(|line| line.contains(&word)).count()
    };
    Report {
        images: images.len(),
        phases: Phase::ALL.into_iter().map(|phase| (phase, count(phase))).collect(),
        violation: violation.map(|what| format!("{last}: {what}")),
    }
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_checks() {
    if !is_child() {
        return;
    }
    let recording = Recording {
        story: Story(given(SEED).unwrap()),
        folder: path(FOLDER).unwrap(),
        acknowledged: given(ACKNOWLEDGED).unwrap(),
    };
    let ignored = std::env::var(IGNORED).unwrap();
    let ignored: Vec<Ignored> = ignored.split_whitespace().map(ignored_of_word).collect();
    Check::new(&recording, given(CUTS).unwrap(), &ignored).all();
}

struct Check<'a> {
    recording: &'a Recording,
    disk: Disk,
    phases: Phases,
    cuts: usize,
    acknowledged: u64,
    /// The world after each batch, from none on.
    worlds: Vec<World>,
    scratch: tempfile::TempDir,
}

impl<'a> Check<'a> {
    fn new(recording: &'a Recording, cuts: usize, ignored: &[Ignored]) -> Self {
        Self {
            recording,
            disk: Disk::of(&recording.base()).unwrap().ignoring(ignored),
            phases: Phases::default(),
            cuts,
            acknowledged: recording.acknowledged,
            worlds: vec![World::new()],
            scratch: folder(),
        }
    }

    fn all(&mut self) {
        let log = self.recording.log();
        println!();
        for (at, entry) in log.iter().enumerate() {
            let is_sync = is_sync(entry);
            let mut rng = Pcg64Mcg::seed_from_u64(self.recording.story.0 << 32 | at as u64);
            if is_sync || is_before_cut(entry) || rng.random_bool(OTHER_POINTS) {
                self.cut_at(at, &mut rng);
            }
            self.disk.replay(entry).unwrap();
            self.phases.follow(entry);
            self.acknowledged = acknowledged(entry).unwrap_or(self.acknowledged);
            // With nothing undecided, the mildest cut before the next sync leaves the same, when more may be acknowledged.
            if is_sync && self.is_undecided() {
                self.cut_at(at + 1, &mut rng);
            }
        }
        self.cut_at(log.len(), &mut Pcg64Mcg::seed_from_u64(0));
    }

    /// The power goes when `entries` entries of the log have been done.
    fn cut_at(&mut self, entries: usize, rng: &mut Pcg64Mcg) {
        // With nothing undecided, all cuts leave the same.
        let cuts = if self.is_undecided() { self.cuts } else { 1 };
        for nth in 0..cuts {
            let cut = if nth == 0 { Cut::Nothing } else { Cut::random(rng) };
            let mut phases = String::new();
            self.phases.interrupted(&self.disk).for_each(|it| phases += &(it.name() + " "));
            println!(
                "image after {entries} entries, in {phases}, {} acknowledged, {cut:?}",
                self.acknowledged
            );
            let image = self.disk.cut(cut, rng);
            let folder = self.scratch.path().join("cut");
            image.write(&folder).unwrap();
            if let Err(what) = self.look_at(&folder.join("world")) {
                println!("violation {}", what.replace('\n', " "));
                std::process::exit(1);
            }
        }
    }

    /// Whether there is anything but LMDB's lock files, never synced and of no use to the next process, that may be on the
    /// disk or not.
    fn is_undecided(&self) -> bool {
        self.disk.undecided() > self.disk.undecided_in("lock.mdb")
    }

    fn look_at(&mut self, world: &Path) -> Result<(), String> {
        let open = || LmdbStore::open(world, options());
        let store = open().map_err(|error| format!("it does not open: {error}"))?;
        let last = store.last_commit().map_err(|error| format!("where it stands: {error}"))?.0;
        if !(self.acknowledged..=self.acknowledged + 1).contains(&last) {
            return Err(format!(
                "batch {} was acknowledged, and it is at {last}",
                self.acknowledged
            ));
        }
        self.compare(&store, last)?;
        let story = self.recording.story;
        let next = last + 1;
        store.apply(&story.batch(next)).map_err(|error| format!("it takes no batch: {error}"))?;
        self.compare(&store, next)?;
        store.checkpoint().map_err(|error| format!("it makes no checkpoint: {error}"))?;
        drop(store);
        let store = open().map_err(|error| format!("it does not open again: {error}"))?;
        self.compare(&store, next)
    }

    /// `store` is what it should be after batch `n`.
    fn compare(&mut self, store: &LmdbStore, n: u64) -> Result<(), String> {
        while self.worlds.len() as u64 <= n {
            let mut world = self.worlds.last().cloned().unwrap_or_default();
            self.recording.story.go_on(&mut world, self.worlds.len() as u64);
            self.worlds.push(world);
        }
        let found = contents(store).map_err(|error| format!("reading: {error}"))?;
        let wanted = &self.worlds[n as usize];
        if found != *wanted {
            return Err(difference(&found, wanted, n));
        }
        let (stands_at, index) = (store.last_commit(), store.next_index());
        match (stands_at, index) {
            (Ok(last), Ok(index)) if last.0 == n && index >= next_index_after(n) => Ok(()),
            other => Err(format!("after batch {n} it stands at {other:?}")),
        }
    }
}

fn difference(found: &World, wanted: &World, n: u64) -> String {
    let mut text = format!("it is not the world after batch {n}:");
    for id in found.keys().chain(wanted.keys()) {
        if found.get(id) != wanted.get(id) {
            let commit = |world: &World| world.get(id).map(|(commit, _)| commit.0);
            let _ = write!(text, " {id} is of {:?}, not {:?};", commit(found), commit(wanted));
        }
    }
    text
}

fn is_sync(entry: &Entry) -> bool {
    matches!(
        entry,
        Entry::Synced { .. }
            | Entry::SyncFailed { .. }
            | Entry::WroteSynced { .. }
            | Entry::FolderSynced { .. }
    )
}

/// Where nothing may be undecided, and much would be lost.
fn is_before_cut(entry: &Entry) -> bool {
    matches!(entry, Entry::Marked { text } if text.trim() == "before-cut")
}

fn ignored_word(ignored: &Ignored) -> String {
    match ignored {
        Ignored::Syncs(end) => format!("syncs:{end}"),
        Ignored::SyncedWrites(end) => format!("synced-writes:{end}"),
        Ignored::FolderSyncs => "folder-syncs:".to_owned(),
    }
}

fn ignored_of_word(word: &str) -> Ignored {
    match word.split_once(':').unwrap() {
        ("syncs", end) => Ignored::Syncs(end.to_owned()),
        ("synced-writes", end) => Ignored::SyncedWrites(end.to_owned()),
        _ => Ignored::FolderSyncs,
    }
}

const FOLDER: &str = "DAYSTAR_TEST_RECORDING";
const SEED: &str = "DAYSTAR_TEST_SEED";
const ACKNOWLEDGED: &str = "DAYSTAR_TEST_ACKNOWLEDGED";
const CUTS: &str = "DAYSTAR_TEST_CUTS";
const IGNORED: &str = "DAYSTAR_TEST_IGNORED";
/// How often the power also goes at a point where nothing was synced.
const OTHER_POINTS: f64 = 0.25;
