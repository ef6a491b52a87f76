//! The power goes. A recorded writer tells a story of batches; for every prefix of what it did that ends at a sync, and some
//! that end between, disks are built that hold everything synced and any part of what was not. On each of them the world
//! must open, hold every acknowledged batch, be exactly what it was after some batch, and go on from there.
//!
//! `DAYSTAR_POWER_CUT_SEED` is the first story (1), `DAYSTAR_POWER_CUT_STORIES` how many are told (2),
//! `DAYSTAR_POWER_CUT_BATCHES` how long each is (16), and `DAYSTAR_POWER_CUT_CUTS` how many disks are built for each
//! point (4). For a long run, in a release build:
//!
//! ```text
//! DAYSTAR_POWER_CUT_STORIES=200 DAYSTAR_POWER_CUT_CUTS=20 cargo test --release -p daystar-store --test disk power_cut
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use daystar_recorder::disk::{Cut, Disk, Ignored};
use daystar_recorder::log::Entry;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::checker::check;
use crate::phases::{JOURNAL, OBJECTS, Phase};
use crate::process::{folder, given, run};
use crate::recording::{Recording, acknowledged, copy};
use crate::story::Story;

fn stories() -> impl Iterator<Item = Story> {
    let first = given("DAYSTAR_POWER_CUT_SEED").unwrap_or(1);
    let count: u64 = given("DAYSTAR_POWER_CUT_STORIES").unwrap_or(2);
    (first..first + count).map(Story)
}

fn batches() -> u64 {
    given("DAYSTAR_POWER_CUT_BATCHES").unwrap_or(16)
}

fn cuts() -> usize {
    given("DAYSTAR_POWER_CUT_CUTS").unwrap_or(4)
}

/// The world is whole on every disk that a cut may leave; in which phases of the world's life it was cut.
fn assert_sound(recording: &Recording, images_min: usize) -> BTreeMap<Phase, usize> {
    let report = check(recording, cuts(), &[]);
    let story = recording.story.0;
    if let Some(violation) = report.violation {
        let kept = std::env::temp_dir().join(format!("daystar-power-cut-{story}"));
        copy(&recording.folder, &kept);
        panic!("story {story}: {violation}\nthe recording is in {}", kept.display());
    }
    assert!(report.images >= images_min, "only {} disks were looked at", report.images);
    println!("story {story}: {} disks, all sound; {:?}", report.images, report.phases);
    report.phases
}

/// The power went in the middle of everything that a world does.
fn assert_in_all_phases(reached: &BTreeMap<Phase, usize>) {
    let missed: Vec<_> = reached.iter().filter(|(_, disks)| **disks == 0).collect();
    assert!(missed.is_empty() && reached.len() == Phase::ALL.len(), "never cut in {missed:?}");
}

#[test]
fn every_power_cut_leaves_a_whole_prefix_with_all_that_was_acknowledged() {
    for story in stories() {
        let folder = folder();
        let recording = Recording::new(story, folder.path(), batches());
        // Each batch has at least two points at which something was synced.
        let reached = assert_sound(&recording, 4 * batches() as usize);
        assert_in_all_phases(&reached);
    }
}

/// Otherwise the disks below would be others than those that the writer left.
#[test]
fn the_log_tells_all_that_was_written() {
    let folder = folder();
    let recording = Recording::new(Story(1), folder.path(), batches());
    let mut disk = Disk::empty();
    recording.log().iter().for_each(|entry| disk.replay(entry).unwrap());
    let image = disk.cut(Cut::All, &mut Pcg64Mcg::seed_from_u64(0));
    for file in [JOURNAL, OBJECTS].map(|file| format!("world/{file}")) {
        let written = fs::read(recording.live().join(&file)).unwrap();
        assert!(image.file(&file) == Some(&written), "{file} is not what the log says");
    }
}

/// The disk fails now and then, the batch is applied again, and then the power goes.
#[test]
fn a_power_cut_after_faults_leaves_a_whole_prefix() {
    for story in stories() {
        let folder = folder();
        let recording = Recording::with_faults(story, folder.path(), batches(), "");
        let failed = recording.log().iter().filter(|entry| is_failure(entry)).count();
        assert!(failed > 0, "no sync failed");
        assert_sound(&recording, 4 * batches() as usize);
    }
}

fn is_failure(entry: &Entry) -> bool {
    matches!(entry, Entry::SyncFailed { .. })
}

