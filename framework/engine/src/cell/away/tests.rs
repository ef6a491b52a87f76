//! Values that are taken out of memory and brought back, among readers and installers; and what may not be taken. How to
//! run it under Miri is said beside the cells' tests.

use std::thread;

use daystar_model::{CommitNumber, ObjectId, StoreError};

use super::{Eviction, Loaded};
use crate::breaks::Breaks;
use crate::cell::{Cell, Found, NotFree, Reserver, Respect, Version, footprint};
use crate::coins::{Bank, Chest, assert_whole, cell, gold};
use crate::reclaim::Pin;
use crate::sync::{AtomicU64, Ordering};

const FIRST: u64 = 1;
const STORED: CommitNumber = CommitNumber(FIRST);
const ROUNDS: u64 = if cfg!(miri) { 40 } else { 20_000 };

fn id() -> ObjectId {
    ObjectId::from_raw(1)
}

fn evict(cell: &Cell, pin: &Pin<'_>) -> Eviction {
    evict_until(cell, STORED, pin)
}

/// Takes away for certain what is not in use: a cell may seem to be for a moment, by chance.
fn evict_until(cell: &Cell, stored: CommitNumber, pin: &Pin<'_>) -> Eviction {
    let tries = (0..100).map(|_| cell.evict(stored, Breaks::default(), pin));
    tries.into_iter().find(|eviction| *eviction != Eviction::Busy).unwrap_or(Eviction::Busy)
}

/// A loaded cell whose value is in the store only.
fn away(bank: &Bank) -> Cell {
    let cell = cell(FIRST);
    assert_eq!(bank.visit(0, |pin| evict(&cell, pin)), Eviction::Done);
    cell
}

#[test]
fn a_value_comes_back_under_its_number_and_validates_meanwhile() {
    let bank = Bank::new(FIRST);
    let cell = away(&bank);
    assert!(cell.is_still(STORED, false), "it has changed for those who had read it");
    bank.visit(0, |pin| {
        assert!(matches!(cell.read(CommitNumber(u64::MAX), pin), Found::Away));
        assert_eq!(evict(&cell, pin), Eviction::Nothing);
    });
    let chest = Chest(gold(FIRST), FIRST);
    let bytes = chest.0.as_deref().map_or(0, footprint);
    assert_eq!(
        cell.load(id(), &chest, CommitNumber::ZERO).ok(),
        Some(Some(Loaded { bytes, is_back: true }))
    );
    assert_eq!(cell.load(id(), &chest, CommitNumber::ZERO).ok(), Some(None), "it is here");
    assert!(cell.is_still(STORED, false));
    bank.visit(0, |pin| assert_whole(newest(&cell, pin).expect("it is here")));
}

/// What the store had, and has no more, or has otherwise, is a fault of the store, and no data.
#[test]
fn a_store_that_answers_something_else_is_not_believed() {
    let bank = Bank::new(FIRST);
    let cell = away(&bank);
    for chest in [Chest(None, FIRST), Chest(gold(FIRST + 1), FIRST + 1), Chest(gold(0), 0)] {
        let answer = cell.load(id(), &chest, CommitNumber::ZERO);
        assert!(matches!(answer, Err(StoreError::Changed { .. })), "{answer:?}");
        assert!(cell.is_away() && cell.is_still(STORED, false), "it is as far away as before");
    }
    assert!(cell.load(id(), &Chest(gold(FIRST), FIRST), CommitNumber::ZERO).is_ok());
}

#[test]
fn what_is_in_use_or_not_stored_or_not_there_stays() {
    let bank = Bank::new(FIRST);
    bank.visit(0, |pin| {
        assert_eq!(evict(&Cell::unloaded(), pin), Eviction::Nothing);
        let absent = Cell::unloaded();
        assert!(absent.make_absent(CommitNumber::ZERO));
        assert_eq!(evict(&absent, pin), Eviction::Nothing);
        assert!(absent.is_absent() && !absent.is_away(), "nothing was made of nothing");

        let cell = cell(FIRST);
        assert!(cell.lock(Respect::All).is_ok());
        assert_eq!(evict(&cell, pin), Eviction::Busy);
        cell.unlock();
        assert!(cell.reserve(Reserver::seat(0)).is_ok());
        assert_eq!(evict(&cell, pin), Eviction::Busy);
        cell.release();

        let registered = bank.snapshots.register(&bank.clock);
        bank.commit(&[&cell], pin, gold);
        assert_eq!(evict(&cell, pin), Eviction::Early);
        let all = CommitNumber(FIRST + 1);
        assert_eq!(evict_until(&cell, all, pin), Eviction::Busy, "the past is wanted");
        drop(registered);
        while cell.tidy(&bank.snapshots, pin) {}
        assert_eq!(evict_until(&cell, all, pin), Eviction::Done);
    });
}

