//! P3, P5 and P6 for a whole server, over QUIC, that is killed again and again: at random moments, while it starts, and before,
//! inside and after everything that the store writes. Clients come and go, call, send, and are told; a ledger outside of
//! the server keeps what they were told. After each crash, what is left is read from disk, and must be the world as it
//! was after some commit: no later than what anybody was told to be durable, without a hole, with everyone's gold, and
//! with a `left` for each session that a crash has cut off, before anything else happens. In the end everyone who joined has
//! left once, and every scheduled task has run once.
//!
//! `DAYSTAR_CRASH_ROUNDS` sets how many servers are killed; 50 if it is not set. With `--nocapture` it is printed how often
//! they died where, and how much was checked. The fail points of compacting are tried by the store's own tests: a
//! server does not pass them.
#![cfg(unix)]

mod breaks;
mod clients;
mod game;
mod history;
mod ledger;
mod remains;
mod round;
mod victim;

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use crate::history::Counts;
use crate::round::{Ground, When};
use crate::victim::Orders;

/// Every fail point that a server passes, and up to how many passes of it are waited for.
const POINTS: [(&str, u64); 9] = [
    ("before-epoch", 60),
    ("inside-epoch", 60),
    ("after-epoch", 60),
    ("before-checkpoint", 5),
    ("inside-checkpoint", 2),
    ("after-checkpoint", 5),
    ("before-cut", 6),
    ("inside-cut", 4),
    ("after-cut", 6),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_takes_back_nothing_that_was_durable_and_leaves_a_prefix() {
    let rounds = match std::env::var("DAYSTAR_CRASH_ROUNDS") {
        Ok(rounds) => rounds.parse().expect("DAYSTAR_CRASH_ROUNDS must be a number"),
        Err(_) => 50,
    };
    let mut long_lived = Ground::new();
    let mut checked = Counts::default();
    let mut ends: BTreeMap<&str, u64> = BTreeMap::new();
    for round in 0..rounds {
        let (what, when) = ending(round);
        let orders = Orders { is_durable: random_below(3) == 0, ..Orders::default() };
        let explain =
            |wrong| panic!("round {round}, {when:?}, durable: {}: {wrong}", orders.is_durable);
        *ends.entry(what).or_default() += 1;
        if round % 8 != 7 {
            long_lived.round(orders.clone(), &when).await.unwrap_or_else(explain);
            continue;
        }
        // Some worlds are young.
        let mut ground = Ground::new();
        ground.round(orders.clone(), &when).await.unwrap_or_else(explain);
        match ground.settle(Orders::default()).await {
            Ok(counts) => checked += counts,
            Err(wrong) => explain(wrong),
        }
    }
    checked += long_lived.settle(Orders::default()).await.unwrap_or_else(|wrong| panic!("{wrong}"));
    println!("{rounds} servers ended; {checked:?}");
    ends.iter().for_each(|(what, times)| println!("{times:6} {what}"));
    let is_all = ends.len() == POINTS.len() + 3;
    assert!(rounds < 50 || is_all, "some way to end was never tried: {ends:?}");
}

/// How the server of this round is to end. Half die at each point in turn; of the others, most at a random moment.
fn ending(round: usize) -> (&'static str, When) {
    if round.is_multiple_of(2) {
        let (point, passes_max) = POINTS[round / 2 % POINTS.len()];
        return (point, When::AtPoint(point, 1 + random_below(passes_max)));
    }
    match round / 2 % 5 {
        0 => ("as it starts", When::AtStart(Duration::from_micros(random_below(60_000)))),
        1 => ("in order", When::Stop(random_below(200) as usize)),
        _ => {
            let after = Duration::from_micros(random_below(20_000));
            ("at a random moment", When::Told(random_below(1000) as usize, after))
        }
    }
}

/// A random number below `bound`.
fn random_below(bound: u64) -> u64 {
    RandomState::new().build_hasher().finish() % bound
}
