//! Cells that are given up, by pages or by name, while others have, make or ask for one of them.

use daystar_model::CommitNumber;

use super::{explore, meet};
use crate::cell::{Cell, Found, Respect};
use crate::coins::{Bank, assert_whole, gold};
use crate::holder::Holder;
use crate::names::Names;
use crate::pages::Pages;
use crate::reclaim::Pin;
use crate::snapshot::Readers;
use crate::sync::{AtomicU64, Ordering};

const LATE: CommitNumber = CommitNumber(9);
const NEVER: u64 = u64::MAX;

/// The cell, whose object no store has.
fn place<'p>(held: &'p impl Holder, pin: &'p Pin<'_>) -> &'p Cell {
    let cell = held.cell(pin);
    cell.make_absent(CommitNumber::ZERO);
    cell
}

/// The same, locked. One that is gone leads to the next.
fn lock<'p>(held: &'p impl Holder, pin: &'p Pin<'_>) -> &'p Cell {
    loop {
        let cell = place(held, pin);
        if cell.lock(Respect::All).is_ok() {
            return cell;
        }
    }
}

/// A bank, and the cell is there: loom does not see that whoever makes a shelf is through before another looks at it.
fn bank_and_cell<H: Holder>() -> (Bank, H) {
    let (bank, held) = (Bank::new(0), H::default());
    bank.visit(0, |pin| place(&held, pin).is_absent());
    (bank, held)
}

fn give_up(held: &impl Holder, pin: &Pin<'_>) {
    held.give_up(CommitNumber::ZERO, pin, |_| ());
}

/// One has found nothing and asks whether that is still so at its place in the order; the page goes, and another puts
/// something into the next one.
fn a_cell_that_is_gone_is_not_taken_for_the_objects<H: Holder>() {
    explore(|| {
        let shared = meet(
            // The standard library's: when the other has put it there is no step of the meeting.
            (bank_and_cell::<H>(), std::sync::atomic::AtomicU64::new(NEVER)),
            |((bank, held), put)| {
                bank.visit(1, |pin| {
                    give_up(held, pin);
                    let cell = lock(held, pin);
                    let number = bank.clock.tick();
                    cell.install(number, gold(number.0), &Readers::default(), pin);
                    put.store(number.0, Ordering::SeqCst);
                });
            },
            |((bank, held), put)| {
                bank.visit(0, |pin| {
                    let cell = place(held, pin);
                    let Found::Newest(seen) = cell.read(CommitNumber::ZERO, pin) else { return };
                    assert!(seen.value.is_none(), "of commit zero there is nothing");
                    let own = bank.clock.tick();
                    if cell.is_still(seen.number, false) {
                        // Nobody is before this one who is not through: both have locked first.
                        let other = put.load(Ordering::SeqCst);
                        assert!(other == NEVER || other > own.0, "a phantom was missed");
                    }
                });
            },
        );
        let (bank, held) = &shared.0;
        bank.visit(0, |pin| {
            let cell = held.peek(pin).expect("it was put there");
            assert_whole(cell.newest(pin));
        });
    });
}

/// Who puts something into a cell that another is giving up: it is there afterwards, or they were told to look again.
fn what_is_put_into_a_cell_is_not_given_up<H: Holder>() {
    explore(|| {
        let shared = meet(
            bank_and_cell::<H>(),
            |(bank, held)| bank.visit(1, |pin| give_up(held, pin)),
            |(bank, held)| {
                bank.visit(0, |pin| {
                    let cell = lock(held, pin);
                    let number = bank.clock.tick();
                    cell.install(number, gold(number.0), &Readers::default(), pin);
                });
            },
        );
        let (bank, held) = &*shared;
        bank.visit(0, |pin| {
            let cell = held.peek(pin).expect("it was put there");
            let Found::Newest(version) = cell.read(LATE, pin) else { panic!("it is gone") };
            assert_whole(version);
        });
    });
}

/// Who is led to the next cell by another's giving up the first, without having met them in any other way.
fn whoever_is_led_to_another_cell_knows_the_first_for_gone<H: Holder>() {
    explore(|| {
        let before = AtomicU64::new(0);
        meet(
            (bank_and_cell::<H>(), before),
            |((bank, held), before)| {
                bank.visit(1, |pin| {
                    let note = |_| before.store(1, Ordering::Relaxed);
                    held.give_up(CommitNumber::ZERO, pin, note);
                });
            },
            |((bank, held), before)| {
                bank.visit(0, |pin| {
                    let (first, second) = (place(held, pin), place(held, pin));
                    if !std::ptr::eq(first, second) {
                        assert!(!first.is_still(CommitNumber::ZERO, false), "it validates");
                        assert_eq!(before.load(Ordering::Relaxed), 1, "it is not known how old");
                    }
                });
            },
        );
    });
}

/// Who removes the last object of a page while another looks at it: it is given up, or will be looked at again.
fn a_page_is_looked_at_after_its_last_object_went<H: Holder>() {
    explore(|| {
        let (bank, held) = bank_and_cell::<H>();
        bank.visit(0, |pin| bank.commit(&[place(&held, pin)], pin, gold));
        assert!(held.list(), "nobody has listed it before");
        let shared = meet(
            (bank, held),
            |(bank, held)| {
                bank.visit(1, |pin| {
                    let cell = lock(held, pin);
                    let number = bank.clock.tick();
                    cell.install(number, None, &Readers::default(), pin);
                    held.list();
                });
            },
            |(bank, held)| {
                bank.visit(0, |pin| {
                    held.give_up(LATE, pin, |_| ());
                });
            },
        );
        let (bank, held) = &*shared;
        let is_there = bank.visit(0, |pin| held.peek(pin).is_some());
        assert!(!is_there || !held.list(), "nobody looks at the page any more");
    });
}

macro_rules! of_pages_and_names {
    ($($test:ident)*) => {
        mod of_pages {
            $(#[test] fn $test() { super::$test::<super::Pages>(); })*
        }
        mod of_names {
            $(#[test] fn $test() { super::$test::<super::Names>(); })*
        }
    };
}

of_pages_and_names! {
    a_cell_that_is_gone_is_not_taken_for_the_objects
    what_is_put_into_a_cell_is_not_given_up
    whoever_is_led_to_another_cell_knows_the_first_for_gone
    a_page_is_looked_at_after_its_last_object_went
}