/// A reservation may be made of what is away, and outlasts its coming back.
#[test]
fn what_is_reserved_stays_reserved_when_it_is_brought_back() {
    let cell = away(&Bank::new(FIRST));
    assert!(cell.reserve(Reserver::seat(2)).is_ok());
    assert!(cell.load(id(), &Chest(gold(FIRST), FIRST), CommitNumber::ZERO).is_ok());
    assert_eq!(cell.lock(Respect::All), Err(NotFree::Reserved(Reserver::seat(2))));
}

#[test]
fn what_is_looked_at_stays_valid_when_it_is_taken_away() {
    let (bank, cell) = (Bank::new(FIRST), cell(FIRST));
    bank.visit(0, |reader| {
        let seen = newest(&cell, reader).expect("it is here");
        bank.visit(1, |pin| assert_eq!(evict(&cell, pin), Eviction::Done));
        for _ in 0..ROUNDS.min(100) {
            bank.visit(1, |pin| drop(pin.copy(&crate::coins::Gold::of(99))));
        }
        assert_whole(seen);
    });
}

#[test]
fn what_cells_have_is_counted() {
    let (bank, cell) = (Bank::new(FIRST), cell(FIRST));
    let counted = || bank.seats.total(|tally| &tally.bytes);
    let before = counted();
    let coin = gold(FIRST).as_deref().map_or(0, footprint) as u64;
    bank.visit(0, |pin| {
        let registered = bank.snapshots.register(&bank.clock);
        bank.commit(&[&cell], pin, gold);
        assert!(counted() > before + coin, "the past takes memory too");
        drop(registered);
        while cell.tidy(&bank.snapshots, pin) {}
        assert_eq!(counted(), before, "one came, one went");
        assert_eq!(evict_until(&cell, CommitNumber(u64::MAX), pin), Eviction::Done);
        assert_eq!(counted(), before.wrapping_sub(coin));
    });
}

/// One installs and reads, the other takes away and reads: whoever reads sees whole coins and never none.
#[test]
fn two_who_take_away_and_install_see_whole_values() {
    let (bank, cell) = (Bank::new(FIRST), cell(FIRST));
    let stored = AtomicU64::new(FIRST);
    // Every object is gold of the last commit that was stored.
    let chest = || {
        let number = stored.load(Ordering::SeqCst);
        Chest(gold(number), number)
    };
    let look = |pin: &Pin<'_>| {
        let version = loop {
            match newest(&cell, pin) {
                Some(version) => break version,
                None => drop(
                    cell.load(id(), &chest(), CommitNumber::ZERO).expect("what is away is stored"),
                ),
            }
        };
        assert_whole(version);
        version.number
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                bank.visit(0, |pin| {
                    look(pin);
                    assert!(cell.lock(Respect::All).is_ok());
                    assert!(cell.load_locked(id(), &chest()).is_ok());
                    let number = bank.clock.tick();
                    cell.install(number, gold(number.0), &bank.snapshots.readers(), pin);
                    stored.store(number.0, Ordering::SeqCst);
                });
            }
        });
        scope.spawn(|| {
            let mut seen = CommitNumber::ZERO;
            for _ in 0..ROUNDS {
                bank.visit(1, |pin| {
                    let until = CommitNumber(stored.load(Ordering::SeqCst));
                    cell.evict(until, Breaks::default(), pin);
                    let now = look(pin);
                    assert!(now >= seen, "an older version came back");
                    seen = now;
                });
            }
        });
    });
    assert!(cell.is_still(CommitNumber(FIRST + ROUNDS), false), "a commit was lost");
}

/// The newest version, unless it is away.
fn newest<'p>(cell: &Cell, pin: &'p Pin<'_>) -> Option<Version<'p>> {
    match cell.read(CommitNumber(u64::MAX), pin) {
        Found::Newest(version) => Some(version),
        Found::Away | Found::Gone => None,
        Found::Older(_) => panic!("it is older than a commit that never was"),
    }
}
