//! Damage to the journal: epochs with flipped bits, cut short, swapped, put where none was, or taken away; files
//! that belong to another program, another world or another time. Each is a clear error when the world is opened, or
//! when the object is loaded. Nothing panics, and nothing is taken for data. (What is left of such a world:
//! `before_damage.rs`.)

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use daystar_model::ids::ObjectId;
use daystar_model::record::RecordError;
use daystar_model::store::{Store, StoreError};
use daystar_store::{Breaks, LmdbStore, Moment, Options};
use proptest::prelude::*;
use tempfile::TempDir;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::support::*;

/// A world of which all is in the journal: epochs 1 to 4, each of which changes object 0 and adds one.
fn world() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for n in 1..=EPOCHS {
        let changes = vec![(object(0), put(thing(n))), (object(n), put(thing(n)))];
        store.apply(&batch(n, changes)).unwrap();
    }
    folder
}

const EPOCHS: u64 = 4;

/// Opening `world` is refused with the same words to the server and to a tool; and says what to do.
fn assert_refused(world: &Path, word: &str) {
    let to_tool = Moment::open(world, Options::default()).map(drop).unwrap_err().to_string();
    let to_server = refusal(world).to_string();
    assert_eq!(to_tool, to_server);
    assert!(to_server.contains(word), "{word} is not in: {to_server}");
    assert!(to_server.contains(&world.display().to_string()), "{to_server}");
    let says_what_to_do = ["backup", "choose"].iter().any(|word| to_server.contains(word));
    assert!(says_what_to_do, "{to_server}");
}

/// What `harm` makes of the bytes of epoch `n` is refused.
fn assert_damage_is_refused(n: u64, harm: impl FnOnce(&mut Vec<u8>)) {
    let folder = world();
    tamper_journal(folder.path(), |txn, epochs, _| {
        let mut bytes = epochs.get(txn, &n).unwrap().unwrap().to_vec();
        harm(&mut bytes);
        epochs.put(txn, &n, &bytes).unwrap();
    });
    assert_refused(folder.path(), &format!("the journal's epoch of commit {n} is damaged"));
}

/// Of every bit of an epoch there is a test beside its code; here it is that the world as a whole heeds it.
#[test]
fn a_damaged_epoch_is_refused() {
    for n in 1..=EPOCHS {
        for at in [0, 7, 8, 15, 16, 24, 28, 36, 40, 60, 75, 100] {
            assert_damage_is_refused(n, |bytes| bytes[at] ^= 1 << (at % 8));
        }
        assert_damage_is_refused(n, |bytes| *bytes.last_mut().unwrap() ^= 1);
    }
    for length in [0, 1, 27, 28, 59, 60, 100] {
        assert_damage_is_refused(2, |bytes| bytes.truncate(length));
    }
    assert_damage_is_refused(2, |bytes| bytes.push(0));
    assert_damage_is_refused(2, |bytes| bytes.fill(0));
    assert_damage_is_refused(2, |bytes| bytes.extend_from_within(..));
}

#[test]
fn epochs_under_other_numbers_are_refused() {
    let numbers = [(2, 3), (3, 2), (1, EPOCHS + 1), (EPOCHS, u64::MAX)];
    for (from, to) in numbers {
        let folder = world();
        tamper_journal(folder.path(), |txn, epochs, _| {
            let bytes = epochs.get(txn, &from).unwrap().unwrap().to_vec();
            epochs.put(txn, &to, &bytes).unwrap();
        });
        let commits = match to {
            u64::MAX => format!("commits {} to {to}", EPOCHS + 1),
            _ => format!("commit {to}"),
        };
        assert_refused(folder.path(), &format!("the journal's epoch of {commits} is damaged"));
    }
}

#[test]
fn a_missing_epoch_is_refused() {
    for n in 1..EPOCHS {
        let folder = world();
        tamper_journal(folder.path(), |txn, epochs, _| {
            assert!(epochs.delete(txn, &n).unwrap());
        });
        assert_refused(folder.path(), &format!("the journal has no commit {n}, and goes on"));
    }
}

