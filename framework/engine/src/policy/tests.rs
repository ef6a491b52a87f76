//! The policy keeps to what it is told, lets go of what is cold first, and is not misled by a scan.

use std::collections::HashSet;

use daystar_model::{ObjectId, Space};

use super::Told;
use super::{Policy, Weighed};

const WEIGHT: u64 = 100;

fn id(index: u64) -> ObjectId {
    ObjectId::new(Space::Object, index)
}

fn weighed(indices: impl IntoIterator<Item = u64>) -> Vec<Weighed> {
    indices.into_iter().map(|index| (id(index), WEIGHT)).collect()
}

/// What has to go when so much is taken that it does not know of.
fn settle(policy: &Policy, unknown: u64) -> Vec<Weighed> {
    let mut proposals = Vec::new();
    let mut before = None;
    while before.replace(proposals.len()) != Some(proposals.len()) {
        policy.settle(0, unknown, &mut proposals);
    }
    proposals
}

#[test]
fn it_lets_go_of_as_much_as_there_is_too_much() {
    let policy = Policy::new(1000 * WEIGHT);
    let mut proposals = Vec::new();
    policy.tell(weighed(0..800), Told::Used, &mut proposals);
    assert_eq!((proposals.len(), policy.known()), (0, 800 * WEIGHT), "there is room");
    proposals = settle(&policy, 500 * WEIGHT);
    assert_eq!((proposals.len(), policy.known()), (300, 500 * WEIGHT));
    // What it does not know of has become less, so there is room again.
    assert!(settle(&policy, 1).is_empty());
    let mut others = Vec::new();
    policy.tell(weighed(1000..1400), Told::Used, &mut others);
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn what_could_not_go_is_taken_back_and_proposed_again() {
    let policy = Policy::new(1000 * WEIGHT);
    let mut proposals = Vec::new();
    policy.tell(weighed(0..1000), Told::Used, &mut proposals);
    proposals.clear();
    let refused = settle(&policy, 500 * WEIGHT);
    let before = policy.known();
    policy.take_back(&refused, &mut proposals);
    assert!(proposals.is_empty(), "others had to go for them: {proposals:?}");
    assert_eq!(policy.known(), before + refused.len() as u64 * WEIGHT, "it knows them again");
    assert_eq!(settle(&policy, 500 * WEIGHT).len(), refused.len());
}

#[test]
fn what_has_no_weight_is_forgotten_and_what_has_grown_weighs_more() {
    let policy = Policy::new(1000 * WEIGHT);
    policy.tell(weighed(0..2), Told::Used, &mut Vec::new());
    policy.tell(vec![(id(0), 0), (id(1), 5 * WEIGHT)], Told::Used, &mut Vec::new());
    assert_eq!(policy.known(), 5 * WEIGHT);
}

/// So large that no part could hold it: it is proposed at once, and does not drive out the rest.
#[test]
fn what_is_larger_than_all_is_let_go_at_once() {
    let policy = Policy::new(10 * WEIGHT);
    let mut proposals = Vec::new();
    policy.tell(weighed(0..5), Told::Used, &mut proposals);
    policy.tell(vec![(id(9), 100 * WEIGHT)], Told::Used, &mut proposals);
    assert_eq!(proposals, [(id(9), 100 * WEIGHT)]);
}

/// Many are looked at once while a few are used all the time: the few stay.
#[test]
fn a_scan_does_not_drive_out_what_is_hot() {
    const HOT: u64 = 500;
    let policy = Policy::new(1000 * WEIGHT);
    let mut gone = Vec::new();
    for _ in 0..3 {
        policy.tell(weighed(0..HOT), Told::Used, &mut gone);
    }
    for round in 0..100 {
        let first = 10_000 + round * 200;
        policy.tell(weighed(first..first + 200), Told::Used, &mut gone);
        policy.tell(
            weighed((0..HOT).filter(|index| index % 10 == round % 10)),
            Told::Used,
            &mut gone,
        );
    }
    let gone: HashSet<ObjectId> = gone.into_iter().map(|(id, _)| id).collect();
    let hot_gone = (0..HOT).filter(|index| gone.contains(&id(*index))).count();
    assert!(gone.len() > 15_000, "the scan stays: {}", gone.len());
    assert!(hot_gone < HOT as usize / 20, "{hot_gone} of {HOT} were driven out");
}
