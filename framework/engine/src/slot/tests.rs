//! Cells that come and go among real threads, by pages and by name, and what becomes of their memory. How to run it under Miri
//! is said beside the cells' tests: it sees a cell that is looked at after it was given back.

use std::thread;

use daystar_model::CommitNumber;

use super::GivenUp;
use crate::cell::{Found, Respect};
use crate::coins::{Bank, assert_whole, gold};
use crate::holder::Holder;
use crate::names::Names;
use crate::pages::Pages;
use crate::snapshot::Readers;

const LATE: CommitNumber = CommitNumber(u64::MAX >> 8);
const ROUNDS: u64 = if cfg!(miri) { 40 } else { 20_000 };

/// Puts gold of the next commit into the cell, or takes out what is there.
fn put(bank: &Bank, held: &impl Holder, is_gold: bool) {
    bank.visit(1, |pin| {
        let cell = held.cell(pin);
        cell.make_absent(CommitNumber::ZERO);
        assert!(cell.lock(Respect::All).is_ok(), "nobody else gives it up");
        let number = bank.clock.tick();
        let value = if is_gold { gold(number.0) } else { None };
        cell.install(number, value, &Readers::default(), pin);
    });
}

#[test]
fn a_cell_goes_only_when_it_is_of_no_use() {
    goes_only_when_of_no_use::<Pages>();
    goes_only_when_of_no_use::<Names>();
}

fn goes_only_when_of_no_use<H: Holder>() {
    let (bank, held) = (Bank::new(0), H::default());
    assert!(!held.list(), "there is no cell");
    put(&bank, &held, true);
    let made = held.bytes();
    assert!(held.list(), "it is news");
    assert!(!held.list(), "it is listed");
    bank.visit(0, |pin| assert_eq!(held.give_up(LATE, pin, |_| ()), GivenUp::Kept));
    put(&bank, &held, false);
    assert!(held.list(), "somebody has looked since");
    bank.visit(0, |pin| {
        let last = bank.clock.now();
        let before = CommitNumber(last.0 - 1);
        assert_eq!(held.give_up(before, pin, |_| ()), GivenUp::Later, "it is not stored");
        let cell = held.peek(pin).expect("it is kept");
        assert!(cell.lock(Respect::All).is_ok());
        assert_eq!(held.give_up(last, pin, |_| ()), GivenUp::Later, "it is in use");
        cell.unlock();
        let mut newest = None;
        let became = held.give_up(last, pin, |number| newest = Some(number));
        assert_eq!((became, newest), (GivenUp::Gone { settled: 1 }, Some(last)));
        assert!(held.peek(pin).is_none() && held.bytes() < made);
        assert!(matches!(cell.read(LATE, pin), Found::Gone), "who has it still is told");
        assert_eq!(held.give_up(last, pin, |_| ()), GivenUp::Kept, "there is none any more");
    });
    put(&bank, &held, true);
    assert_eq!(held.bytes(), made, "it is made again");
}

#[test]
fn who_looks_at_a_cell_may_go_on_when_it_goes() {
    may_go_on_when_it_goes::<Pages>();
    may_go_on_when_it_goes::<Names>();
}

fn may_go_on_when_it_goes<H: Holder>() {
    let (bank, held) = (Bank::new(0), H::default());
    put(&bank, &held, true);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                put(&bank, &held, true);
                put(&bank, &held, false);
                let became = bank.visit(1, |pin| held.give_up(LATE, pin, |_| ()));
                assert_eq!(became, GivenUp::Gone { settled: 1 });
            }
        });
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                bank.visit(0, |pin| {
                    let Some(cell) = held.peek(pin) else { return };
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
