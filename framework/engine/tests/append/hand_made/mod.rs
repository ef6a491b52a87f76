//! The checker judged by histories made by hand: it must find what is wrong, and only that.

mod cycles;
mod direct;
mod sound;

use crate::checker::{check, verdict};
use crate::history::{Fate, History, Operation, Transaction};

/// The names of what is found.
fn names(history: &History) -> Vec<&'static str> {
    check(history).iter().map(|anomaly| anomaly.name()).collect()
}

/// The verdict, which there must be.
fn words(history: &History) -> String {
    verdict(history).expect("something is wrong with this history")
}

/// A history of these transactions, each on a thread of its own.
fn history(transactions: impl IntoIterator<Item = Transaction>) -> History {
    let numbered = transactions.into_iter().enumerate();
    let transactions = numbered.map(|(thread, transaction)| Transaction { thread, ..transaction });
    History { transactions: transactions.collect() }
}

/// Transactions that all ran at the same time.
fn together<const N: usize>(transactions: [Vec<Operation>; N]) -> History {
    let count = N as u64;
    history(
        (0..).zip(transactions).map(|(place, operations)| during(place, count + place, operations)),
    )
}

/// Transactions that ran one after the other.
fn in_turn<const N: usize>(transactions: [Vec<Operation>; N]) -> History {
    history(
        (0..)
            .zip(transactions)
            .map(|(place, operations)| during(2 * place, 2 * place + 1, operations)),
    )
}

/// A transaction that committed.
fn during(invoked: u64, completed: u64, operations: Vec<Operation>) -> Transaction {
    Transaction { thread: 0, invoked, completed, fate: Fate::Committed, operations }
}

/// The same history, but this transaction failed.
fn with_failed(mut history: History, place: usize) -> History {
    history.transactions[place].fate = Fate::Failed;
    history
}

fn append(list: usize, value: u64) -> Operation {
    Operation::Append(list, value)
}

fn read<const N: usize>(list: usize, values: [u64; N]) -> Operation {
    Operation::Read(list, values.to_vec())
}
