//! What is given back is used again, and only what nobody has a share of. How to run it under Miri is said beside the
//! cells' tests.

use std::ptr;

use daystar_model::{CommitNumber, ObjectId};

use crate::cell::Cell;
use crate::coins::{Bank, Chest, Gold, assert_whole, cell, gold};
use crate::sync::Arc;

/// Far more than it takes to give back what nobody reads.
const PINS: usize = 100;

#[test]
fn what_was_replaced_is_used_again() {
    let (bank, cell) = (Bank::new(1), cell(1));
    let replaced =
        bank.visit(0, |pin| cell.newest(pin).value.map(|value| ptr::from_ref(value).addr()));
    bank.visit(0, |pin| bank.commit(&[&cell], pin, gold));
    // The copies are kept, so that what is seen again is not the place of one before.
    let mut copies = Vec::new();
    let is_used_again = (0..PINS).any(|_| {
        copies.push(bank.visit(0, |pin| pin.copy(&Gold::of(9)).share()));
        copies.last().map(|copy| ptr::from_ref(&**copy).addr()) == replaced
    });
    assert!(is_used_again, "its memory was not used again");
}

#[test]
fn what_others_have_a_share_of_is_not_used_again() {
    let bank = Bank::new(1);
    let coin = gold(1);
    let cell = Cell::unloaded();
    let chest = Chest(coin.clone(), 1);
    assert!(cell.load(ObjectId::from_raw(1), &chest, CommitNumber::ZERO).is_ok());
    bank.visit(0, |pin| bank.commit(&[&cell], pin, gold));
    for _ in 0..PINS {
        let copy = bank.visit(0, |pin| pin.copy(&Gold::of(9)).share());
        let is_same = coin.as_ref().is_some_and(|coin| Arc::ptr_eq(coin, &copy));
        assert!(!is_same, "it was written on while others had a share of it");
    }
}

#[test]
fn while_one_is_pinned_nothing_that_it_can_see_is_used_again() {
    let (bank, cell) = (Bank::new(1), cell(1));
    bank.visit(1, |reader| {
        let seen = cell.newest(reader);
        bank.visit(0, |pin| bank.commit(&[&cell], pin, gold));
        let mut copies = Vec::new();
        for _ in 0..PINS {
            copies.push(bank.visit(0, |pin| pin.copy(&Gold::of(9)).share()));
        }
        // Read again: under Miri, and with bad luck otherwise, this finds what was written on.
        assert_whole(seen);
        let seen = seen.value.map(|value| ptr::from_ref(value).addr());
        let is_used = copies.iter().any(|copy| Some(ptr::from_ref(&**copy).addr()) == seen);
        assert!(!is_used, "it was written on while it was read");
    });
}
