//! The same stories, told of engines that are broken on purpose: each break is found out by one of them.

use daystar_engine::Breaks;

use crate::schedules::{Story, complaint};

fn assert_caught(breaks: Breaks, story: Story, complaint_wanted: &str) {
    let complaint = complaint(story, breaks);
    let is_caught = complaint.as_ref().is_some_and(|said| said.contains(complaint_wanted));
    assert!(is_caught, "{breaks:?}: {complaint:?}");
}

#[test]
fn without_validation_an_update_is_lost() {
    let breaks = Breaks { no_validation: true, ..Breaks::default() };
    assert_caught(breaks, crate::updates::updates, "an update was lost");
    assert_caught(breaks, crate::skew::skew, "both have left");
}

#[test]
fn with_validation_before_locking_an_update_is_lost() {
    let breaks = Breaks { validation_before_locking: true, ..Breaks::default() };
    assert_caught(breaks, crate::updates::updates, "an update was lost");
    assert_caught(breaks, crate::skew::skew, "both have left");
}

#[test]
fn with_a_lock_skipped_a_torn_world_is_seen() {
    let breaks = Breaks { lock_skipped: true, ..Breaks::default() };
    assert_caught(breaks, crate::transfers::transfers, "a torn world was seen");
}

#[test]
fn with_the_snapshot_after_the_first_read_a_torn_world_is_seen() {
    let breaks = Breaks { snapshot_after_first_read: true, ..Breaks::default() };
    assert_caught(breaks, crate::transfers::transfers, "a torn world was seen");
}

#[test]
fn with_installation_before_the_number_one_thread_comes_to_something_else() {
    let breaks = Breaks { install_before_number: true, ..Breaks::default() };
    assert_caught(breaks, crate::transfers::transfers, "does not come to the same");
}

#[test]
fn with_unchecked_extension_a_torn_world_is_seen() {
    let breaks = Breaks { unchecked_extension: true, ..Breaks::default() };
    assert_caught(breaks, crate::transfers::transfers, "a torn world was seen");
}

#[test]
fn without_validation_of_phantoms_both_flags_are_planted() {
    let breaks = Breaks { phantom_not_validated: true, ..Breaks::default() };
    assert_caught(breaks, crate::phantoms::flags, "both flags are planted");
}

#[test]
fn with_early_effects_something_is_said_twice() {
    let breaks = Breaks { effects_early: true, ..Breaks::default() };
    assert_caught(breaks, crate::messages::messages, "something was said twice");
}

#[test]
fn without_grace_a_value_is_written_on_under_a_reader() {
    let breaks = Breaks { no_grace: true, ..Breaks::default() };
    assert_caught(breaks, crate::grace::grace, "a value was written on");
}

#[test]
fn without_a_mark_on_what_is_gone_both_flags_are_planted() {
    let breaks = Breaks { gone_unmarked: true, ..Breaks::default() };
    assert_caught(breaks, crate::gone::flags, "both flags are planted");
    assert_caught(breaks, crate::gone::named_flags, "both flags are planted");
}

#[test]
fn with_what_is_gone_forgotten_before_it_is_stored_it_comes_back() {
    let breaks = Breaks { gone_early: true, ..Breaks::default() };
    assert_caught(breaks, crate::gone::removals, "what was removed is back");
    assert_caught(breaks, crate::gone::named_removals, "what was removed is back");
}

#[test]
fn with_what_is_gone_of_no_commit_a_torn_world_is_seen() {
    let breaks = Breaks { gone_of_no_commit: true, ..Breaks::default() };
    assert_caught(breaks, crate::gone::signs, "a torn world was seen");
    assert_caught(breaks, crate::gone::named_signs, "a torn world was seen");
    assert_caught(breaks, crate::gone::early, "a torn world was seen");
}

#[test]
fn with_eviction_of_what_is_not_stored_it_is_lost() {
    let breaks = Breaks { evicts_early: true, ..Breaks::default() };
    assert_caught(breaks, crate::memory::behind, "the store now has");
}

#[test]
fn with_eviction_of_what_is_locked_it_is_not_there_to_be_changed() {
    let breaks = Breaks { evicts_locked: true, ..Breaks::default() };
    assert_caught(breaks, crate::memory::additions, "was taken out of memory while locked");
}

#[test]
fn with_eviction_beside_whoever_is_alone_it_does_not_commit() {
    let breaks = Breaks { evicts_beside_alone: true, ..Breaks::default() };
    assert_caught(breaks, crate::memory::alone, "3 attempts, and 2 are allowed");
}

#[test]
fn with_what_is_away_taken_for_unchanged_one_thread_comes_to_something_else() {
    let breaks = Breaks { away_is_unchanged: true, ..Breaks::default() };
    assert_caught(breaks, crate::memory::copies, "does not come to the same");
}