/// The power goes, the world is opened again, and the power goes in that.
#[test]
fn a_power_cut_while_recovering_from_one_leaves_a_whole_prefix() {
    for story in stories() {
        let folder = folder();
        let first = Recording::new(story, folder.path(), batches());
        for round in 0..3 {
            let mut rng = Pcg64Mcg::seed_from_u64(story.0 << 32 | round);
            let again = folder.path().join(format!("again {round}"));
            let acknowledged = cut_somewhere(&first, &again.join("base"), &mut rng);
            let second = Recording::go_on(story, &again, acknowledged, 3);
            assert_sound(&second, 12);
        }
    }
}

/// The disk fails once while a world is made; the next start makes it, and then the power goes.
#[test]
fn a_power_cut_after_a_start_that_failed_leaves_a_whole_prefix() {
    for good_first in 0..SYNCS_OF_A_START {
        let folder = folder();
        let recording = Recording::prepare(Story(9), folder.path(), 0);
        let rule = format!("* sync {good_first} 1 EIO").parse().unwrap();
        run(&mut recording.writer(2, &[rule]));
        assert_sound(&recording, 10);
    }
}

/// As many as making a world takes.
const SYNCS_OF_A_START: u64 = 10;

/// Sees the loss on a disk that does not do the syncs of `ignored`.
fn assert_missed(recording: &Recording, ignored: Ignored) {
    assert_eq!(check(recording, 1, &[]).violation, None);
    let report = check(recording, cuts(), std::slice::from_ref(&ignored));
    let violation = report.violation;
    assert!(violation.is_some(), "{ignored:?}: {} disks, and none wrong", report.images);
    println!("{ignored:?}: {}", violation.unwrap_or_default());
}

#[test]
fn the_syncs_of_a_file_are_missed_when_they_are_left_out() {
    let folder = folder();
    // That a world which is just being made is lost would say nothing about epochs and checkpoints.
    let recording = Recording::new(Story(77), folder.path(), 4).continued(batches(), "");
    for file in [JOURNAL, OBJECTS].map(str::to_owned) {
        assert_missed(&recording, Ignored::Syncs(file.clone()));
        assert_missed(&recording, Ignored::SyncedWrites(file));
    }
}

#[test]
fn the_syncs_of_a_world_that_is_made_are_missed_when_they_are_left_out() {
    let folder = folder();
    let recording = Recording::new(Story(77), folder.path(), 4);
    assert_missed(&recording, Ignored::FolderSyncs);
    assert_missed(&recording, Ignored::Syncs("DAYSTAR.new".to_owned()));
}

/// What the store must not do, done on purpose.
#[test]
fn a_store_that_is_broken_is_caught() {
    let folder = folder();
    let made = Recording::new(Story(78), folder.path(), 4);
    for broken in ["no_sync", "cut_before_checkpoint", "epoch_not_prefix"] {
        let recording = made.continued(batches(), broken);
        assert_caught(&recording, broken);
        fs::remove_dir_all(&recording.folder).unwrap();
    }
}

/// The meta page that could not be written is on the disk, and the one that was put back is not. When the disk fails, and which
/// pages the system has written by itself meanwhile, differs from run to run, so stories are told until one shows it.
#[test]
fn a_store_that_builds_on_meta_pages_in_the_cache_is_caught() {
    let mut disks = 0;
    for story in 2..2 + STORIES_UNTIL_CAUGHT {
        let folder = folder();
        let recording = Recording::with_faults(Story(story), folder.path(), 16, "unaffirmed");
        let report = check(&recording, cuts(), &[]);
        if let Some(violation) = report.violation {
            return println!("unaffirmed, story {story}: {violation}");
        }
        disks += report.images;
    }
    panic!("unaffirmed: {disks} disks, and none wrong");
}

/// One story in two shows it.
const STORIES_UNTIL_CAUGHT: u64 = 24;

fn assert_caught(recording: &Recording, broken: &str) {
    let report = check(recording, cuts(), &[]);
    let Some(violation) = report.violation else {
        panic!("{broken}: {} disks, and none wrong", report.images);
    };
    println!("{broken}: {violation}");
}

/// Writes what is left after a power cut at any point to `base`; the last batch acknowledged until then.
fn cut_somewhere(recording: &Recording, base: &Path, rng: &mut Pcg64Mcg) -> u64 {
    let log = recording.log();
    let mut disk = Disk::of(&recording.base()).unwrap();
    let done = rng.random_range(0..log.len());
    log[..done].iter().for_each(|entry| disk.replay(entry).unwrap());
    disk.cut(Cut::random(rng), rng).write(base).unwrap();
    log[..done].iter().filter_map(acknowledged).next_back().unwrap_or(0)
}
