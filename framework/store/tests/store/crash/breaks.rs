//! What P5 rests on, taken away on purpose: each time the check of what a crash has left must notice.

use super::ledger::check;
use super::writer::{End, Writer};

/// What the check says of a world whose writer was `broken` and died at `die_at`.
fn verdict(broken: &str, die_at: &str) -> Result<u64, String> {
    let folder = tempfile::tempdir().unwrap();
    let world = folder.path().join("world");
    let (end, acknowledged) = Writer::start(&world, 0, die_at, broken).end();
    assert_eq!(end, End::AtPoint);
    assert!(acknowledged > 0, "the writer died too early to lose anything");
    check(&world, acknowledged)
}

/// As if the journal were cut when the checkpoint begins. The second cut of a process (the first is what its start has
/// left to be cut) is then made before the objects are written.
#[test]
fn a_journal_that_is_cut_before_the_checkpoint_loses_what_was_acknowledged() {
    for die_at in ["after-cut:2", "after-cut:3"] {
        let noticed = verdict("cut_before_checkpoint", die_at).unwrap_err();
        let is_loss = noticed.contains("was acknowledged") || noticed.contains("missing");
        assert!(is_loss, "{noticed}");
        verdict("", die_at).unwrap();
    }
}

/// As if an epoch were written in two transactions: after the first, which ends with the third or the fifth half, the
/// world has some of the batch's objects and not the others.
#[test]
fn an_epoch_in_two_halves_is_no_prefix() {
    for die_at in ["after-epoch:3", "after-epoch:5", "before-epoch:6", "inside-epoch:6"] {
        let noticed = verdict("epoch_not_prefix", die_at).unwrap_err();
        assert!(noticed.contains("and is not"), "{noticed}");
        verdict("", die_at).unwrap();
    }
}
