//! What the rounds rest on, taken away on purpose: each time the check of what a crash has left must notice.

use std::time::Duration;

use crate::round::{Ground, When};
use crate::victim::Orders;

/// What the check says of a world on which a server that was `broken` ended `when`; asked up to some times, because a crash may
/// come when the break has done no harm.
async fn noticed(broken: &'static str, when: &[When]) -> String {
    let mut ground = Ground::new();
    for round in 0..TRIES {
        let orders = Orders { broken, ..Orders::default() };
        if let Err(wrong) = ground.round(orders, &when[round % when.len()]).await {
            return wrong;
        }
    }
    panic!("nobody has noticed this: {broken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_before_it_is_on_disk_is_lost() {
    let points = [When::AtPoint("before-epoch", 20), When::AtPoint("inside-epoch", 20)];
    let wrong = noticed("durable is early", &points).await;
    assert!(wrong.starts_with("lost: "), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_is_cut_before_the_checkpoint_loses_commits() {
    let wrong = noticed("cut before checkpoint", &[When::AtPoint("after-cut", 3)]).await;
    let is_loss = ["lost: ", "missing", "no prefix", "was on disk"];
    assert!(is_loss.iter().any(|sign| wrong.contains(sign)), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_epoch_in_two_halves_is_no_prefix() {
    let wrong = noticed("epoch not a prefix", &[When::AtPoint("after-epoch", 41)]).await;
    assert!(!wrong.starts_with("lost: "), "it is torn, and nothing durable is lost: {wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_a_crash_cuts_off_leave() {
    let wrong = noticed("left skipped", &[When::Told(100, Duration::ZERO)]).await;
    assert!(wrong.contains("had left"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_a_crash_cuts_off_leave_once() {
    let wrong = noticed("left twice", &[When::Told(100, Duration::ZERO)]).await;
    assert!(wrong.contains("was not there"), "{wrong}");
}

/// Of the break that is hardest to see, a crash misses the harm now and then.
const TRIES: usize = 40;
