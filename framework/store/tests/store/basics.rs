//! What goes in comes out, on both stores: values, removals, ranges, the head; and batches that must not be
//! applied are not.

use std::ops::ControlFlow;
use std::sync::Arc;

use daystar_model::ids::{CommitNumber, ObjectId, Space};
use daystar_model::managed::Object;
use daystar_model::record::RecordError;
use daystar_model::store::{Batch, Store, StoreError};
use daystar_store::{Breaks, LmdbStore, MemoryStore, Options};

use crate::support::*;

fn on_both(story: fn(&dyn Store)) {
    story(&MemoryStore::new());
    let folder = tempfile::tempdir().unwrap();
    story(&open(folder.path()));
}

#[test]
fn an_empty_store_is_empty() {
    on_both(|store| {
        assert_eq!(store.last_commit().unwrap(), CommitNumber::ZERO);
        assert_eq!(store.next_index().unwrap(), 1);
        assert!(load(store, object(1)).is_none());
        assert!(scan_all(store).is_empty());
    });
}

#[test]
fn values_come_back_with_their_commits() {
    on_both(|store| {
        let mut first = batch(3, vec![(object(2), put(thing(2))), (object(1), put(thing(1)))]);
        first.changes[0].1 = CommitNumber(1);
        first.next_index = 3;
        store.apply(&first).unwrap();
        let large = Thing { number: 9, text: "x".repeat(300_000), list: (0..50_000).collect() };
        store.apply(&batch(4, vec![(object(3), put(large.clone())), (object(1), None)])).unwrap();

        assert_eq!(load(store, object(1)), None);
        assert_eq!(load(store, object(2)), Some((1, thing(2))));
        assert_eq!(load(store, object(3)), Some((4, large)));
        assert_eq!(store.last_commit().unwrap(), CommitNumber(4));
        assert_eq!(store.next_index().unwrap(), 3, "an index is never given away again");
    });
}

#[test]
fn a_batch_without_changes_moves_the_head() {
    on_both(|store| {
        store.apply(&Batch { changes: vec![], last: CommitNumber(8), next_index: 50 }).unwrap();
        assert_eq!(store.last_commit().unwrap(), CommitNumber(8));
        assert_eq!(store.next_index().unwrap(), 50);
    });
}

#[test]
fn a_snapshot_is_one_moment_while_the_world_goes_on() {
    on_both(|store| {
        store
            .apply(&batch(1, vec![(object(1), put(thing(1))), (object(2), put(thing(2)))]))
            .unwrap();
        let snapshot = store.snapshot().unwrap();
        store.apply(&batch(2, vec![(object(1), None), (object(3), put(thing(3)))])).unwrap();
        assert_eq!(load(&*snapshot, object(1)), Some((1, thing(1))));
        assert_eq!(load(&*snapshot, object(3)), None);
        assert_eq!(scan_all(&*snapshot).len(), 2);
        assert_eq!(snapshot.last_commit().unwrap(), CommitNumber(1));
        assert!(snapshot.apply(&batch(3, vec![])).is_err(), "it is open to be read only");
        drop(snapshot);
        assert_eq!(load(store, object(1)), None);
        assert_eq!(store.last_commit().unwrap(), CommitNumber(2));
    });
}

#[test]
fn a_scan_takes_in_both_ends_and_follows_the_ids() {
    on_both(|store| {
        let ids: Vec<ObjectId> = Space::ALL
            .iter()
            .flat_map(|&space| [0, 1, 255, 256, 70_000].map(|index| ObjectId::new(space, index)))
            .chain(Space::ALL.iter().map(|space| space.last()))
            .collect();
        let changes = ids.iter().rev().map(|id| (*id, put(thing(id.to_raw() % 1000)))).collect();
        store.apply(&batch(1, changes)).unwrap();

        let mut sorted = ids.clone();
        sorted.sort_unstable();
        let range = |first, last| -> Vec<ObjectId> {
            scan(store, first, last).iter().map(|(id, _, _)| *id).collect()
        };
        assert_eq!(range(sorted[0], sorted[sorted.len() - 1]), sorted);
        for space in Space::ALL {
            let of_space: Vec<_> = sorted.iter().copied().filter(|i| i.space() == space).collect();
            assert_eq!(range(space.first(), space.last()), of_space);
        }
        assert_eq!(range(object(1), object(256)), [object(1), object(255), object(256)]);
        assert_eq!(range(object(2), object(254)), []);
        assert_eq!(range(object(256), object(1)), [], "a range that ends before it begins");
    });
}

