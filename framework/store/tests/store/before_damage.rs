//! The journal is damaged, and the world cannot be served any more. What is left is the world as it was before the damage, all of it
//! and nothing else: that can be looked at, and copied into a world that goes on from there. Where a checkpoint has written over it,
//! nobody is told that it is there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use daystar_model::ids::{CommitNumber, ObjectId};
use daystar_model::store::{Batch, Store, StoreError};
use daystar_store::lmdb::{JournalFlaw, Remains};
use daystar_store::{JournalDamage, LmdbStore, Moment, Options, Pace};
use tempfile::TempDir;

use crate::support::*;

/// The last batch that is among the objects, and the last one.
const DONE: u64 = 3;
const LAST: u64 = 9;

/// Batch `n`, of ten commits: object 0 changes, one is new, and one goes.
fn nth(n: u64) -> Batch {
    let gone = n.checked_sub(2).filter(|gone| *gone > 0).map(|gone| (object(gone), None));
    let changes = [(object(0), put(thing(n))), (object(n), put(thing(n)))].into_iter().chain(gone);
    Batch { next_index: 100 + n, ..batch(10 * n, changes.collect()) }
}

fn world_after(n: u64) -> Vec<(ObjectId, u64, Thing)> {
    let mut world = BTreeMap::new();
    for n in 1..=n {
        world.extend([0, n].map(|index| (object(index), (10 * n, thing(n)))));
        if n > 2 {
            world.remove(&object(n - 2));
        }
    }
    world.into_iter().map(|(id, (commit, thing))| (id, commit, thing)).collect()
}

/// A world of which some is among the objects, and the rest in the journal.
fn world() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("world"));
    (1..=DONE).for_each(|n| store.apply(&nth(n)).unwrap());
    store.checkpoint().unwrap();
    (DONE + 1..=LAST).for_each(|n| store.apply(&nth(n)).unwrap());
    assert_eq!(scan_all(&store), world_after(LAST));
    folder
}

/// Harms the bytes of the epoch of batch `n`.
fn damage(world: &Path, n: u64, harm: impl FnOnce(&mut Vec<u8>)) {
    tamper_journal(world, |txn, epochs, _| {
        let mut bytes = epochs.get(txn, &(10 * n)).unwrap().unwrap().to_vec();
        harm(&mut bytes);
        epochs.put(txn, &(10 * n), &bytes).unwrap();
    });
}

fn before_damage(world: &Path) -> Moment {
    Moment::open_before_damage(world, Options::default()).unwrap()
}

fn found_in(world: &Path) -> JournalDamage {
    before_damage(world).damage().expect("the journal is damaged").clone()
}

fn files(world: &Path) -> [Vec<u8>; 2] {
    ["objects", "journal"].map(|part| fs::read(world.join(part).join("data.mdb")).unwrap())
}

/// That the world in `folder`, with damage in batch `n` and nowhere before, is refused, with the words that somebody needs; that it
/// can be looked at as it was after the batch before; and that a copy of that is such a world, and goes on.
fn assert_prefix_is_left(folder: &Path, n: u64) {
    let (world, copy) = (folder.join("world"), folder.join("copy"));
    let before = files(&world);
    let last_whole = CommitNumber(10 * (n - 1));
    let looked_at = Moment::open(&world, Options::default()).map(drop).unwrap_err();
    for error in [refusal(&world), looked_at] {
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        let error = error.to_string();
        let words = [
            format!("epoch of commits {} to {} is damaged", 10 * n - 9, 10 * n),
            format!("so commits {} to {} (", 10 * n - 9, 10 * LAST),
            "restore a backup, or go back to ".to_owned(),
            format!("go back to {last_whole}: `backup --before-damage`"),
            world.display().to_string(),
        ];
        words.iter().for_each(|word| assert!(error.contains(word), "`{word}` is not in: {error}"));
    }

    let moment = before_damage(&world);
    let damage = moment.damage().expect("the journal is damaged");
    assert_eq!((damage.last_whole, damage.ends), (last_whole, CommitNumber(10 * LAST)));
    assert_eq!((damage.epochs, damage.flaws.len()), (LAST - n + 1, 1));
    assert!(!damage.is_overwritten);
    assert_eq!(scan_all(&moment), world_after(n - 1));
    assert_eq!(load(&moment, object(0)), Some((last_whole.0, thing(n - 1))));
    moment.copy_to(&copy, &mut |_, _, _| {}).unwrap();
    drop(moment);
    assert_eq!(files(&world), before, "the damaged world is left as it is");

    let store = open(&copy);
    assert_eq!(scan_all(&store), world_after(n - 1));
    assert_eq!((store.last_commit().unwrap(), store.next_index().unwrap()), (last_whole, 99 + n));
    store.apply(&nth(n)).unwrap();
    assert_eq!(scan_all(&store), world_after(n));
    drop(store);
    let moment = Moment::open(&copy, Options::default()).unwrap();
    assert_eq!(moment.damage(), None);
    assert_eq!(scan_all(&moment), world_after(n));
}

