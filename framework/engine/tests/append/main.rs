//! P2, from the outside: six threads append to eight lists and read them, and what they saw is judged by a checker that
//! knows nothing of the engine. No order of one at a time that respects real time may be ruled out by
//! it, and the oracle must agree. With the engine broken on purpose, some round must be found to be impossible.
//!
//! The checker is after K. Kingsbury, P. Alvaro, "Elle: Inferring Isolation Anomalies from Experimental
//! Observations", VLDB 2020; it is itself tested on histories made by hand.

#[path = "../common/mod.rs"]
mod common;

mod anomaly;
mod checker;
mod cycle;
mod direct;
mod explain;
mod graph;
mod hand_made;
mod history;
mod list;
mod plan;
mod round;
mod transact;
mod versions;

use daystar_engine::{Breaks, Settings};

use checker::verdict;
use round::observe;

/// A race need not show in every round.
const ROUNDS: usize = 20;

#[test]
fn what_clients_saw_may_have_happened_one_at_a_time() {
    for round in 0..ROUNDS {
        let (history, story) = observe(Settings::default(), round);
        if let Some(verdict) = verdict(&history) {
            panic!("in round {round}, {verdict}");
        }
        story.end();
    }
}

#[test]
fn what_clients_saw_of_a_world_larger_than_memory_may_have_happened_one_at_a_time() {
    for round in 0..ROUNDS {
        let (history, story) = observe(common::no_memory(), round);
        if let Some(verdict) = verdict(&history) {
            panic!("in round {round}, {verdict}");
        }
        assert_ne!(story.counts().loads, story.counts().objects, "nothing was loaded again");
        story.end();
    }
}

#[test]
fn clients_see_that_what_is_away_is_taken_for_unchanged() {
    let breaks = Breaks { away_is_unchanged: true, ..Breaks::default() };
    let is_caught = (0..ROUNDS).any(|round| {
        let settings = Settings { breaks, ..common::no_memory() };
        verdict(&observe(settings, round).0).is_some()
    });
    assert!(is_caught, "nothing was noticed in {ROUNDS} rounds");
}

#[test]
fn every_break_is_seen_by_clients() {
    for (name, breaks) in common::seen_by_clients() {
        let is_caught = (0..ROUNDS).any(|round| {
            let settings = Settings { breaks, ..Settings::default() };
            verdict(&observe(settings, round).0).is_some()
        });
        assert!(is_caught, "with {name}, nothing was noticed in {ROUNDS} rounds");
    }
}
