//! The disk fails while the world is open: it is full, over quota, read-only, broken, or takes a part of a write. What was
//! asked is refused with a text that says what to do, everything before it can be read, and when the fault is gone the
//! same process does it.
//!
//! What LMDB reads is mapped memory, and what a disk that fails there sends is a signal (`SIGBUS`), which ends the process: that
//! cannot be tried here. Loads and checkpoints read by calls.

mod apply;
mod checkpoint;
mod copy;
mod load;
mod reopen;
mod start;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use daystar_model::store::{Store, StoreError};
use daystar_recorder::faults::{Rule, rules};
use daystar_recorder::preload::{Preload, Switch};
use daystar_store::LmdbStore;

use crate::process::{child, folder, path, run};
use crate::story::{Story, contents, next_index_after};

const STORY: Story = Story(3);
/// So many batches go well first.
const BEFORE: u64 = 5;

/// Runs the ignored test `name` in a process whose disk fails by `rules` when it says so, and expects texts with `hint`.
/// `rules` may be several, with `;` between those that hold together and `|` between those that hold one after the other.
fn meet(name: &str, rules: &str, hint: &str) {
    let folder = folder();
    let live = folder.path().join("live");
    fs::create_dir(&live).unwrap();
    let mut process = child(name);
    Preload::new(&live)
        .unwrap()
        .switch(&Switch::new(&folder.path().join("switch")))
        .attach(&mut process)
        .unwrap();
    process.env(FOLDER, folder.path()).env(RULES, rules).env(HINT, hint);
    run(&mut process);
}

/// What a process that meets a fault is told.
struct Setting {
    world: PathBuf,
    switch: Switch,
    /// The faults that come one after the other.
    stages: Vec<Vec<Rule>>,
    hint: String,
}

impl Setting {
    fn given() -> Self {
        let folder = path(FOLDER).unwrap();
        let stages = std::env::var(RULES).unwrap();
        Self {
            world: folder.join("live/world"),
            switch: Switch::new(&Path::join(&folder, "switch")),
            stages: stages.split('|').map(|stage| rules(stage).unwrap()).collect(),
            hint: std::env::var(HINT).unwrap(),
        }
    }

    /// From now on the disk fails by the rules of this stage.
    fn fail(&self, stage: usize) {
        self.switch.set(&self.stages[stage]).unwrap();
    }

    /// Whether the disk goes on failing until it is healed.
    fn is_lasting(&self, stage: usize) -> bool {
        self.stages[stage].iter().any(|rule| rule.count.is_none())
    }

    fn heal(&self) {
        self.switch.clear().unwrap();
    }
}

fn assert_clear(error: &StoreError, hint: &str) {
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(hint), "`{hint}` is not in: {text}");
}

/// The world is the one after batch `n`, by every way to read it.
fn assert_holds(store: &LmdbStore, n: u64) {
    let world = STORY.world(n);
    assert!(contents(store).unwrap() == world, "it is not the world after batch {n}");
    for (id, (commit, _)) in &world {
        assert_eq!(store.load(*id).unwrap().map(|(commit, _)| commit), Some(*commit));
    }
    assert_eq!(store.last_commit().unwrap().0, n);
    assert!(store.next_index().unwrap() >= next_index_after(n));
}

/// Waits until the store says that checkpoints can be made.
fn wait_until_healed(store: &LmdbStore) {
    let end = Instant::now() + HEALED_WITHIN;
    while let Some(cause) = store.status().checkpoint_failure {
        assert!(Instant::now() < end, "it does not heal: {cause}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Far longer than it takes.
const HEALED_WITHIN: Duration = Duration::from_secs(60);
const FOLDER: &str = "DAYSTAR_TEST_FOLDER";
const RULES: &str = "DAYSTAR_TEST_RULES";
const HINT: &str = "DAYSTAR_TEST_HINT";
