//! Only the objects fail, or only the cut of the journal: a checkpoint cannot be made, and the world goes on without.

use daystar_model::store::Store;
use daystar_store::{LmdbStore, Options, Pace};

use super::{BEFORE, STORY, Setting, assert_clear, assert_holds, meet, wait_until_healed};
use crate::process::is_child;
use crate::writer::options;

fn meet_in_checkpoints(rules: &str, hint: &str) {
    meet("faults::checkpoint::child_that_makes_checkpoints", rules, hint);
}

fn meet_in_a_cut(rules: &str, hint: &str) {
    meet("faults::checkpoint::child_that_cuts", rules, hint);
}

/// Batches are taken until the journal is full, and the checkpoint is made by itself when it can be.
#[test]
fn without_checkpoints_the_journal_grows_to_its_limit_and_no_further() {
    meet_in_checkpoints("objects/data.mdb extend 0 * ENOSPC", "no room is left");
    meet_in_checkpoints("objects/data.mdb write 0 * EIO", "system log");
    meet_in_checkpoints("objects/data.mdb write 2 * EROFS", "read-only");
    meet_in_checkpoints("objects/data.mdb sync 0 * EIO", "system log");
    meet_in_checkpoints("objects/data.mdb sync 1 * EDQUOT", "quota");
    // LMDB gives the environment up, and it is opened anew for every try.
    meet_in_checkpoints("objects/data.mdb write-synced 0 * EIO", "system log");
    meet_in_checkpoints("objects/data.mdb write-synced 2 * ENOSPC", "no room is left");
}

#[test]
fn a_checkpoint_that_failed_once_is_made_again_unnoticed() {
    for call in ["write", "sync", "write-synced"] {
        for good_first in 0..3 {
            meet_in_checkpoints(&format!("objects/data.mdb {call} {good_first} 1 EIO"), "");
        }
    }
}

#[test]
fn a_cut_that_fails_is_made_when_the_disk_is_well() {
    meet_in_a_cut("journal/data.mdb write 0 * ENOSPC", "no room is left");
    meet_in_a_cut("journal/data.mdb sync 0 * EIO", "system log");
    meet_in_a_cut("journal/data.mdb write-synced 0 * EIO", "system log");
    // Some bites of it are made.
    meet_in_a_cut("journal/data.mdb write-synced 1 * EIO", "system log");
    meet_in_a_cut("journal/data.mdb sync 2 * EROFS", "read-only");
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_makes_checkpoints() {
    if !is_child() {
        return;
    }
    let setting = Setting::given();
    let Setting { world, hint, .. } = &setting;
    let store = LmdbStore::open(world, options()).unwrap();
    (1..=BEFORE).for_each(|n| store.apply(&STORY.batch(n)).unwrap());
    store.checkpoint().unwrap();
    assert_holds(&store, BEFORE);

    setting.fail(0);
    let mut next = BEFORE + 1;
    while next <= BEFORE + TRIED {
        let Err(error) = store.apply(&STORY.batch(next)) else {
            next += 1;
            continue;
        };
        if !setting.is_lasting(0) {
            // It met the fault when there was no room, and is tried again, as the server does.
            continue;
        }
        assert_clear(&error, "make room in the journal");
        assert_clear(&error, hint);
        let status = store.status();
        assert!(status.checkpoint_failure.is_some_and(|cause| cause.contains(hint)));
        assert!(status.journal_bytes >= options().journal_bytes_max);
        break;
    }
    assert_holds(&store, next - 1);
    if setting.is_lasting(0) {
        assert!(BEFORE + 1 < next && next <= BEFORE + TRIED, "batch {next} was the first refused");
        assert_clear(&store.checkpoint().unwrap_err(), hint);
        assert_holds(&store, next - 1);
    }

    setting.heal();
    wait_until_healed(&store);
    assert_goes_on(store, &setting, next);
}

#[test]
#[ignore = "run by another test, as a process of its own"]
fn child_that_cuts() {
    if !is_child() {
        return;
    }
    let setting = Setting::given();
    // No checkpoint is made by itself, so that nothing but the cut writes to the journal.
    let large = Options { pace: Pace { epochs_max: 1, ..options().pace }, ..Options::default() };
    let store = LmdbStore::open(&setting.world, large).unwrap();
    store.apply(&STORY.batch(1)).unwrap();
    // The first one also cuts what the start has found.
    store.checkpoint().unwrap();
    (2..=BEFORE).for_each(|n| store.apply(&STORY.batch(n)).unwrap());

    setting.fail(0);
    assert_clear(&store.checkpoint().unwrap_err(), &setting.hint);
    let status = store.status();
    assert!(status.checkpoint_failure.is_some_and(|cause| cause.contains(&setting.hint)));
    assert_eq!(status.journal_bytes, 0, "the objects have everything");
    assert_holds(&store, BEFORE);
    let next = BEFORE + 1;
    assert_clear(&store.apply(&STORY.batch(next)).unwrap_err(), "");
    assert_holds(&store, BEFORE);

    setting.heal();
    wait_until_healed(&store);
    assert_goes_on(store, &setting, next);
}

/// The same process takes batches from `next` on, makes a checkpoint, and the next one finds it all.
fn assert_goes_on(store: LmdbStore, setting: &Setting, next: u64) {
    for n in [next, next + 1] {
        store.apply(&STORY.batch(n)).unwrap();
        assert_holds(&store, n);
    }
    store.checkpoint().unwrap();
    assert_holds(&store, next + 1);
    assert_eq!(store.status().journal_bytes, 0);
    drop(store);
    assert_holds(&LmdbStore::open(&setting.world, options()).unwrap(), next + 1);
}

/// More than the journal has room for.
const TRIED: u64 = 60;
