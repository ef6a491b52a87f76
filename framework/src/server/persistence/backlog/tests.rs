//! When an epoch begins, and what it is made of.

use std::sync::Arc;

use daystar_engine::Effects;
use daystar_macros::managed;
use daystar_model::{Object, ObjectId, Space};
use smallvec::smallvec;

use super::*;

#[managed]
struct Pebble {
    weight: u64,
}

/// So long that no epoch begins because of its age.
const NEVER: Duration = Duration::from_secs(3600);

fn backlog(limits: JournalLimits) -> Backlog {
    Backlog::new(CommitNumber(10), JournalLimits { epoch_time: NEVER, ..limits })
}

fn commit(number: u64, changes: usize) -> Committed {
    let value = || Some(Arc::new(Pebble { weight: number }) as Arc<dyn Object>);
    let change = |index| (ObjectId::new(Space::Object, index as u64), value());
    Committed {
        number: CommitNumber(number),
        changes: if changes == 0 { smallvec![] } else { (1..=changes).map(change).collect() },
        effects: Effects::default(),
        next_index: number + 100,
        bytes: changes * 36,
    }
}

/// What an epoch is made of: how many commits with changes, how many changes, and its end.
fn taken(backlog: &Backlog) -> (usize, usize, u64) {
    let mut run = Run::default();
    assert!(backlog.take(&mut run), "the end");
    assert_eq!(run.next_index, run.last.0 + 100);
    (run.commits.len(), run.objects, run.last.0)
}

#[test]
fn an_epoch_begins_at_once_when_somebody_waits_and_holds_all_that_has_come() {
    let backlog = backlog(JournalLimits::default());
    backlog.put(&mut commit(11, 2), false);
    backlog.put(&mut commit(12, 0), false);
    backlog.put(&mut commit(13, 1), true);
    backlog.put(&mut commit(14, 0), false);
    assert_eq!(taken(&backlog), (2, 3, 14));
    // What comes while that is being written is the next.
    backlog.put(&mut commit(15, 0), true);
    backlog.put(&mut commit(16, 1), false);
    assert_eq!(taken(&backlog), (1, 1, 16));
}

#[test]
fn an_epoch_begins_when_it_is_large_enough_or_old_enough_or_at_the_end() {
    let limits = JournalLimits { epoch_bytes: 300, ..JournalLimits::default() };
    let large = backlog(limits);
    large.put(&mut commit(11, 2), false);
    large.put(&mut commit(12, 1), false);
    assert_eq!(taken(&large), (2, 3, 12), "a hundred bytes for each change");

    let old = Backlog::new(CommitNumber(10), JournalLimits::default());
    old.put(&mut commit(11, 1), false);
    assert_eq!(taken(&old), (1, 1, 11));

    let closed = backlog(JournalLimits::default());
    closed.put(&mut commit(11, 1), false);
    closed.close();
    assert_eq!(taken(&closed), (1, 1, 11));
    assert!(!closed.take(&mut Run::default()), "nothing is left");
}

#[test]
fn what_changed_nothing_is_durable_only_after_what_was_before_it() {
    let backlog = backlog(JournalLimits::default());
    backlog.put(&mut commit(11, 1), false);
    backlog.put(&mut commit(12, 0), true);
    assert_eq!(taken(&backlog), (1, 1, 12));
    assert_eq!(backlog.look().0.durable, CommitNumber(10));
    backlog.stored(Some(Written::default()));
    assert_eq!(backlog.look().0.durable, CommitNumber(12));
    assert!(backlog.wait_until_durable(CommitNumber(12)));
    backlog.end();
    assert!(!backlog.wait_until_durable(CommitNumber(13)), "nobody writes it any more");
}

#[test]
fn too_much_blocks_until_it_is_taken_but_not_while_the_store_refuses() {
    let backlog = backlog(JournalLimits { waiting_bytes_max: 250, ..JournalLimits::default() });
    backlog.put(&mut commit(11, 2), false);
    backlog.wait_for_room();
    backlog.put(&mut commit(12, 1), false);
    backlog.set_refusing(true);
    backlog.wait_for_room();
    backlog.set_refusing(false);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| backlog.wait_for_room());
        assert!(!waiting.is_finished(), "nothing was taken yet");
        backlog.put(&mut commit(13, 0), true);
        assert_eq!(taken(&backlog), (2, 3, 13));
        waiting.join().expect("it goes on");
    });
}
