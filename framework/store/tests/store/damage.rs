//! Damage is reported and never taken for data: flipped bits, records cut short, records under the wrong id,
//! a damaged head. The objects beside it are still there, and nothing panics.

use std::collections::BTreeSet;
use std::path::Path;

use daystar_model::ids::ObjectId;
use daystar_model::record::RecordError;
use daystar_model::store::{Store, StoreError};

use crate::support::*;

/// A world of `count` objects, tampered with, and then what a load and a scan make of it: the damaged ones.
fn damaged(count: u64, harm: impl FnMut(u64, &mut Vec<u8>)) -> BTreeSet<ObjectId> {
    let folder = tempfile::tempdir().unwrap();
    let changes = (1..=count).map(|i| (object(i), put(thing(1)))).collect();
    open(folder.path()).apply(&batch(1, changes)).unwrap();
    tamper_records(folder.path(), harm);

    let store = open(folder.path());
    let mut seen = 0;
    let mut bad = BTreeSet::new();
    store
        .scan(object(0), object(u64::MAX), &mut |id, value| {
            seen += 1;
            let loaded = store.load(id);
            assert_eq!(loaded.is_err(), value.is_err());
            match value {
                Ok((_, value)) => assert_eq!(value.as_any().downcast_ref(), Some(&thing(1))),
                Err(StoreError::Record { id: named, cause }) => {
                    assert_eq!(named, id);
                    assert!(matches!(cause, RecordError::Checksum | RecordError::Truncated { .. }));
                    bad.insert(id);
                }
                Err(other) => panic!("{other}"),
            }
        })
        .unwrap();
    assert_eq!(seen, count, "the walk goes on behind a damaged record");
    bad
}

fn tamper_records(world: &Path, mut harm: impl FnMut(u64, &mut Vec<u8>)) {
    tamper(world, |txn, objects, _| {
        let all: Vec<(u64, Vec<u8>)> =
            objects.iter(txn).unwrap().map(|e| e.unwrap()).map(|(k, v)| (k, v.to_vec())).collect();
        for (key, mut bytes) in all {
            harm(key ^ (3 << 62), &mut bytes);
            objects.put(txn, &key, &bytes).unwrap();
        }
    });
}

fn record_bytes() -> u64 {
    let mut length = 0;
    damaged(1, |_, bytes| length = bytes.len() as u64);
    length
}

fn ids(range: impl Iterator<Item = u64>) -> BTreeSet<ObjectId> {
    range.map(object).collect()
}

/// Object `n` has bit `n` flipped, and every tenth none, as a control.
#[test]
fn every_flipped_bit_is_noticed() {
    let bits = record_bytes() * 8;
    let bad = damaged(bits, |key, bytes| {
        if key % 10 != 0 {
            bytes[(key as usize - 1) / 8] ^= 1 << (key % 8);
        }
    });
    assert_eq!(bad, ids((1..=bits).filter(|n| n % 10 != 0)));
}

/// Object `n` has its last `n` bytes missing: from one up to all of them.
#[test]
fn every_truncation_is_noticed() {
    let length = record_bytes();
    let bad = damaged(length, |key, bytes| bytes.truncate(bytes.len() - key as usize));
    assert_eq!(bad, ids(1..=length));
}

#[test]
fn bytes_added_or_zeroed_are_noticed() {
    let bad = damaged(4, |key, bytes| match key {
        1 => bytes.push(0),
        2 => bytes.fill(0),
        3 => bytes.extend_from_within(..),
        _ => {}
    });
    assert_eq!(bad, ids(1..=3));
}

/// The records are sound, but lie under each other's ids.
#[test]
fn swapped_records_are_noticed() {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    damaged(4, |_, bytes| kept.push(bytes.clone()));
    let bad = damaged(4, |key, bytes| match key {
        1 => bytes.clone_from(&kept[1]),
        2 => bytes.clone_from(&kept[0]),
        _ => {}
    });
    assert_eq!(bad, ids(1..=2));
}

/// A program that changed a type without a new version writes records whose checksum is right and whose payload is
/// no value of the type. The type's own check finds it.
#[test]
fn a_sound_record_of_something_else_meets_the_types_own_check() {
    let folder = tempfile::tempdir().unwrap();
    #[derive(Clone)]
    struct Liar;
    impl daystar_model::managed::Managed for Liar {
        const TYPE_NAME: &'static str = "Thing";
        const VERSION: u32 = 1;
        fn encode(&self) -> Result<Vec<u8>, RecordError> {
            Ok(vec![0xff; 20])
        }
        fn decode(_: u32, _: &[u8]) -> Result<Self, RecordError> {
            Ok(Self)
        }
        fn descriptor() -> &'static daystar_model::managed::TypeDescriptor {
            static DESCRIPTOR: daystar_model::managed::TypeDescriptor =
                daystar_model::managed::TypeDescriptor::of::<Liar>();
            &DESCRIPTOR
        }
    }
    let store = open(folder.path());
    store.apply(&batch(1, vec![(object(1), put(Liar))])).unwrap();
    assert!(matches!(
        store.load(object(1)),
        Err(StoreError::Record { cause: RecordError::Invalid { name: "Thing", .. }, .. })
    ));
}

/// A damaged head would mean ids given away twice, or a batch applied twice: the world is not opened.
#[test]
fn a_damaged_head_is_refused() {
    let harms: [fn(&mut Vec<u8>); 4] =
        [|b| b[0] ^= 1, |b| b[9] ^= 0x80, |b| b.truncate(16), |b| b.clear()];
    for harm in harms {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path()).apply(&batch(7, vec![(object(1), put(thing(1)))])).unwrap();
        tamper(folder.path(), |txn, _, meta| {
            let mut bytes = meta.get(txn, "head").unwrap().unwrap().to_vec();
            harm(&mut bytes);
            meta.put(txn, "head", &bytes).unwrap();
        });
        let error = refusal(folder.path()).to_string();
        assert!(error.contains("damaged") && error.contains("backup"), "{error}");
    }
}
