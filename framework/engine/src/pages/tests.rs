//! Where cells have their places, and what a page does to neighbours. What becomes of cells that are given up is in the slots'
//! tests.

use daystar_model::CommitNumber;

use super::{CELLS_PER_PAGE, FIRST_SHELF_PAGES, Next, Page, Pages, SHELVES, locate};
use crate::breaks::Breaks;
use crate::coins::Bank;
use crate::slot::GivenUp;

const INDEX: u64 = 7;

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

#[test]
fn neighbours_come_and_go_together() {
    let (bank, pages) = (Bank::new(0), Pages::default());
    bank.visit(0, |pin| {
        pages.cell(INDEX, pin).make_absent(CommitNumber::ZERO);
        assert!(pages.list(INDEX), "it is news");
        assert!(!pages.list(INDEX + 1), "a neighbour has listed it");
        assert!(matches!(pages.next_from(0, pin), Next::Page(0, _)));
        let made = pages.bytes();
        let became = pages.give_up(INDEX + 1, CommitNumber::ZERO, Breaks::default(), pin, |_| ());
        assert_eq!(became, GivenUp::Gone { settled: 1 });
        assert!(pages.peek(INDEX, pin).is_none() && matches!(pages.next_from(0, pin), Next::End));
        assert_eq!(pages.bytes(), made - size_of::<Page>() as u64, "only the page goes");
    });
}
