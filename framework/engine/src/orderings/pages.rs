//! Pages of cells that are given up while others have, make or ask for one of them.

use daystar_model::CommitNumber;

use super::{explore, meet};
use crate::breaks::Breaks;
use crate::cell::{Cell, Found, Respect};
use crate::coins::{Bank, assert_whole, gold};
use crate::pages::Pages;
use crate::reclaim::Pin;
use crate::snapshot::Readers;
use crate::sync::{AtomicU64, Counter, Ordering};

const INDEX: u64 = 1;
const LATE: CommitNumber = CommitNumber(9);
const NEVER: u64 = u64::MAX;

/// The cell of [`INDEX`], whose object no store has.
fn place<'p>(pages: &'p Pages, pin: &'p Pin<'_>) -> &'p Cell {
    let cell = pages.cell(INDEX, &Counter::default(), pin);
    cell.make_absent(CommitNumber::ZERO);
    cell
}

/// The same, locked. One that is gone leads to the next.
fn lock<'p>(pages: &'p Pages, pin: &'p Pin<'_>) -> &'p Cell {
    loop {
        let cell = place(pages, pin);
        if cell.lock(Respect::All).is_ok() {
            return cell;
        }
    }
}

/// A bank, and pages of which the first is there: loom does not see that whoever makes a shelf is through before another
/// looks at it.
fn bank_and_pages() -> (Bank, Pages) {
    let (bank, pages) = (Bank::new(0), Pages::new());
    bank.visit(0, |pin| place(&pages, pin).is_absent());
    (bank, pages)
}

fn give_up(pages: &Pages, pin: &Pin<'_>) {
    pages.give_up(INDEX, CommitNumber::ZERO, Breaks::default(), pin, |_| ());
}

/// One has found nothing and asks whether that is still so at its place in the order; the page goes, and another puts
/// something into the next one.
#[test]
fn a_cell_that_is_gone_is_not_taken_for_the_objects() {
    explore(|| {
        let shared = meet(
            // The standard library's: when the other has put it there is no step of the meeting.
            (bank_and_pages(), std::sync::atomic::AtomicU64::new(NEVER)),
            |((bank, pages), put)| {
                bank.visit(1, |pin| {
                    give_up(pages, pin);
                    let cell = lock(pages, pin);
                    let number = bank.clock.tick();
                    cell.install(number, gold(number.0), &Readers::default(), pin);
                    put.store(number.0, Ordering::SeqCst);
                });
            },
            |((bank, pages), put)| {
                bank.visit(0, |pin| {
                    let cell = place(pages, pin);
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
        let (bank, pages) = &shared.0;
        bank.visit(0, |pin| {
            let cell = pages.peek(INDEX, pin).expect("it was put there");
            assert_whole(cell.newest(pin));
        });
    });
}

/// Who puts something into a cell that another is giving up: it is there afterwards, or they were told to look again.
#[test]
fn what_is_put_into_a_cell_is_not_given_up() {
    explore(|| {
        let shared = meet(
            bank_and_pages(),
            |(bank, pages)| bank.visit(1, |pin| give_up(pages, pin)),
            |(bank, pages)| {
                bank.visit(0, |pin| {
                    let cell = lock(pages, pin);
                    let number = bank.clock.tick();
                    cell.install(number, gold(number.0), &Readers::default(), pin);
                });
            },
        );
        let (bank, pages) = &*shared;
        bank.visit(0, |pin| {
            let cell = pages.peek(INDEX, pin).expect("it was put there");
            let Found::Newest(version) = cell.read(LATE, pin) else { panic!("it is gone") };
            assert_whole(version);
        });
    });
}

/// Who is led to the next cell by another's giving up the first, without having met them in any other way.
#[test]
fn whoever_is_led_to_another_cell_knows_the_first_for_gone() {
    explore(|| {
        let before = AtomicU64::new(0);
        meet(
            (bank_and_pages(), before),
            |((bank, pages), before)| {
                bank.visit(1, |pin| {
                    let note = |_| before.store(1, Ordering::Relaxed);
                    pages.give_up(INDEX, CommitNumber::ZERO, Breaks::default(), pin, note);
                });
            },
            |((bank, pages), before)| {
                bank.visit(0, |pin| {
                    let (first, second) = (place(pages, pin), place(pages, pin));
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
#[test]
fn a_page_is_looked_at_after_its_last_object_went() {
    explore(|| {
        let (bank, pages) = bank_and_pages();
        bank.visit(0, |pin| bank.commit(&[place(&pages, pin)], pin, gold));
        assert!(pages.list(INDEX), "nobody has listed it before");
        let shared = meet(
            (bank, pages),
            |(bank, pages)| {
                bank.visit(1, |pin| {
                    let cell = lock(pages, pin);
                    let number = bank.clock.tick();
                    cell.install(number, None, &Readers::default(), pin);
                    pages.list(INDEX);
                });
            },
            |(bank, pages)| {
                bank.visit(0, |pin| {
                    pages.give_up(INDEX, LATE, Breaks::default(), pin, |_| ());
                });
            },
        );
        let (bank, pages) = &*shared;
        let is_there = bank.visit(0, |pin| pages.peek(INDEX, pin).is_some());
        assert!(!is_there || !pages.list(INDEX), "nobody looks at the page any more");
    });
}
