//! Cells among real threads, and what becomes of their memory. For Miri as much as for the processor: it sees a
//! value that is read after it was given back, or given back twice, or never.
//!
//! ```text
//! cargo +nightly miri test -p daystar-engine --lib -- cell reclaim slot pages
//! ```
//!
//! With `Breaks::no_grace`, so that nobody is waited for, Miri finds what is read while it is written on. Without Miri,
//! that is found by `tests/grace.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use daystar_model::store::{Batch, Visit};
use daystar_model::{CommitNumber, Object, ObjectId, Store, StoreError};

use crate::cell::{Cell, Found, Version};
use crate::coins::{Bank, Chest, assert_whole, cell, gold, silver};
use crate::reclaim::Pin;
use crate::sync::Arc;

const FIRST: u64 = 1;

/// Miri is slow, and needs few rounds: it sees what is wrong, not only what came of it.
const ROUNDS: u64 = if cfg!(miri) { 40 } else { 50_000 };

#[test]
fn two_who_read_and_install_see_whole_values() {
    let shared = (Bank::new(FIRST), cell(FIRST), cell(FIRST));
    let (bank, first, second) = &shared;
    let read_and_install = |seat| {
        for round in 0..ROUNDS {
            bank.visit(seat, |pin| {
                let seen = [first, second].map(|cell| newest(cell, pin));
                seen.into_iter().for_each(assert_whole);
                let coin = if round % 3 == 0 { silver } else { gold };
                bank.commit(&[first, second], pin, coin);
                // As long as the pin is held, what was seen is as it was.
                seen.into_iter().for_each(assert_whole);
            });
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| read_and_install(0));
        scope.spawn(|| read_and_install(1));
    });
    let last = CommitNumber(FIRST + 2 * ROUNDS);
    assert!(first.is_still(last, false) && second.is_still(last, false), "a commit was lost");
}

#[test]
fn who_looks_back_finds_what_was_while_others_install() {
    let shared = (Bank::new(FIRST), cell(FIRST), cell(FIRST));
    let (bank, first, second) = &shared;
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                bank.visit(0, |pin| bank.commit(&[first, second], pin, gold));
            }
        });
        scope.spawn(|| {
            for _ in 0..ROUNDS / 2 {
                bank.visit(1, |pin| {
                    let registered = bank.snapshots.register(&bank.clock);
                    for cell in [first, second] {
                        let version = look_back(cell, registered.snapshot, pin);
                        assert_whole(version.expect("what was wanted was thrown away"));
                    }
                    drop(registered);
                    first.tidy(&bank.snapshots, pin);
                });
            }
        });
    });
    bank.visit(0, |pin| {
        for cell in [first, second] {
            tidy(bank, cell, pin);
            assert!(!cell.has_past(), "what nobody wants is kept");
        }
    });
}

#[test]
fn each_of_several_moments_is_kept_for_as_long_as_it_is_wanted() {
    let (bank, cell) = (Bank::new(FIRST), cell(FIRST));
    bank.visit(0, |pin| {
        let early = bank.snapshots.register(&bank.clock);
        bank.commit(&[&cell], pin, silver);
        bank.commit(&[&cell], pin, gold);
        let late = bank.snapshots.register(&bank.clock);
        bank.commit(&[&cell], pin, silver);
        for snapshot in [early.snapshot, late.snapshot] {
            let version = look_back(&cell, snapshot, pin).expect("it is wanted");
            assert_eq!(version.number, snapshot);
            assert_whole(version);
        }
        drop(early);
        tidy(&bank, &cell, pin);
        assert!(look_back(&cell, CommitNumber(FIRST), pin).is_none(), "nobody wanted it any more");
        assert!(look_back(&cell, late.snapshot, pin).is_some(), "it is wanted");
    });
}

