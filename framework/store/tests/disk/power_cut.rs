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

use std::fs;
use std::path::Path;

use daystar_recorder::disk::{Cut, Disk, Ignored};
use daystar_recorder::log::Entry;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::checker::check;
use crate::process::{folder, given};
use crate::recording::{Recording, acknowledged};
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

fn assert_sound(recording: &Recording, images_min: usize) {
    let report = check(recording, cuts(), &[]);
    assert_eq!(report.violation, None, "story {}", recording.story.0);
    assert!(report.images >= images_min, "only {} disks were looked at", report.images);
    println!("story {}: {} disks, all sound", recording.story.0, report.images);
}

#[test]
fn every_power_cut_leaves_a_whole_prefix_with_all_that_was_acknowledged() {
    for story in stories() {
        let folder = folder();
        let recording = Recording::new(story, folder.path(), batches());
        // Each batch has at least two points at which something was synced.
        assert_sound(&recording, 4 * batches() as usize);
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
    let file = "world/objects/data.mdb";
    let written = fs::read(recording.live().join(file)).unwrap();
    assert!(image.file(file) == Some(&written), "{file} is not what the log says");
}

/// The disk fails now and then, the batch is applied again, and then the power goes.
#[test]
fn a_power_cut_after_faults_leaves_a_whole_prefix() {
    for story in stories() {
        let folder = folder();
        let recording = Recording::with_faults(story, folder.path(), batches());
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

/// Writes what is left after a power cut at any point to `base`; the last batch acknowledged until then.
fn cut_somewhere(recording: &Recording, base: &Path, rng: &mut Pcg64Mcg) -> u64 {
    let log = recording.log();
    let mut disk = Disk::of(&recording.base()).unwrap();
    let done = rng.random_range(0..log.len());
    log[..done].iter().for_each(|entry| disk.replay(entry).unwrap());
    disk.cut(Cut::random(rng), rng).write(base).unwrap();
    log[..done].iter().filter_map(acknowledged).next_back().unwrap_or(0)
}

/// Tells a story on a disk that does not do the syncs of `ignored`, and sees the loss.
fn assert_missed(ignored: &[Ignored]) {
    let folder = folder();
    let recording = Recording::new(Story(77), folder.path(), batches());
    assert_eq!(check(&recording, 2, &[]).violation, None);
    let report = check(&recording, cuts(), ignored);
    let violation = report.violation;
    assert!(violation.is_some(), "{ignored:?}: {} disks, and none wrong", report.images);
    println!("{ignored:?}: {}", violation.unwrap_or_default());
}

#[test]
fn the_sync_of_pages_is_missed_when_it_is_left_out() {
    assert_missed(&[Ignored::Syncs("data.mdb".to_owned())]);
}

#[test]
fn the_sync_of_the_meta_page_is_missed_when_it_is_left_out() {
    assert_missed(&[Ignored::SyncedWrites("data.mdb".to_owned())]);
}

#[test]
fn the_syncs_of_folders_are_missed_when_they_are_left_out() {
    assert_missed(&[Ignored::FolderSyncs]);
}

#[test]
fn the_sync_of_the_marker_is_missed_when_it_is_left_out() {
    assert_missed(&[Ignored::Syncs("DAYSTAR.new".to_owned())]);
}