/// The first epoch of the journal, those in the middle, the last; in the checksum, the next index, the count, the table and a
/// record. The last one is no exception: what a crash cuts short is not there at all.
#[test]
fn what_is_left_is_exactly_what_came_before() {
    for n in DONE + 1..=LAST {
        for at in [3, 20, 26, 30, 40, 90] {
            let folder = world();
            damage(&folder.path().join("world"), n, |bytes| bytes[at] ^= 4);
            assert_prefix_is_left(folder.path(), n);
        }
    }
}

#[test]
fn an_epoch_that_was_cut_short_is_damaged() {
    for (n, length) in [(DONE + 1, 0), (6, 27), (6, 60), (LAST, 100)] {
        let folder = world();
        damage(&folder.path().join("world"), n, |bytes| bytes.truncate(length));
        assert_prefix_is_left(folder.path(), n);
    }
}

#[test]
fn a_whole_world_has_no_damage_before_which_it_could_be_seen() {
    let folder = world();
    let moment = before_damage(&folder.path().join("world"));
    assert_eq!(moment.damage(), None);
    assert_eq!(scan_all(&moment), world_after(LAST));
}

#[test]
fn all_that_is_wrong_is_told() {
    let folder = world();
    let world = folder.path().join("world");
    damage(&world, 5, |bytes| bytes[0] ^= 1);
    damage(&world, 9, |bytes| bytes.clear());
    tamper_journal(&world, |txn, epochs, _| assert!(epochs.delete(txn, &70).unwrap()));
    let moment = before_damage(&world);
    assert_eq!(scan_all(&moment), world_after(4));
    let JournalDamage { last_whole, ends, epochs, flaws, .. } = moment.damage().unwrap();
    assert_eq!((last_whole.0, ends.0, *epochs), (40, 90, 4));
    let texts: Vec<String> = flaws.iter().map(ToString::to_string).collect();
    let [first, second, third] = &texts[..] else { panic!("{texts:?}") };
    assert!(first.starts_with("the journal's epoch of commits 41 to 50 is damaged"), "{first}");
    // Nothing but its checksum is damaged.
    assert!(first.ends_with("it changed #0 (`Thing`), #3, #5 (`Thing`)"), "{first}");
    assert_eq!(second, "the journal has no commits 61 to 70, and goes on behind");
    assert!(third.ends_with("which objects it changed cannot be read"), "{third}");
}

/// Each byte of an epoch in turn. A record that is what was written is told as such, and no object that the epoch did not have; if
/// the damage is in a record, it is that object's.
#[test]
fn what_a_damaged_epoch_still_shows_is_true() {
    let folder = world();
    let world = folder.path().join("world");
    let mut good = Vec::new();
    damage(&world, 5, |bytes| good.clone_from(bytes));
    let number = |at: usize| u32::from_le_bytes(*good[at..].first_chunk().unwrap()) as usize;
    // Of objects 0, 3 and 5, in that order; 3 was removed.
    let record = |nth: usize| number(36 + 16 * nth)..number(36 + 16 * nth) + number(40 + 16 * nth);
    let records = [(object(0), record(0)), (object(5), record(2))];
    assert_eq!((number(24), records[1].1.end), (3, good.len()));
    for at in 0..good.len() {
        damage(&world, 5, |bytes| {
            bytes.clone_from(&good);
            bytes[at] ^= 1 << (at % 8);
        });
        let damage = found_in(&world);
        let JournalFlaw::Epoch { remains: Remains { objects, is_complete, .. }, .. } =
            &damage.flaws[0]
        else {
            panic!("{damage:?}")
        };
        let whole =
            objects.iter().filter(|object| !object.is_damaged && object.type_name.is_some());
        for object in whole {
            assert!(records.iter().any(|(id, _)| *id == object.id), "byte {at}: {object:?}");
            assert_eq!(object.type_name.as_deref(), Some("Thing"));
        }
        if at >= 24 && at < records[0].1.start {
            let all_are_vouched_for =
                objects.iter().all(|object| !object.is_damaged && object.type_name.is_some());
            assert!(*is_complete || all_are_vouched_for, "byte {at}: {objects:?}");
            continue;
        }
        assert!(is_complete, "byte {at}");
        let ids: Vec<_> = objects.iter().map(|object| object.id).collect();
        assert_eq!(ids, [0, 3, 5].map(object), "byte {at}");
        let damaged = objects.iter().filter(|object| object.is_damaged).map(|object| object.id);
        let hit = records.iter().filter(|(_, record)| record.contains(&at)).map(|(id, _)| *id);
        assert!(damaged.eq(hit), "byte {at}: {objects:?}");
    }
}

