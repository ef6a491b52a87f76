//! The world's files are damaged while nobody has it open: flipped bits, noise, zeros, pages swapped, pages of an
//! older moment, files cut off. Whatever becomes of it, what is damaged is never taken for data, and nothing panics.
//!
//! LMDB trusts its pages, so not every damage ends well: with a page's own numbers or a branch of the tree changed, objects
//! may be missing without a word, or the process may die. How often is printed, by what was hit (with
//! `--nocapture`); that it can happen is the price of having no checksum for a page, see `docs/design/0006-power-cuts.md`.
//! What must hold nevertheless is asserted.
//!
//! `DAYSTAR_FUZZ_DAMAGES` sets how many damages are tried (150), `DAYSTAR_FUZZ_SEED` which (1).

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use daystar_model::ids::Space;
use daystar_model::store::{Store, StoreError};
use daystar_store::{LmdbStore, Options};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::damage::{Damage, Hit};
use crate::process::{child, folder, given, is_child, path};
use crate::story::{Crowd, World, thing_of};

const BATCHES: u64 = 2;

/// What became of a damaged world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    /// Nothing that anybody would notice.
    Unharmed,
    /// It was not opened.
    Refused,
    /// Some objects are damaged, or the walk over them ended, with an error.
    Reported,
    /// Objects are missing or of an older moment, and nothing says so.
    Silent,
    /// What was damaged was taken for data.
    Believed,
    /// The code panicked.
    Panicked,
    /// The process died of a signal.
    Died,
}

#[test]
fn damage_is_never_taken_for_data_and_nothing_panics() {
    let damages: u64 = given("DAYSTAR_FUZZ_DAMAGES").unwrap_or(150);
    let folder = folder();
    make_world(folder.path());
    let mut fates: BTreeMap<(Hit, Fate), u32> = BTreeMap::new();
    let mut next = 0;
    while next < damages {
        let output = child("fuzz::child_that_opens_damaged_worlds")
            .env(FOLDER, folder.path())
            .env(RANGE_START, next.to_string())
            .env(RANGE_END, damages.to_string())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        for line in told.lines().filter(|line| line.starts_with("fate ")) {
            let (nth, hit, fate) = parse(line);
            // The last line before a process died stands for what it died of.
            fates.entry((hit, fate)).and_modify(|count| *count += 1).or_insert(1);
            if fate == Fate::Died {
                assert_eq!(nth, next, "{line}");
            } else {
                next = nth + 1;
            }
        }
        if !output.status.success() {
            let started = told.lines().rev().find_map(|line| line.strip_prefix("damage "));
            let (nth, hit) = started.and_then(|line| line.split_once(' ')).expect(&told);
            let fate = (Hit::named(hit).unwrap(), Fate::Died);
            *fates.entry(fate).or_insert(0) += 1;
            next = nth.parse::<u64>().unwrap() + 1;
        }
    }
    judge(&fates);
}

fn parse(line: &str) -> (u64, Hit, Fate) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let fate = FATES.iter().find(|fate| format!("{fate:?}") == words[3]).unwrap();
    (words[1].parse().unwrap(), Hit::named(words[2]).unwrap(), *fate)
}

/// What must hold for every damage, and what for those that LMDB does not see.
fn judge(fates: &BTreeMap<(Hit, Fate), u32>) {
    for ((hit, fate), count) in fates {
        println!("{hit:?} {fate:?} {count}");
    }
    for (hit, fate) in fates.keys() {
        assert!(!matches!(fate, Fate::Believed | Fate::Panicked), "{hit:?}: {fate:?}");
        let is_bounded = matches!(hit, Hit::Marker | Hit::Record | Hit::Length);
        let ends_well = matches!(fate, Fate::Unharmed | Fate::Refused | Fate::Reported);
        assert!(!is_bounded || ends_well, "{hit:?}: {fate:?}");
    }
    let noticed = fates.keys().filter(|(_, fate)| matches!(fate, Fate::Refused | Fate::Reported));
    assert!(noticed.count() > 1, "the damages were none");
}

