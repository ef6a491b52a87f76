//! Histories with which nothing is wrong, and the sparse real-time edges.

use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, proptest};

use super::{append, during, history, in_turn, names, read, together, with_failed};
use crate::graph::{Graph, Why};
use crate::history::{History, Operation};
use crate::versions::Versions;

#[test]
fn nothing_is_wrong_with_nothing() {
    assert_eq!(names(&together([])), [""; 0]);
}

#[test]
fn nothing_is_wrong_with_one_after_the_other() {
    let serial = in_turn([
        vec![read(0, []), append(0, 1)],
        vec![append(0, 2), append(1, 3), read(0, [1, 2]), append(0, 4)],
        vec![read(0, [1, 2, 4]), read(1, [3])],
    ]);
    assert_eq!(names(&serial), [""; 0]);
}

#[test]
fn those_who_ran_together_may_have_any_order() {
    let backwards = together([
        vec![read(0, [3, 2]), append(0, 1)],
        vec![read(0, [3]), append(0, 2)],
        vec![append(0, 3)],
        vec![read(0, [])],
    ]);
    assert_eq!(names(&backwards), [""; 0]);
}

#[test]
fn what_failed_was_not_there() {
    let refused =
        in_turn([vec![append(0, 1)], vec![read(0, [1]), append(0, 2)], vec![read(0, [1])]]);
    assert_eq!(names(&refused), ["lost append"], "had it committed, it would be lost");
    assert_eq!(names(&with_failed(refused, 1)), [""; 0]);
}

proptest! {
    /// Transactions that take effect one after another, each somewhere within its time.
    #[test]
    fn no_true_history_is_accused(
        transactions in prop::collection::vec(
            (prop::collection::vec((0..3_usize, any::<bool>()), 1..5), 0..20_u64, 0..20_u64),
            0..30,
        ),
    ) {
        let mut lists = vec![Vec::new(); 3];
        let mut values = 0..;
        let transactions = (0..).zip(transactions).map(|(turn, (steps, before, after))| {
            let operations = steps.into_iter().map(|(list, appends)| {
                if !appends {
                    return Operation::Read(list, lists[list].clone());
                }
                let value = values.next().unwrap_or_default();
                lists[list].push(value);
                Operation::Append(list, value)
            });
            let moment = 1_000 + turn * 5;
            during(2 * (moment - before), 2 * (moment + after) + 1, operations.collect())
        });
        let history = history(transactions.collect::<Vec<_>>());
        prop_assert_eq!(names(&history), [""; 0]);
    }

    /// Some of the real-time edges are left out; nothing that follows from all of them is.
    #[test]
    fn real_time_edges_are_few_and_enough(
        times in prop::collection::vec((0..60_u64, 0..20_u64), 0..30),
    ) {
        let transactions = times.iter().map(|(invoked, length)| {
            during(2 * invoked, 2 * (invoked + length) + 1, Vec::new())
        });
        let history = history(transactions);
        let graph = Graph::new(&history, &Versions::new(&history));
        for (from, one) in history.transactions.iter().enumerate() {
            let reached = reached(&graph, from);
            for (to, other) in history.transactions.iter().enumerate() {
                prop_assert_eq!(reached[to], one.completed < other.invoked, "T{} to T{}", from, to);
            }
            prop_assert!(is_sparse(&history, &graph, from), "T{} has an edge too many", from);
        }
    }
}

/// Which transactions come after `from`, by however many edges.
fn reached(graph: &Graph, from: usize) -> Vec<bool> {
    let mut reached = vec![false; graph.len()];
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        for edge in graph.edges(node) {
            if !std::mem::replace(&mut reached[edge.to], true) {
                open.push(edge.to);
            }
        }
    }
    reached
}

/// Whether no edge of `from` follows from others: nobody fits in between its two ends.
fn is_sparse(history: &History, graph: &Graph, from: usize) -> bool {
    let one = &history.transactions[from];
    graph.edges(from).iter().all(|edge| {
        let other = &history.transactions[edge.to];
        let mut all = history.transactions.iter();
        edge.why == Why::CompletedBefore
            && !all.any(|middle| one.completed < middle.invoked && middle.completed < other.invoked)
    })
}
