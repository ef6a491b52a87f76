//! Pages that come and go among real threads, and what becomes of their memory. How to run it under Miri is said beside the
//! cells' tests: it sees a cell that is looked at after its page was given back.

use std::thread;

use daystar_model::CommitNumber;

use super::{CELLS_PER_PAGE, FIRST_SHELF_PAGES, GivenUp, Next, Page, Pages, SHELVES, locate};
use crate::breaks::Breaks;
use crate::cell::{Found, Respect};
use crate::coins::{Bank, assert_whole, gold};
use crate::reclaim::Pin;
use crate::snapshot::Readers;
use crate::sync::Counter;

const INDEX: u64 = 7;
const LATE: CommitNumber = CommitNumber(u64::MAX >> 8);
const ROUNDS: u64 = if cfg!(miri) { 40 } else { 20_000 };

#[test]
fn every_index_has_a_place_of_its_own() {
    let mut places = std::collections::HashSet::new();
    for index in (0..if cfg!(miri) { 300 } else { 200_000 }).chain((1 << 40)..(1 << 40) + 100) {
        let (shelf, slot, cell) = locate(index);
        assert!(slot < (FIRST_SHELF_PAGES << shelf) as usize && cell < CELLS_PER_PAGE);
        assert!(places.insert((shelf, slot, cell)), "{index} shares its place");
    }
    assert!(locate((1 << 62) - 1).0 < SHELVES);
}

/// Puts gold of the next commit into the cell, or takes out what is there.
fn put(bank: &Bank, pages: &Pages, bytes: &Counter, is_gold: bool) {
    bank.visit(1, |pin| {
        let cell = pages.cell(INDEX, bytes, pin);
        cell.make_absent(CommitNumber::ZERO);
        assert!(cell.lock(Respect::All).is_ok(), "nobody else gives it up");
        let number = bank.clock.tick();
        let value = if is_gold { gold(number.0) } else { None };
        cell.install(number, value, &Readers::default(), pin);
    });
}

fn give_up(pages: &Pages, stored: CommitNumber, pin: &Pin<'_>) -> GivenUp {
    pages.give_up(INDEX, stored, Breaks::default(), pin, |_| ())
}

#[test]
fn a_page_goes_only_when_nothing_in_it_is_of_use() {
    let (bank, pages, bytes) = (Bank::new(0), Pages::new(), Counter::default());
    assert!(!pages.list(INDEX), "there is not even a shelf");
    put(&bank, &pages, &bytes, true);
    let made = bytes.get();
    assert!(pages.list(INDEX), "it is news");
    assert!(!pages.list(INDEX + 1), "a neighbour has listed it");
    bank.visit(0, |pin| assert_eq!(give_up(&pages, LATE, pin), GivenUp::Kept));
    put(&bank, &pages, &bytes, false);
    assert!(pages.list(INDEX), "somebody has looked since");
    bank.visit(0, |pin| {
        let last = bank.clock.now();
        let before = CommitNumber(last.0 - 1);
        assert_eq!(give_up(&pages, before, pin), GivenUp::Later, "it is not stored");
        let cell = pages.peek(INDEX, pin).expect("it is kept");
        assert!(cell.lock(Respect::All).is_ok());
        assert_eq!(give_up(&pages, last, pin), GivenUp::Later, "it is in use");
        cell.unlock();
        let mut newest = None;
        let note = |number| newest = Some(number);
        let became = pages.give_up(INDEX, last, Breaks::default(), pin, note);
        assert_eq!((became, newest), (GivenUp::Gone { settled: 1 }, Some(last)));
        assert!(pages.peek(INDEX, pin).is_none() && matches!(pages.next_from(0, pin), Next::End));
        assert!(matches!(cell.read(LATE, pin), Found::Gone), "who has it still is told");
        assert_eq!(give_up(&pages, last, pin), GivenUp::Kept, "there is none any more");
    });
    put(&bank, &pages, &bytes, true);
    assert_eq!(bytes.get(), made + size_of::<Page>() as u64, "only the page is made again");
}

#[test]
fn who_looks_at_a_cell_may_go_on_when_its_page_goes() {
    let (bank, pages, bytes) = (Bank::new(0), Pages::new(), Counter::default());
    put(&bank, &pages, &bytes, true);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                put(&bank, &pages, &bytes, true);
                put(&bank, &pages, &bytes, false);
                let became = bank.visit(1, |pin| give_up(&pages, LATE, pin));
                assert_eq!(became, GivenUp::Gone { settled: 1 });
            }
        });
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                bank.visit(0, |pin| {
                    let Some(cell) = pages.peek(INDEX, pin) else { return };
                    for _ in 0..3 {
                        if cell.is_unloaded() {
                            continue;
                        }
                        match cell.read(LATE, pin) {
                            Found::Newest(version) if version.value.is_some() => {
                                assert_whole(version);
                            }
                            Found::Newest(_) | Found::Gone => {}
                            Found::Older(_) | Found::Away => panic!("there was no such thing"),
                        }
                        thread::yield_now();
                    }
                });
            }
        });
    });
}
