//! Anomalies that show without a cycle.

use super::{append, during, history, in_turn, names, read, together, with_failed, words};

#[test]
fn lists_that_grow_in_two_ways_are_incompatible() {
    let split = together([
        vec![append(0, 1)],
        vec![append(0, 2)],
        vec![read(0, [1, 2])],
        vec![read(0, [2])],
    ]);
    assert_eq!(names(&split), ["incompatible orders"]);
    let words = words(&split);
    assert!(
        words.contains("T3 saw list 0 as [2], another saw [1, 2]; they part after 0"),
        "{words}"
    );
}

#[test]
fn a_value_that_is_there_twice_is_told_once() {
    let doubled = together([vec![append(0, 1)], vec![read(0, [1, 1])], vec![read(0, [1, 1])]]);
    assert_eq!(names(&doubled), ["duplicated value"]);
    let words = words(&doubled);
    assert!(words.contains("T1 saw 1 twice in list 0"), "{words}");
}

#[test]
fn a_value_that_nobody_appended_is_invented() {
    let invented = together([vec![append(0, 1)], vec![read(0, [1, 7])]]);
    assert_eq!(names(&invented), ["invented value"]);
    let words = words(&invented);
    assert!(words.contains("T1 saw 7 in list 0; nobody appended it there"), "{words}");
}

#[test]
fn a_value_in_the_wrong_list_is_invented() {
    let astray = together([vec![append(0, 1)], vec![read(1, [1])]]);
    assert_eq!(names(&astray), ["invented value"]);
}

#[test]
fn a_value_of_a_failed_transaction_is_a_dirty_read() {
    let both = together([vec![append(0, 1)], vec![read(0, [1])]]);
    assert_eq!(names(&both), [""; 0], "had it committed, all would be well");
    let dirty = with_failed(both, 0);
    assert_eq!(names(&dirty), ["dirty read"]);
    let words = words(&dirty);
    assert!(words.contains("T1 saw 1 in list 0, but T0 failed"), "{words}");
}

#[test]
fn a_committed_value_that_a_later_reader_misses_is_lost() {
    let lost = in_turn([vec![append(0, 1)], vec![append(0, 2)], vec![read(0, [1])]]);
    assert_eq!(names(&lost), ["lost append"]);
    let words = words(&lost);
    assert!(words.contains("T1 had appended 2 to list 0 when T2 was invoked"), "{words}");
}

#[test]
fn a_value_that_was_appended_after_the_last_read_is_not_lost() {
    let fresh = history([
        during(0, 2, vec![append(0, 1)]),
        during(1, 4, vec![read(0, [])]),
        during(5, 6, vec![append(0, 2)]),
    ]);
    assert_eq!(names(&fresh), [""; 0]);
}

#[test]
fn a_transaction_must_see_its_own_append() {
    let blind = together([vec![append(0, 1), read(0, [])]]);
    assert_eq!(names(&blind), ["internal inconsistency"]);
    let words = words(&blind);
    assert!(words.contains("T0 saw list 0 as [], but it had appended [1] itself"), "{words}");
}

#[test]
fn a_transaction_must_see_its_own_append_after_what_it_read() {
    let moved = together([
        vec![append(0, 1)],
        vec![append(0, 2)],
        vec![read(0, [1]), append(0, 3), read(0, [1, 2, 3])],
    ]);
    assert_eq!(names(&moved), ["internal inconsistency"]);
    let words = words(&moved);
    assert!(words.contains("but it had left it as [1, 3]"), "{words}");
}

#[test]
fn a_list_must_not_change_between_two_reads_of_one_transaction() {
    let unrepeatable = together([vec![append(0, 1)], vec![read(0, []), read(0, [1])]]);
    assert_eq!(names(&unrepeatable), ["internal inconsistency"]);
}
