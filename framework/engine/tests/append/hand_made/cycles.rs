//! Anomalies that are cycles, from the worst to those that only the real time gives away.

use super::{append, during, history, in_turn, names, read, together, words};

/// That the words hold each of these lines.
#[track_caller]
fn assert_told(words: &str, lines: &[&str]) {
    for line in lines {
        assert!(words.contains(line), "no {line:?} in {words}");
    }
}

#[test]
fn g0_two_writers_overtake_each_other() {
    let dirty_write = together([
        vec![append(0, 1), append(1, 2)],
        vec![append(0, 3), append(1, 4)],
        vec![read(0, [1, 3]), read(1, [4, 2])],
    ]);
    assert_eq!(names(&dirty_write), ["G0"]);
    let told = [
        "T0 comes before T1 (ww): in list 0, its 1 stands right before T1's 3.",
        "T1 comes before T0 (ww): in list 1, its 4 stands right before T0's 2.",
        "would come before itself",
        "T0: thread 0, ticks 0 to 3, committed; appended 1 to list 0; appended 2 to list 1",
    ];
    assert_told(&words(&dirty_write), &told);
}

#[test]
fn g1c_two_transactions_see_each_other() {
    let circular = together([vec![append(0, 1), read(1, [2])], vec![append(1, 2), read(0, [1])]]);
    assert_eq!(names(&circular), ["G1c"]);
    let told = [
        "T0 comes before T1 (wr): T1 saw its 1 at the end of list 0.",
        "T1 comes before T0 (wr): T0 saw its 2 at the end of list 1.",
    ];
    assert_told(&words(&circular), &told);
}

#[test]
fn g1b_a_reader_sees_half_of_a_transaction() {
    let intermediate =
        together([vec![append(0, 1), append(0, 2)], vec![read(0, [1])], vec![read(0, [1, 2])]]);
    assert_eq!(names(&intermediate), ["G-single"]);
    let told = ["T1 comes before T0 (rw): it saw list 0 end with 1, without T0's 2."];
    assert_told(&words(&intermediate), &told);
}

#[test]
fn g_single_a_reader_sees_one_list_before_and_another_after() {
    let skewed = together([
        vec![append(0, 1), append(1, 2)],
        vec![read(0, []), read(1, [2])],
        vec![read(0, [1])],
    ]);
    assert_eq!(names(&skewed), ["G-single"]);
    let told = [
        "T0 comes before T1 (wr): T1 saw its 2 at the end of list 1.",
        "T1 comes before T0 (rw): it saw list 0 empty, without T0's 1.",
    ];
    assert_told(&words(&skewed), &told);
}

#[test]
fn g_single_two_writers_saw_the_same() {
    let lost_update = together([
        vec![read(0, []), append(0, 1)],
        vec![read(0, []), append(0, 2)],
        vec![read(0, [1, 2])],
    ]);
    assert_eq!(names(&lost_update), ["G-single"]);
    let told = ["T0 comes before T1 (ww)", "T1 comes before T0 (rw)"];
    assert_told(&words(&lost_update), &told);
}

#[test]
fn g2_each_misses_what_the_other_appends() {
    let write_skew = together([
        vec![read(1, []), append(0, 1)],
        vec![read(0, []), append(1, 2)],
        vec![read(0, [1]), read(1, [2])],
    ]);
    assert_eq!(names(&write_skew), ["G2"]);
    let told = [
        "T0 comes before T1 (rw): it saw list 1 empty, without T1's 2.",
        "T1 comes before T0 (rw): it saw list 0 empty, without T0's 1.",
    ];
    assert_told(&words(&write_skew), &told);
}

#[test]
fn g2_is_found_even_if_nobody_reads_afterwards() {
    let write_skew = together([vec![read(1, []), append(0, 1)], vec![read(0, []), append(1, 2)]]);
    assert_eq!(names(&write_skew), ["G2"]);
}

#[test]
fn g2_two_readers_see_two_appends_in_two_orders() {
    let long_fork = together([
        vec![append(0, 1)],
        vec![append(1, 2)],
        vec![read(0, [1]), read(1, [])],
        vec![read(0, []), read(1, [2])],
    ]);
    assert_eq!(names(&long_fork), ["G2"]);
    let words = words(&long_fork);
    assert_eq!(words.matches("comes before T").count(), 4, "{words}");
}

#[test]
fn a_stale_read_is_found_by_the_real_time() {
    let stale = in_turn([vec![append(0, 1)], vec![read(0, [])], vec![read(0, [1])]]);
    assert_eq!(names(&stale), ["G-single-realtime"]);
    let told = [
        "T0 comes before T1 (rt): it had completed when T1 was invoked.",
        "T1 comes before T0 (rw): it saw list 0 empty, without T0's 1.",
    ];
    assert_told(&words(&stale), &told);
}

#[test]
fn a_stale_read_is_found_however_much_happened_in_between() {
    let stale = in_turn([
        vec![append(0, 1)],
        vec![read(1, [])],
        vec![append(1, 2)],
        vec![read(0, [])],
        vec![read(0, [1]), read(1, [2])],
    ]);
    assert_eq!(names(&stale), ["G-single-realtime"]);
}

#[test]
fn seeing_what_is_yet_to_be_appended_is_found_by_the_real_time() {
    let prophecy = in_turn([vec![read(0, [1])], vec![append(0, 1)]]);
    assert_eq!(names(&prophecy), ["G1c-realtime"]);
}

#[test]
fn appends_against_the_real_time_are_found() {
    let swapped = in_turn([vec![append(0, 1)], vec![append(0, 2)], vec![read(0, [2, 1])]]);
    assert_eq!(names(&swapped), ["G0-realtime"]);
}

#[test]
fn each_knot_is_told_and_its_shortest_cycle() {
    // T0 and T1 see each other; so do T2 and T3, and T4 is in a longer cycle with these.
    let two = together([
        vec![append(0, 1), read(1, [2])],
        vec![append(1, 2), read(0, [1])],
        vec![append(2, 3), read(3, [4]), read(4, [5])],
        vec![append(3, 4), read(2, [3])],
        vec![append(4, 5), read(3, [4])],
    ]);
    assert_eq!(names(&two), ["G1c", "G1c"]);
    let words = words(&two);
    assert_eq!(words.matches("comes before T").count(), 4, "{words}");
}

#[test]
fn a_cycle_at_the_end_of_a_long_history_is_found() {
    const LENGTH: u64 = 50_000;
    // A chain of as many transactions, the last of which ran before the first was invoked.
    let later = (0..LENGTH).map(|place| {
        let own = append(place as usize, place);
        let seen = place.checked_sub(1).map(|before| read(before as usize, [before]));
        during(2 * place + 2, 2 * place + 3, seen.into_iter().chain([own]).collect())
    });
    let mut long = history(later);
    assert_eq!(names(&long), [""; 0]);
    let last = long.transactions.last_mut().expect("a long history");
    (last.invoked, last.completed) = (0, 1);
    assert_eq!(names(&long), ["G1c-realtime"]);
}
