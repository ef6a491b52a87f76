//! Commits that finish in any order are handed on in theirs, all of them, by whoever finds the turn free.

use std::sync::Mutex;

use daystar_model::CommitNumber;

use super::{explore, meet};
use crate::effects::Effects;
use crate::handover::{Changes, CommitSink, Committed, Handover};
use crate::snapshot::CommitClock;
use crate::sync::{AtomicU64, Ordering};

/// What was handed on, and steps that are made meanwhile: so that others come while the turn is taken.
#[derive(Default)]
struct Ledger(Mutex<Vec<u64>>, AtomicU64);

impl CommitSink for Ledger {
    fn committed(&self, commit: Committed) {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.lock().expect("the ledger").push(commit.number.0);
    }
}

type Shared = (Handover, CommitClock, Ledger);

fn put(number: u64, (handover, clock, ledger): &Shared) {
    let commit = Committed {
        number: CommitNumber(number),
        changes: Changes::new(),
        effects: Effects::default(),
        bytes: 0,
        next_index: 1,
    };
    handover.put(clock, commit, ledger);
}

fn shared() -> Shared {
    (Handover::new(), CommitClock::new(CommitNumber::ZERO), Ledger::default())
}

fn assert_complete(ledger: &Ledger, wanted: &[u64]) {
    let handed_on = ledger.0.lock().expect("the ledger");
    assert_eq!(*handed_on, wanted, "a commit was left behind, or came before its turn");
}

#[test]
fn two_commits_are_handed_on_in_order() {
    explore(|| {
        let shared = meet(shared(), |shared| put(2, shared), |shared| put(1, shared));
        assert_complete(&shared.2, &[1, 2]);
    });
}

#[test]
fn nothing_is_left_behind() {
    explore(|| {
        let there = |shared: &_| {
            put(1, shared);
            put(4, shared);
        };
        let shared = meet(shared(), there, |shared| {
            put(3, shared);
            put(2, shared);
        });
        assert_complete(&shared.2, &[1, 2, 3, 4]);
    });
}