/// As a checkpoint leaves it that was ended in the middle: object 1 was removed by the third batch, and is gone already.
fn world_in_a_checkpoint() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world");
    let store = open(&world);
    store.apply(&batch(10, (1..=6).map(|n| (object(n), put(thing(n)))).collect())).unwrap();
    store.checkpoint().unwrap();
    for (n, change) in [(20, (object(6), put(thing(7)))), (30, (object(1), None))] {
        store.apply(&batch(n, vec![change])).unwrap();
    }
    store.apply(&batch(40, vec![(object(5), put(thing(8)))])).unwrap();
    drop(store);
    let status = child("before_damage::child_that_makes_a_checkpoint", &world)
        .env("DAYSTAR_DIE_AT", "inside-checkpoint")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(!status.unwrap().success(), "it was not killed");
    folder
}

#[test]
#[ignore = "run by another test, as a process to be killed"]
fn child_that_makes_a_checkpoint() {
    let Some(world) = child_folder() else { return };
    let pace = Pace { objects_max: 1, ..Pace::default() };
    let store = LmdbStore::open(&world, Options { pace, ..Options::default() }).unwrap();
    store.checkpoint().unwrap();
}

/// Nothing among the objects shows that one of them has gone.
#[test]
fn what_a_checkpoint_has_written_over_is_not_passed_off_as_what_was() {
    for n in [3, 4] {
        let folder = world_in_a_checkpoint();
        let (world, copy) = (folder.path().join("world"), folder.path().join("copy"));
        damage(&world, n, |bytes| bytes[0] ^= 1);
        let moment = before_damage(&world);
        assert!(moment.damage().unwrap().is_overwritten);
        assert_eq!(load(&moment, object(6)), Some((20, thing(7))), "it can be looked at");
        let error = moment.copy_to(&copy, &mut |_, _, _| {}).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert!(!copy.exists());
        drop(moment);
        for error in [error, refusal(&world)] {
            let error = error.to_string();
            let word =
                format!("restore a backup; there is no way back to commit {} ", 10 * (n - 1));
            assert!(error.contains(&word), "{error}");
            assert!(!error.contains("before-damage"), "{error}");
        }
    }
}

/// It wrote only what is whole in the journal.
#[test]
fn damage_behind_a_checkpoint_that_was_not_finished_leaves_what_came_before() {
    let folder = world_in_a_checkpoint();
    let (world, copy) = (folder.path().join("world"), folder.path().join("copy"));
    let store = open(&world);
    let before = scan_all(&store);
    assert_eq!(before.len(), 5);
    store.apply(&batch(50, vec![(object(2), None)])).unwrap();
    drop(store);
    damage(&world, 5, |bytes| bytes[0] ^= 1);
    let moment = before_damage(&world);
    assert!(!moment.damage().unwrap().is_overwritten);
    moment.copy_to(&copy, &mut |_, _, _| {}).unwrap();
    assert_eq!(scan_all(&open(&copy)), before);
}

/// Without the note of how far the last checkpoint went, nobody can tell.
#[test]
fn where_it_is_not_known_what_a_checkpoint_wrote_it_may_have_written_anything() {
    let folder = world();
    let world = folder.path().join("world");
    let harms: [fn(&mut Vec<u8>); 2] = [|bytes| bytes.clear(), |bytes| bytes[0] ^= 1];
    for harm in harms {
        tamper(&world, |txn, _, meta| {
            let mut bytes = meta.get(txn, "newest").unwrap().unwrap().to_vec();
            harm(&mut bytes);
            meta.put(txn, "newest", &bytes).unwrap();
        });
        let next = open(&world).last_commit().unwrap().0 / 10 + 1;
        open(&world).apply(&nth(next)).unwrap();
        damage(&world, next, |bytes| bytes[0] ^= 1);
        assert!(found_in(&world).is_overwritten);
        // Made good, for the next round.
        damage(&world, next, |bytes| bytes[0] ^= 1);
    }
}
