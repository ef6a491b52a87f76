//! A cell's word against its value: readers, installers, first touches and reservations.

use std::sync::atomic::{AtomicU64, Ordering};

use daystar_model::{Change, CommitNumber, Object, ObjectId, Store, StoreError, store};

use super::{explore, meet};
use crate::breaks::Breaks;
use crate::cell::{Cell, Found, Reserver, Respect};
use crate::coins::{Bank, assert_whole, cell, gold, silver};
use crate::reclaim::Pin;
use crate::snapshot::Readers;
use crate::sync::{Arc, yield_now};

const FIRST: u64 = 1;

/// Later than every commit here.
const LATE: CommitNumber = CommitNumber(FIRST + 9);

#[test]
fn no_reader_sees_half_a_commit() {
    explore(|| {
        let shared = meet(
            (Bank::new(FIRST), cell(FIRST), cell(FIRST)),
            |(bank, first, second)| {
                bank.visit(1, |pin| bank.commit(&[first, second], pin, gold));
            },
            |(bank, first, second)| {
                bank.visit(0, |pin| {
                    let snapshot = bank.clock.now();
                    let seen = [first, second].map(|cell| match cell.read(snapshot, pin) {
                        Found::Newest(version) => {
                            assert_whole(version);
                            Some(version.number)
                        }
                        // The reader would have to move its snapshot up first.
                        Found::Older(_) | Found::Away | Found::Gone => None,
                    });
                    if let [Some(first), Some(second)] = seen {
                        assert_eq!(first, second, "half a commit was seen");
                        assert_eq!(first, snapshot, "a commit before the snapshot was missed");
                    }
                });
            },
        );
        let number = shared.0.visit(0, |pin| shared.1.newest(pin).number);
        assert_eq!(number, CommitNumber(FIRST + 1));
    });
}

/// Here and in the next nobody asks the clock: its order would hide what the cell's own word has to see to.
#[test]
fn two_installers_take_turns() {
    explore(|| {
        let shared = meet(
            (Bank::new(FIRST), cell(FIRST)),
            |(bank, cell)| bank.visit(1, |pin| install_next(cell, pin, gold)),
            |(bank, cell)| bank.visit(0, |pin| install_next(cell, pin, silver)),
        );
        let (bank, cell) = &*shared;
        assert!(cell.is_still(CommitNumber(FIRST + 2), false), "an update was lost");
        bank.visit(0, |pin| assert_whole(cell.newest(pin)));
    });
}

#[test]
fn value_and_type_are_of_one_commit() {
    explore(|| {
        meet(
            (Bank::new(FIRST), cell(FIRST)),
            |(bank, cell)| {
                bank.visit(1, |pin| {
                    install_next(cell, pin, silver);
                    install_next(cell, pin, gold);
                });
            },
            |(bank, cell)| {
                bank.visit(0, |pin| {
                    let Found::Newest(version) = cell.read(LATE, pin) else {
                        panic!("it is older than a commit that never was");
                    };
                    assert_whole(version);
                });
            },
        );
    });
}

/// Puts a coin of the next number on top, after having looked at what is there.
fn install_next(cell: &Cell, pin: &Pin<'_>, coin: fn(u64) -> Change) {
    assert!(cell.lock(Respect::All).is_ok());
    let before = cell.newest(pin);
    assert_whole(before);
    let number = before.number.next();
    cell.install(number, coin(number.0), &Readers::default(), pin);
}

/// A store that counts how often it is asked.
struct Counting(AtomicU64);

impl Store for Counting {
    fn load(&self, _: ObjectId) -> Result<Option<(CommitNumber, Arc<dyn Object>)>, StoreError> {
        // The standard library's: to be counted is no step of the meeting.
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(gold(FIRST).map(|coin| (CommitNumber(FIRST), coin)))
    }
    fn apply(&self, _: &store::Batch) -> Result<(), StoreError> {
        Ok(())
    }
    fn scan(&self, _: ObjectId, _: ObjectId, _: &mut store::Visit<'_>) -> Result<(), StoreError> {
        Ok(())
    }
    fn last_commit(&self) -> Result<CommitNumber, StoreError> {
        Ok(CommitNumber(FIRST))
    }
    fn next_index(&self) -> Result<u64, StoreError> {
        Ok(1)
    }
}

#[test]
fn two_first_touches_load_once_and_overwrite_nothing() {
    explore(|| {
        let id = ObjectId::from_raw(1);
        let shared = meet(
            (Bank::new(FIRST), Cell::unloaded(), Counting(AtomicU64::new(0))),
            move |(bank, cell, store)| {
                assert!(!cell.is_unloaded() || cell.load(id, store, CommitNumber::ZERO).is_ok());
                bank.visit(1, |pin| bank.commit(&[cell], pin, gold));
            },
            move |(bank, cell, store)| {
                assert!(!cell.is_unloaded() || cell.load(id, store, CommitNumber::ZERO).is_ok());
                bank.visit(0, |pin| match cell.read(LATE, pin) {
                    Found::Newest(version) => assert_whole(version),
                    Found::Older(_) | Found::Away | Found::Gone => {
                        panic!("a loaded cell is as if it were not")
                    }
                });
            },
        );
        assert_eq!(shared.2.0.load(Ordering::SeqCst), 1, "it was loaded twice, or never");
        assert!(shared.1.is_still(CommitNumber(FIRST + 1), false), "a commit was overwritten");
    });
}