/// A world with a history, most of it among the objects and the newest in the journal; and as it was somewhat earlier.
fn make_world(folder: &Path) {
    let store = LmdbStore::open(folder.join("world"), Options::default()).unwrap();
    (1..BATCHES).for_each(|n| store.apply(&Crowd.batch(n)).unwrap());
    store.checkpoint().unwrap();
    drop(store);
    crate::recording::copy(&folder.join("world"), &folder.join("older"));
    let store = LmdbStore::open(folder.join("world"), Options::default()).unwrap();
    store.apply(&Crowd.batch(BATCHES)).unwrap();
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_opens_damaged_worlds() {
    if !is_child() {
        return;
    }
    let folder = path(FOLDER).unwrap();
    let scratch = crate::process::folder();
    let seed: u64 = given("DAYSTAR_FUZZ_SEED").unwrap_or(1);
    let worlds: Vec<World> = (0..=BATCHES).map(|n| Crowd.world(n)).collect();
    let progress = watched();
    println!();
    for nth in given::<u64>(RANGE_START).unwrap()..given::<u64>(RANGE_END).unwrap() {
        let mut rng = Pcg64Mcg::seed_from_u64(seed << 32 | nth);
        let damaged = scratch.path().join("world");
        let _ = fs::remove_dir_all(&damaged);
        crate::recording::copy(&folder.join("world"), &damaged);
        let files = files(&damaged);
        let file = &files[rng.random_range(0..files.len())];
        let older = folder.join("older").join(file.strip_prefix(&damaged).unwrap());
        let damage = Damage::random(&fs::read(file).unwrap(), fs::read(older).ok(), &mut rng);
        fs::write(file, &damage.bytes).unwrap();
        println!("damage {nth} {}", damage.hit.name());
        progress.fetch_add(1, Ordering::Relaxed);
        let fate = catch_unwind(AssertUnwindSafe(|| fate(&damaged, &worlds)));
        println!("fate {nth} {} {:?}", damage.hit.name(), fate.unwrap_or(Fate::Panicked));
    }
}

/// A count that must go on: a damaged tree may have circles in it, and LMDB walks them for ever.
fn watched() -> Arc<AtomicU64> {
    let progress = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&progress);
    thread::spawn(move || {
        let mut last = u64::MAX;
        while seen.load(Ordering::Relaxed) != last {
            last = seen.load(Ordering::Relaxed);
            thread::sleep(STUCK_AFTER);
        }
        std::process::abort();
    });
    progress
}

/// The files of a world that hold something, more often those that hold more.
fn files(world: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(world).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match (path.is_dir(), name.as_str()) {
            (true, _) => found.extend(files(&path)),
            // Locks hold nothing.
            (false, "lock.mdb" | "DAYSTAR.lock") => {}
            (false, _) => {
                let times = if name == "data.mdb" { 12 } else { 1 };
                found.extend(std::iter::repeat_n(path, times));
            }
        }
    }
    found.sort();
    found
}

/// Opens the world, and reads everything in every way.
fn fate(world: &Path, worlds: &[World]) -> Fate {
    let Ok(store) = LmdbStore::open(world, Options::default()) else { return Fate::Refused };
    let newest = &worlds[BATCHES as usize];
    let mut found = World::new();
    let mut is_reported = false;
    let (first, last) = (Space::Object.first(), Space::Task.last());
    let walk = store.scan(first, last, &mut |id, value| match value {
        Ok(stored) => drop(found.insert(id, thing_of(stored))),
        Err(_) => is_reported = true,
    });
    is_reported |= walk.is_err() || store.last_commit().is_err() || store.next_index().is_err();
    for id in newest.keys() {
        match store.load(*id) {
            Ok(Some(stored)) => drop(found.insert(*id, thing_of(stored))),
            Ok(None) => {}
            Err(StoreError::Record { .. } | StoreError::Damaged { .. } | StoreError::Io { .. }) => {
                is_reported = true
            }
            Err(_) => return Fate::Believed,
        }
    }
    let was_true_once = |(id, (commit, thing)): (&_, &(daystar_model::ids::CommitNumber, _))| {
        let world = worlds.get(commit.0 as usize);
        world.and_then(|world| world.get(id)) == Some(&(*commit, Clone::clone(thing)))
    };
    match () {
        () if !found.iter().all(was_true_once) => Fate::Believed,
        () if is_reported => Fate::Reported,
        () if found == *newest && store.last_commit().is_ok_and(|last| last.0 == BATCHES) => {
            Fate::Unharmed
        }
        () => Fate::Silent,
    }
}

const FATES: [Fate; 7] = [
    Fate::Unharmed,
    Fate::Refused,
    Fate::Reported,
    Fate::Silent,
    Fate::Believed,
    Fate::Panicked,
    Fate::Died,
];
/// Far longer than any of it takes.
const STUCK_AFTER: Duration = Duration::from_secs(60);
const FOLDER: &str = "DAYSTAR_TEST_FOLDER";
const RANGE_START: &str = "DAYSTAR_TEST_FIRST";
const RANGE_END: &str = "DAYSTAR_TEST_END";
