//! Nobody reads what was given back: who is pinned keeps the epoch from going on.

use std::ptr;

use daystar_model::{CommitNumber, Managed};

use super::{explore, meet};
use crate::cell::{Cell, Found};
use crate::coins::{Bank, Gold, assert_whole, cell, gold};
use crate::sync::{AtomicU64, Ordering};

const FIRST: u64 = 1;

/// As many pins as it takes to give back what was replaced under the first of them, if nobody keeps the epoch, and
/// one more.
const PINS: u64 = 9;

#[test]
fn what_is_read_is_not_used_again() {
    explore(|| {
        meet(
            (Bank::new(FIRST), cell(FIRST), AtomicU64::new(0)),
            |(bank, cell, _)| replace(bank, cell),
            |(bank, cell, step)| {
                bank.visit(0, |pin| {
                    let Found::Newest(version) = cell.read(CommitNumber(99), pin) else {
                        panic!("it is older than a commit that never was");
                    };
                    // A step, so that others come between the look and the next.
                    step.fetch_add(1, Ordering::Relaxed);
                    assert_whole(version);
                });
            },
        );
    });
}

/// Replaces what is in `cell`, and writes on what was given back.
fn replace(bank: &Bank, cell: &Cell) {
    bank.visit(1, |pin| bank.commit(&[cell], pin, gold));
    let never = Gold::of(0);
    for _ in 1..PINS {
        bank.visit(1, |pin| drop(pin.copy(&never)));
    }
}

/// The test above is worth something only if what was replaced is used again at all.
#[test]
fn what_nobody_reads_is_used_again() {
    explore(|| {
        let (bank, cell) = (Bank::new(FIRST), cell(FIRST));
        let first =
            bank.visit(0, |pin| cell.newest(pin).value.map(|value| ptr::from_ref(value).addr()));
        bank.visit(0, |pin| bank.commit(&[&cell], pin, gold));
        let never = Gold::of(0);
        let is_used_again = (1..PINS).any(|_| {
            bank.visit(0, |pin| {
                let copy = pin.copy(&never).share();
                Some(ptr::from_ref(&*copy).addr()) == first
            })
        });
        assert!(is_used_again, "{} is never used again", Gold::TYPE_NAME);
    });
}