/// Behind a checkpoint: the first epoch follows upon the objects, and not upon nothing.
#[test]
fn a_missing_epoch_behind_a_checkpoint_is_refused() {
    let folder = world();
    let store = open(folder.path());
    store.checkpoint().unwrap();
    (5..=7).for_each(|n| store.apply(&batch(n, vec![(object(0), put(thing(n)))])).unwrap());
    drop(store);
    tamper_journal(folder.path(), |txn, epochs, _| {
        assert_eq!(epochs.len(txn).unwrap(), 3);
        assert!(epochs.delete(txn, &5).unwrap());
    });
    assert_refused(folder.path(), "the journal has no commit 5, and goes on");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// An epoch whose checksum is right, and whose table of objects is nonsense. The world opens or does not; what is
    /// loaded is an error, or a value that was once written for that very object.
    #[test]
    fn nonsense_behind_a_right_checksum_is_never_taken_for_data(
        id in prop_oneof![any::<u64>(), 0..6_u64],
        at in prop_oneof![any::<u32>(), 0..300_u32],
        length in prop_oneof![any::<u32>(), 0..300_u32, Just(u32::MAX)],
        entry in 0..2_usize,
        next_index in any::<u64>(),
    ) {
        let folder = world();
        tamper_journal(folder.path(), |txn, epochs, _| {
            let mut bytes = epochs.get(txn, &2).unwrap().unwrap().to_vec();
            bytes[16..24].copy_from_slice(&next_index.to_le_bytes());
            let entry = &mut bytes[28 + 16 * entry..][..16];
            entry[..8].copy_from_slice(&id.to_le_bytes());
            entry[8..12].copy_from_slice(&at.to_le_bytes());
            entry[12..].copy_from_slice(&length.to_le_bytes());
            let sum = xxh3_64_with_seed(&bytes[8..], 2);
            bytes[..8].copy_from_slice(&sum.to_le_bytes());
            epochs.put(txn, &2, &bytes).unwrap();
        });
        let Ok(store) = LmdbStore::open(folder.path(), Options::default()) else { return Ok(()) };
        for _ in 0..2 {
            for id in [ObjectId::from_raw(id), object(0), object(1), object(2), object(3)] {
                if let Ok(Some((commit, value))) = store.load(id) {
                    prop_assert_eq!(value.as_any().downcast_ref(), Some(&thing(commit.0)));
                }
            }
            let all = ObjectId::from_raw(u64::MAX);
            store.scan(object(0), all, &mut |_, value| drop(value)).unwrap();
            store.checkpoint().unwrap();
        }
    }
}

#[test]
fn keys_that_are_no_numbers_are_refused() {
    let folder = world();
    tamper_journal(folder.path(), |txn, epochs, _| {
        let raw = epochs.remap_key_type::<heed::types::Bytes>();
        raw.put(txn, &[0xff; 3], b"an epoch?").unwrap();
    });
    let error = refusal(folder.path()).to_string();
    assert!(error.contains("read the journal"), "{error}");
}

/// What the list of types says that is no type hinders nobody.
#[test]
fn strange_entries_among_the_types_do_no_harm() {
    let folder = world();
    tamper_journal(folder.path(), |txn, _, meta| {
        for key in [
            "type ",
            "type @",
            "type Thing",
            "type Thing@x",
            "type Thing@99999999999",
            "typewriter",
        ] {
            meta.put(txn, key, b"").unwrap();
        }
    });
    assert_eq!(scan_all(&open(folder.path())).len() as u64, EPOCHS + 1);
}

/// Bytes that change in the file while the store has it open. The journal is not read whole again, but its records are
/// checked when they are loaded, also after a checkpoint has copied them.
#[test]
fn a_record_that_is_damaged_in_the_journal_is_noticed_when_it_is_loaded() {
    let (store, _folder) = damaged_in_use(Breaks::default());
    let assert_loads = || {
        let error = store.load(object(1)).map(drop).unwrap_err();
        let is_named = matches!(
            &error,
            StoreError::Record { id, cause: RecordError::Checksum } if *id == object(1)
        );
        assert!(is_named, "{error}");
        assert_eq!(load(&store, object(2)), Some((1, thing(2))));
    };
    let mut found = Vec::new();
    let mut walk =
        || store.scan(object(0), object(9), &mut |id, value| found.push((id, value.is_ok())));
    assert_loads();
    // A walk reads the journal's epochs, and one of them is not what it was. But this store knows what was in it, so that is over
    // when there has been a checkpoint, and whoever has to walk tries again.
    let error = walk().unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    let error = error.to_string();
    assert!(error.contains("the journal's epoch of commit 1 is damaged"), "{error}");
    assert!(
        error.contains("it changed #1 (by its bytes a `Thing`, damaged), #2 (`Thing`)"),
        "{error}"
    );
    assert!(error.contains("after the next checkpoint"), "{error}");
    store.checkpoint().unwrap();
    assert_loads();
    walk().unwrap();
    assert_eq!(found, [(object(1), false), (object(2), true)]);
}

