//! The gate: nobody passes while it is closed, and whoever closes it sees all that was done before, in seats that it may
//! never have seen taken.

use super::{explore, meet};
use crate::gate::Gate;
use crate::seat::Seats;
use crate::sync::{AtomicU64, Ordering};

#[test]
fn who_passes_and_who_is_alone_do_not_meet() {
    explore(|| {
        let shared = meet(
            (Gate::new(), Seats::new(), AtomicU64::new(0)),
            |(gate, seats, done)| {
                let seated = seats.take();
                for _ in 0..2 {
                    let passing = gate.pass(seated.seat);
                    add(done);
                    drop(passing);
                }
            },
            |(gate, seats, done)| {
                let _seated = seats.take();
                let closed = gate.close(seats);
                add(done);
                drop(closed);
            },
        );
        assert_eq!(shared.2.load(Ordering::Relaxed), 3, "both were at work at once");
    });
}

#[test]
fn two_who_want_to_be_alone_take_turns() {
    explore(|| {
        let shared = meet(
            (Gate::new(), Seats::new(), AtomicU64::new(0)),
            |(gate, seats, done)| {
                let closed = gate.close(seats);
                add(done);
                drop(closed);
            },
            |(gate, seats, done)| {
                let closed = gate.close(seats);
                add(done);
                drop(closed);
                let seated = seats.take();
                let passing = gate.pass(seated.seat);
                add(done);
                drop(passing);
            },
        );
        assert_eq!(shared.2.load(Ordering::Relaxed), 3, "both were at work at once");
    });
}

/// Adds one in two steps, of which one is lost when another does the same; and by orderings that promise nothing, so
/// that only the gate's own can help.
fn add(done: &AtomicU64) {
    let before = done.load(Ordering::Relaxed);
    done.store(before + 1, Ordering::Relaxed);
}
