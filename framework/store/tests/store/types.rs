//! A program that does not know all of a world's types: the world is not opened, and the refusal names an object and
//! says how many there are. Of a type of which nothing is left, nobody hears.

use std::path::Path;

use daystar_model::record::RecordError;
use daystar_model::store::{Change, Store, StoreError};
use daystar_store::{Moment, Options};

use crate::support::*;

/// That the world is refused because of `count` objects, of which `first` is the first.
fn assert_unreadable(world: &Path, count: u64, first: u64, version: Option<u32>) {
    let error = refusal(world);
    let text = error.to_string();
    let StoreError::Unreadable { count: found, id, cause, path } = error else { panic!("{text}") };
    assert_eq!((found, id, path.as_path()), (count, object(first), world));
    match (cause, version) {
        (RecordError::UnknownType { name }, None) => assert_eq!(name, "Stranger"),
        (RecordError::UnknownVersion { name: "Thing", stored, known: 1 }, Some(version)) => {
            assert_eq!(stored, version);
        }
        (cause, _) => panic!("{cause}"),
    }
    assert!(text.contains(&object(first).to_string()), "{text}");
}

/// A world with four objects, of which the 2nd and the 4th are what `other` makes; in the journal, or, when
/// `is_checkpointed`, among the objects.
fn world(other: fn() -> Change, is_checkpointed: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let value = |n: u64| if n.is_multiple_of(2) { other() } else { put(thing(n)) };
    store.apply(&batch(1, (1..=3).map(|n| (object(n), value(n))).collect())).unwrap();
    store.apply(&batch(2, vec![(object(4), value(4))])).unwrap();
    if is_checkpointed {
        store.checkpoint().unwrap();
    }
    folder
}

#[test]
fn an_unknown_type_is_named_wherever_its_objects_lie() {
    for is_checkpointed in [false, true] {
        let folder = world(|| put(Stranger(2)), is_checkpointed);
        assert_unreadable(folder.path(), 2, 2, None);
        assert_unreadable(folder.path(), 2, 2, None);
        let folder = world(|| put(LaterThing(2)), is_checkpointed);
        assert_unreadable(folder.path(), 2, 2, Some(2));
    }
}

/// A tool opens the world all the same: it is there to say what is wrong.
#[test]
fn a_moment_hands_out_what_it_can_read() {
    let folder = world(|| put(Stranger(2)), false);
    let moment = Moment::open(folder.path(), Options::default()).unwrap();
    let mut readable = Vec::new();
    moment.scan(object(0), object(9), &mut |id, value| readable.push((id, value.is_ok()))).unwrap();
    assert_eq!(readable, [1, 2, 3, 4].map(|n| (object(n), n % 2 == 1)));
    // For the same cause as that of a refusal.
    let told: Vec<_> = moment.unreadable_types().collect();
    let [("Stranger", 1, RecordError::UnknownType { name })] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(name, "Stranger");
}

/// The list of types says that there were some once; the records say that there are none now.
#[test]
fn a_type_of_which_nothing_is_left_does_not_hinder() {
    for is_checkpointed in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        store.apply(&batch(1, vec![(object(1), put(thing(1)))])).unwrap();
        store.apply(&batch(2, vec![(object(2), put(Stranger(2)))])).unwrap();
        if is_checkpointed {
            store.checkpoint().unwrap();
        }
        store.apply(&batch(3, vec![(object(2), None)])).unwrap();
        drop(store);
        let store = open(folder.path());
        assert_eq!(scan_all(&store), [(object(1), 1, thing(1))]);
        // And when there is one again, long after its type was listed, it is noticed again.
        store.apply(&batch(4, vec![(object(5), put(Stranger(5)))])).unwrap();
        store.checkpoint().unwrap();
        drop(store);
        assert_unreadable(folder.path(), 1, 5, None);
    }
}

/// The types are listed apart from the epochs, which a cut takes away.
#[test]
fn types_outlive_checkpoints_and_cuts() {
    let folder = world(|| put(Stranger(2)), true);
    let listed = || {
        let mut listed = Vec::new();
        tamper_journal(folder.path(), |txn, epochs, meta| {
            assert!(epochs.is_empty(txn).unwrap(), "the journal was not cut");
            for entry in meta.iter(txn).unwrap() {
                listed.extend(entry.unwrap().0.strip_prefix("type ").map(str::to_owned));
            }
        });
        listed
    };
    assert_eq!(listed(), ["Stranger@1", "Thing@1"]);
    assert_unreadable(folder.path(), 2, 2, None);
    assert_eq!(listed(), ["Stranger@1", "Thing@1"]);
}

/// A damaged record cannot say of which type it is. It is for whoever loads it, or verifies the world, to say so.
#[test]
fn damage_is_not_taken_for_an_unknown_type() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let changes = vec![(object(1), put(thing(1))), (object(2), put(thing(2)))];
    store.apply(&batch(1, changes)).unwrap();
    drop(store);
    tamper(folder.path(), |txn, objects, _| {
        let mut bytes = objects.get(txn, &key(object(1))).unwrap().unwrap().to_vec();
        bytes[24] ^= 0x20; // a letter of the type's name
        objects.put(txn, &key(object(1)), &bytes).unwrap();
    });
    let store = open(folder.path());
    assert!(store.load(object(1)).is_err());
    assert_eq!(load(&store, object(2)), Some((1, thing(2))));
}
