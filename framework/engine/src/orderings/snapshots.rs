//! The past is kept for whoever says in time that it looks at it.

use super::{explore, meet};
use crate::cell::{Cell, Found};
use crate::coins::{Bank, assert_whole, cell, gold};
use crate::reclaim::Pin;

const FIRST: u64 = 1;

#[test]
fn a_registered_snapshot_is_kept() {
    explore(|| {
        meet(
            (Bank::new(FIRST), cell(FIRST)),
            |(bank, cell)| {
                bank.visit(1, |pin| bank.commit(&[cell], pin, gold));
            },
            |(bank, cell)| bank.visit(0, |pin| look_back(bank, cell, pin)),
        );
    });
}

/// More than one version may be between the reader's moment and now.
#[test]
fn a_registered_snapshot_is_found_behind_others() {
    explore(|| {
        meet(
            (Bank::new(FIRST), cell(FIRST)),
            |(bank, cell)| {
                bank.visit(1, |pin| {
                    bank.commit(&[cell], pin, gold);
                    bank.commit(&[cell], pin, gold);
                });
            },
            |(bank, cell)| bank.visit(0, |pin| look_back(bank, cell, pin)),
        );
    });
}

/// The reader comes to a place that somebody has had before who wanted something else.
#[test]
fn a_place_says_nothing_of_who_had_it_before() {
    explore(|| {
        let (bank, cell) = (Bank::new(FIRST), cell(FIRST));
        drop(bank.snapshots.register(&bank.clock));
        bank.visit(1, |pin| bank.commit(&[&cell], pin, gold));
        let shared = meet(
            (bank, cell),
            |(bank, cell)| {
                bank.visit(1, |pin| {
                    bank.commit(&[cell], pin, gold);
                    cell.tidy(&bank.snapshots, pin);
                });
            },
            |(bank, cell)| bank.visit(0, |pin| look_back(bank, cell, pin)),
        );
        let (bank, cell) = &*shared;
        bank.visit(0, |pin| cell.tidy(&bank.snapshots, pin));
        assert!(!cell.has_past(), "what nobody wants is kept");
    });
}

/// Looks at what is now, and keeps to that moment whatever happens.
fn look_back(bank: &Bank, cell: &Cell, pin: &Pin<'_>) {
    let registered = bank.snapshots.register(&bank.clock);
    let version = match cell.read(registered.snapshot, pin) {
        Found::Newest(version) | Found::Older(Some(version)) => version,
        Found::Older(None) | Found::Away | Found::Gone => {
            panic!("the version that was wanted was thrown away")
        }
    };
    assert_whole(version);
    assert_eq!(version.number, registered.snapshot, "not the moment that was wanted");
}