/// As if a record were believed whatever its checksum says: the damage is taken for data, and that is seen.
#[test]
fn without_the_checksum_damage_is_taken_for_data() {
    let (store, _folder) = damaged_in_use(Breaks { checksum_ignored: true, ..Breaks::default() });
    let (commit, damaged) = load(&store, object(1)).unwrap();
    assert_eq!(commit, 1);
    assert_ne!(damaged.text, KNOWN, "the bytes were not damaged after all");
    assert_eq!(damaged.text, KNOWN.replace('g', "G"));
}

const KNOWN: &str = "a text that is long enough to be found in the file";

/// A store with a damaged object 1, and a sound object 2.
fn damaged_in_use(breaks: Breaks) -> (LmdbStore, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = LmdbStore::open(folder.path(), Options { breaks, ..Options::default() }).unwrap();
    let known = Thing { number: 1, text: KNOWN.to_owned(), list: vec![] };
    store.apply(&batch(1, vec![(object(1), put(known)), (object(2), put(thing(2)))])).unwrap();
    let path = folder.path().join("journal/data.mdb");
    let bytes = fs::read(&path).unwrap();
    let places =
        bytes.windows(KNOWN.len()).enumerate().filter(|(_, text)| *text == KNOWN.as_bytes());
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for (at, _) in places {
        file.write_all_at(KNOWN.replace('g', "G").as_bytes(), at as u64).unwrap();
    }
    (store, folder)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::copy(from.join("data.mdb"), to.join("data.mdb")).unwrap();
}

/// Both are sound worlds, with the same commits, and even the same objects; but each file knows whose it is.
#[test]
fn the_files_of_another_world_are_refused() {
    for part in ["journal", "objects"] {
        let (ours, theirs) = (world(), world());
        copy(&theirs.path().join(part), &ours.path().join(part));
        assert_refused(ours.path(), "the journal of one world and the objects of another");
    }
    // Together, and with the marker, they are simply the other world.
    let (ours, theirs) = (world(), world());
    for part in ["journal", "objects"] {
        copy(&theirs.path().join(part), &ours.path().join(part));
    }
    assert_eq!(scan_all(&open(ours.path())).len() as u64, EPOCHS + 1);
}

/// The journal of before the checkpoint does not know what the objects are, and has not what came after. The other
/// way round, what the journal once had between the two is gone.
#[test]
fn the_files_of_another_time_are_refused() {
    for (part, word) in [("journal", "not of the same time"), ("objects", "are missing")] {
        let (folder, before) = (world(), tempfile::tempdir().unwrap());
        copy(&folder.path().join(part), before.path());
        let store = open(folder.path());
        store.apply(&batch(5, vec![(object(0), put(thing(5)))])).unwrap();
        store.checkpoint().unwrap();
        drop(store);
        copy(before.path(), &folder.path().join(part));
        assert_refused(folder.path(), word);
    }
}

#[test]
fn a_lost_journal_is_not_replaced_by_an_empty_one() {
    let folder = world();
    let file = folder.path().join("journal/data.mdb");
    fs::write(&file, "").unwrap();
    assert_refused(folder.path(), "gone");
    fs::remove_file(&file).unwrap();
    assert_refused(folder.path(), "gone");
    fs::remove_dir_all(folder.path().join("journal")).unwrap();
    assert_refused(folder.path(), "gone");
    assert!(!folder.path().join("journal").exists());
}

#[test]
fn a_journal_of_another_program_is_refused() {
    let folder = world();
    let journal = folder.path().join("journal");
    for garbage in [&b"hello"[..], &[0; 9000], &[0xff; 9000]] {
        fs::write(journal.join("data.mdb"), garbage).unwrap();
        assert_refused(folder.path(), "not an LMDB file");
    }
    // The folder of our own objects in its place.
    copy(&folder.path().join("objects"), &journal);
    assert_refused(folder.path(), "of another program");
}

/// LMDB would die of a bus error at a page that is not there.
#[test]
fn a_journal_that_was_cut_off_is_refused() {
    let folder = world();
    let file = folder.path().join("journal/data.mdb");
    let whole = fs::read(&file).unwrap();
    let everything = scan_all(&open(folder.path()));
    let mut refused = 0;
    for length in (0..whole.len()).step_by(1024) {
        fs::write(&file, &whole[..length]).unwrap();
        match LmdbStore::open(folder.path(), Options::default()) {
            Err(StoreError::Foreign { .. }) => refused += 1,
            Err(other) => panic!("{length}: {other}"),
            // What was cut off was in nobody's use.
            Ok(store) => assert_eq!(scan_all(&store), everything, "{length}"),
        }
    }
    assert!(refused > whole.len() / 1024 / 2, "only {refused} cuts were noticed");
}