#[test]
fn what_is_reserved_changes_only_by_who_reserved_it() {
    explore(|| {
        let shared = meet(
            (Bank::new(FIRST), cell(FIRST)),
            |(bank, cell)| {
                // Refused while the other has it reserved, and tried again.
                while cell.lock(Respect::All).is_err() {
                    yield_now();
                }
                let number = bank.clock.tick();
                bank.visit(1, |pin| cell.install(number, gold(number.0), &Readers::default(), pin));
            },
            |(bank, cell)| {
                let own = Reserver::seat(0);
                bank.visit(0, |pin| {
                    assert_eq!(cell.reserve(own), Ok(()));
                    let Found::Newest(before) = cell.read(LATE, pin) else {
                        panic!("it is older than a commit that never was");
                    };
                    assert!(cell.lock(Respect::AllBut(own)).is_ok());
                    let now = cell.newest(pin).number;
                    assert_eq!(now, before.number, "it changed while it was reserved");
                    let number = bank.clock.tick();
                    cell.install(number, gold(number.0), &Readers::default(), pin);
                    cell.release();
                });
            },
        );
        let (bank, cell) = &*shared;
        assert!(cell.is_still(CommitNumber(FIRST + 2), false), "an update was lost");
        bank.visit(0, |pin| assert_whole(cell.newest(pin)));
        assert_eq!(cell.reserve(Reserver::seat(1)), Ok(()), "it is reserved for ever");
    });
}

/// Who installs may respect nobody: as a job does that runs alone.
#[test]
fn a_reservation_may_end_while_another_installs() {
    explore(|| {
        let shared = meet(
            (Bank::new(FIRST), cell(FIRST)),
            |(bank, cell)| {
                bank.visit(1, |pin| bank.commit(&[cell], pin, silver));
            },
            |(_, cell)| {
                assert_eq!(cell.reserve(Reserver::seat(0)), Ok(()));
                cell.release();
            },
        );
        let (bank, cell) = &*shared;
        bank.visit(0, |pin| assert_whole(cell.newest(pin)));
        assert!(cell.lock(Respect::All).is_ok(), "the reservation was brought back");
    });
}

/// Whoever only tidies holds the lock meanwhile, and changes nothing.
#[test]
fn tidying_is_no_commit() {
    explore(|| {
        let shared = meet(
            (Bank::new(FIRST), cell(FIRST)),
            |(bank, cell)| {
                bank.visit(1, |pin| cell.tidy(&bank.snapshots, pin));
            },
            |(bank, cell)| {
                bank.visit(0, |pin| bank.commit(&[cell], pin, silver));
            },
        );
        let (bank, cell) = &*shared;
        assert!(cell.is_still(CommitNumber(FIRST + 1), false), "a commit was undone");
        bank.visit(0, |pin| assert_whole(cell.newest(pin)));
    });
}

/// A value that is taken away and brought back leaves the word as it was. Whoever looks meanwhile may miss that, but never
/// takes what is away for what is not there.
#[test]
fn what_is_away_is_never_taken_for_absent() {
    explore(|| {
        let id = ObjectId::from_raw(1);
        meet(
            (Bank::new(FIRST), cell(FIRST), Counting(AtomicU64::new(0))),
            move |(bank, cell, store)| {
                bank.visit(1, |pin| {
                    cell.evict(CommitNumber(FIRST), Breaks::default(), pin);
                    assert!(cell.load(id, store, CommitNumber::ZERO).is_ok());
                    cell.evict(CommitNumber(FIRST), Breaks::default(), pin);
                });
            },
            move |(bank, cell, _)| {
                bank.visit(0, |pin| match cell.read(LATE, pin) {
                    Found::Newest(version) => assert_whole(version),
                    Found::Away => {}
                    Found::Older(_) | Found::Gone => {
                        panic!("it is older than a commit that never was")
                    }
                });
            },
        );
    });
}

/// Who takes away, and who puts another on top: both take it out of the cell, and only one may have it.
#[test]
fn what_is_replaced_is_not_taken_away_as_well() {
    explore(|| {
        let id = ObjectId::from_raw(1);
        let shared = meet(
            (Bank::new(FIRST), cell(FIRST), Counting(AtomicU64::new(0))),
            |(bank, cell, _)| {
                bank.visit(1, |pin| cell.evict(CommitNumber(FIRST), Breaks::default(), pin));
            },
            move |(bank, cell, store)| {
                bank.visit(0, |pin| {
                    assert!(cell.lock(Respect::All).is_ok());
                    assert!(cell.load_locked(id, store).is_ok());
                    assert_whole(cell.newest(pin));
                    let number = bank.clock.tick();
                    cell.install(number, silver(number.0), &Readers::default(), pin);
                });
            },
        );
        let (bank, cell, _) = &*shared;
        assert!(cell.is_still(CommitNumber(FIRST + 1), false), "a commit was undone");
        bank.visit(0, |pin| assert_whole(cell.newest(pin)));
    });
}