/// Also if the program does not have the others' types.
#[test]
fn a_scan_of_one_type_passes_over_all_others() {
    on_both(|store| {
        let changes = vec![
            (object(1), put(thing(1))),
            (object(2), put(Stranger(2))),
            (object(3), put(thing(3))),
        ];
        store.apply(&batch(1, changes)).unwrap();
        let found = |store: &dyn Store, name| {
            let mut found = Vec::new();
            let visit = &mut |id, value: Result<_, _>| {
                found.push((id, value.is_ok()));
                ControlFlow::Continue(())
            };
            store.scan_of(name, object(0), object(9), visit).unwrap();
            found
        };
        let snapshot = store.snapshot().unwrap();
        for store in [store, &*snapshot] {
            assert_eq!(found(store, "Thing"), [(object(1), true), (object(3), true)]);
            assert_eq!(found(store, "Stranger"), [(object(2), false)]);
            assert_eq!(found(store, "Other"), []);
        }
    });
}

#[test]
fn a_scan_of_one_type_ends_when_enough_is_seen() {
    on_both(|store| {
        store.apply(&batch(1, (1..=9).map(|i| (object(i), put(thing(i)))).collect())).unwrap();
        let snapshot = store.snapshot().unwrap();
        for store in [store, &*snapshot] {
            let mut seen = 0;
            let visit = &mut |id, _: Result<_, _>| {
                seen += 1;
                if id == object(3) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            store.scan_of("Thing", object(0), object(9), visit).unwrap();
            assert_eq!(seen, 3);
        }
    });
}

/// The visitor may use the store, also to write, and still sees the moment at which the scan began.
#[test]
fn a_scan_is_one_moment() {
    on_both(|store| {
        store.apply(&batch(1, (1..=50).map(|i| (object(i), put(thing(0)))).collect())).unwrap();
        let mut seen = 0;
        store
            .scan(object(1), object(1000), &mut |id, value| {
                let (commit, value) = value.unwrap();
                let value = (*value).as_any().downcast_ref::<Thing>().unwrap().number;
                assert_eq!((commit.0, value), (1, 0));
                seen += 1;
                let next = store.last_commit().unwrap().next().0;
                let newer = (id.index()..=60).map(|i| (object(i), put(thing(next)))).collect();
                store.apply(&batch(next, newer)).unwrap();
            })
            .unwrap();
        assert_eq!(seen, 50);
        assert_eq!(load(store, object(60)).unwrap().0, 51);
    });
}

#[test]
fn a_batch_is_applied_once_and_in_order() {
    on_both(|store| {
        store.apply(&batch(5, vec![(object(1), put(thing(5)))])).unwrap();
        let mut overlapping = batch(7, vec![(object(1), put(thing(7))), (object(2), None)]);
        overlapping.changes[1].1 = CommitNumber(5);
        let mut beyond = batch(7, vec![(object(1), put(thing(7)))]);
        beyond.changes[0].1 = CommitNumber(8);
        // Not side by side, as a batch need not be sorted.
        let twice = batch(
            7,
            vec![(object(1), put(thing(6))), (object(2), None), (object(1), put(thing(7)))],
        );
        let again = || batch(5, vec![(object(1), put(thing(6)))]);
        let older = batch(4, vec![(object(1), put(thing(4)))]);
        for (wrong, word) in [
            (again(), "already stored"),
            (older, "already stored"),
            (overlapping, "already stored"),
            (beyond, "behind the batch's last"),
            (twice, "twice"),
        ] {
            let error = store.apply(&wrong).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
            assert_eq!(load(store, object(1)), Some((5, thing(5))));
            assert_eq!(store.last_commit().unwrap(), CommitNumber(5));
        }
        store.apply(&batch(6, vec![(object(1), put(thing(6)))])).unwrap();
    });
}

#[test]
fn a_value_that_cannot_be_written_leaves_nothing_behind() {
    on_both(|store| {
        let changes = vec![(object(1), put(thing(1))), (object(2), put(Unwritable))];
        let error = store.apply(&batch(1, changes)).unwrap_err();
        assert!(matches!(
            error,
            StoreError::Record { id, cause: RecordError::Encode { .. } } if id == object(2)
        ));
        assert!(scan_all(store).is_empty());
        assert_eq!(store.last_commit().unwrap(), CommitNumber::ZERO);
    });
}

/// What another program wrote is an error that names the object, and does not hide the others.
#[test]
fn unknown_types_and_versions_are_named() {
    on_both(|store| {
        let changes = vec![
            (object(1), put(thing(1))),
            (object(2), put(Stranger(2))),
            (object(3), put(LaterThing(3))),
            (object(4), put(thing(4))),
        ];
        store.apply(&batch(1, changes)).unwrap();
        assert!(matches!(
            failure(store, object(2)),
            StoreError::Record { id, cause: RecordError::UnknownType { name } }
                if id == object(2) && name == "Stranger"
        ));
        assert!(matches!(
            failure(store, object(3)),
            StoreError::Record { id, cause: RecordError::UnknownVersion { stored: 2, known: 1, .. } }
                if id == object(3)
        ));
        let mut good = Vec::new();
        let mut bad = Vec::new();
        store
            .scan(object(0), object(9), &mut |id, value| match value {
                Ok(_) => good.push(id),
                Err(error) => {
                    assert!(error.to_string().contains(&id.to_string()), "{error}");
                    bad.push(id);
                }
            })
            .unwrap();
        assert_eq!((good, bad), (vec![object(1), object(4)], vec![object(2), object(3)]));
    });
}

#[test]
fn many_threads_read_while_one_writes() {
    on_both(|store| {
        let all_of = |n: u64| batch(n, (1..=20).map(|i| (object(i), put(thing(n)))).collect());
        store.apply(&all_of(1)).unwrap();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (2..=40).for_each(|n| store.apply(&all_of(n)).unwrap()));
            let writer = Arc::new(writer);
            for _ in 0..8 {
                let writer = Arc::clone(&writer);
                scope.spawn(move || {
                    let mut before = 1;
                    while !writer.is_finished() {
                        let moment = scan(store, object(1), object(20));
                        assert_eq!(moment.len(), 20);
                        let number = moment[0].2.number;
                        assert!(moment.iter().all(|(_, n, t)| *n == number && t.number == number));
                        assert!(number >= before, "time went backwards");
                        before = number;
                        assert!(load(store, object(7)).unwrap().0 >= number);
                    }
                });
            }
        });
        assert_eq!(load(store, object(20)), Some((40, thing(40))));
    });
}

fn failure(store: &dyn Store, id: ObjectId) -> StoreError {
    let loaded: Result<Option<(CommitNumber, Arc<dyn Object>)>, _> = store.load(id);
    loaded.expect_err("the record should not have been readable")
}

/// What is reloaded: in the journal only; among the objects; there in its last version but one.
fn reloaded(breaks: Breaks) -> [Option<(u64, Thing)>; 3] {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { breaks, ..Options::default() };
    let store = LmdbStore::open(folder.path().join("world"), options).unwrap();
    let apply = |n| store.apply(&batch(n, vec![(object(0), put(thing(n)))])).unwrap();
    let reload = |n| reload(&store, object(0), n);
    apply(1);
    let in_journal = reload(1);
    store.checkpoint().unwrap();
    let among_objects = reload(1);
    apply(2);
    [in_journal, among_objects, reload(2)]
}

#[test]
fn what_comes_back_is_looked_for_where_it_is() {
    let (one, two) = (Some((1, thing(1))), Some((2, thing(2))));
    assert_eq!(reloaded(Breaks::default()), [one.clone(), one.clone(), two]);
    let early = Breaks { reloads_early: true, ..Breaks::default() };
    assert_eq!(reloaded(early), [None, one.clone(), one]);
}