#[test]
fn a_cell_gives_back_its_value_and_its_past() {
    let bank = Bank::new(FIRST);
    let coin = gold(FIRST).expect("gold");
    let cell = Cell::unloaded();
    let loaded =
        cell.load(ObjectId::from_raw(1), &Chest(Some(coin.clone()), FIRST), CommitNumber::ZERO);
    assert!(matches!(loaded, Ok(Some(_))));
    bank.visit(0, |pin| {
        let _registered = bank.snapshots.register(&bank.clock);
        bank.commit(&[&cell], pin, silver);
        bank.commit(&[&cell], pin, |_| None);
        assert!(look_back(&cell, CommitNumber(FIRST), pin).is_some(), "it is wanted");
    });
    assert_eq!(Arc::strong_count(&coin), 2, "the past holds it");
    drop(cell);
    assert_eq!(Arc::strong_count(&coin), 1, "the past was not given back");
}

#[test]
fn an_object_may_come_back_as_another_type() {
    let (bank, cell) = (Bank::new(FIRST), cell(FIRST));
    for _ in 0..20 {
        bank.visit(0, |pin| bank.commit(&[&cell], pin, silver));
        bank.visit(0, |pin| assert_whole(newest(&cell, pin)));
        bank.visit(0, |pin| bank.commit(&[&cell], pin, |_| None));
        bank.visit(0, |pin| assert!(newest(&cell, pin).value.is_none(), "it was removed"));
        bank.visit(0, |pin| bank.commit(&[&cell], pin, gold));
        bank.visit(0, |pin| assert_whole(newest(&cell, pin)));
    }
}

/// A store that cannot be read.
struct Damaged {
    panics: bool,
}

impl Store for Damaged {
    fn load(&self, _: ObjectId) -> Result<Option<(CommitNumber, Arc<dyn Object>)>, StoreError> {
        assert!(!self.panics, "the store panics");
        Err(StoreError::Io { what: "read", cause: "no disk".to_owned() })
    }
    fn apply(&self, _: &Batch) -> Result<(), StoreError> {
        Ok(())
    }
    fn scan(&self, _: ObjectId, _: ObjectId, _: &mut Visit<'_>) -> Result<(), StoreError> {
        Ok(())
    }
    fn last_commit(&self) -> Result<CommitNumber, StoreError> {
        Ok(CommitNumber::ZERO)
    }
    fn next_index(&self) -> Result<u64, StoreError> {
        Ok(1)
    }
}

#[test]
fn what_could_not_be_loaded_can_be_loaded_later() {
    let (id, cell) = (ObjectId::from_raw(1), Cell::unloaded());
    assert!(cell.load(id, &Damaged { panics: false }, CommitNumber::ZERO).is_err());
    assert!(cell.is_unloaded(), "it is as if it had been loaded");
    let load = || cell.load(id, &Damaged { panics: true }, CommitNumber::ZERO).is_err();
    assert!(catch_unwind(AssertUnwindSafe(load)).is_err());
    assert!(cell.is_unloaded(), "it is as if it had been loaded");
    assert!(matches!(cell.load(id, &Chest(gold(FIRST), FIRST), CommitNumber::ZERO), Ok(Some(_))));
    Bank::new(FIRST).visit(0, |pin| assert_whole(newest(&cell, pin)));
}

fn newest<'p>(cell: &Cell, pin: &'p Pin<'_>) -> Version<'p> {
    match cell.read(CommitNumber(u64::MAX), pin) {
        Found::Newest(version) => version,
        Found::Older(_) | Found::Away | Found::Gone => {
            panic!("it is older than a commit that never was")
        }
    }
}

/// Tidies for certain: a cell may seem to be in use for a moment, by chance.
fn tidy(bank: &Bank, cell: &Cell, pin: &Pin<'_>) {
    for _ in 0..100 {
        cell.tidy(&bank.snapshots, pin);
    }
}

fn look_back<'p>(cell: &Cell, snapshot: CommitNumber, pin: &'p Pin<'_>) -> Option<Version<'p>> {
    match cell.read(snapshot, pin) {
        Found::Newest(version) => Some(version),
        Found::Older(version) => version,
        Found::Away | Found::Gone => None,
    }
}
