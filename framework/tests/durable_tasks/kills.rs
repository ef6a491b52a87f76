//! Exactly once, across `kill -9`: a server is asked for durable work of every kind, killed in the middle of it, and started on the
//! same world again, many times. Tasks that run once, chains of tasks each of which asks for the next one, periodic tasks for each
//! choice of what becomes of missed ticks, tasks that fail, calls of the outside world, sweeps, walks and surveys; and some of all
//! that is cancelled.
//!
//! Behind each kill, what is left is read from disk while nobody serves it, and judged ([`judge`]): by the ledger that the world
//! keeps of itself ([`works`]), by the file into which the outside world writes each call ([`outside`]), and by what a client
//! was told is durable ([`told`]). No crash can take back the last two. In the end the world is served once more, and
//! then everything that was asked for and not cancelled has taken effect, once, or was set aside and has taken none.
//!
//! `DAYSTAR_TASK_KILLS` sets how many servers are killed; 10 if it is not set. With `--nocapture` it is printed what the kills
//! struck. In a build with debug assertions each takes about half a second:
//!
//! ```sh
//! DAYSTAR_TASK_KILLS=200 cargo test -p daystar --test durable_tasks kills::each -- --nocapture
//! ```
#![cfg(unix)]

mod judge;
mod outside;
mod remains;
mod round;
mod told;
mod victim;
mod works;

use std::collections::hash_map::RandomState;
use std::env;
use std::hash::{BuildHasher, Hasher};
use std::time::Duration;

use crate::kills::judge::Counts;
use crate::kills::round::{EFFECTS, Ground, When};

#[tokio::test(flavor = "multi_thread")]
async fn each_piece_of_durable_work_takes_effect_once_however_often_the_server_is_killed() {
    let kills = match env::var("DAYSTAR_TASK_KILLS") {
        Ok(kills) => kills.parse().expect("DAYSTAR_TASK_KILLS must be a number"),
        Err(_) => 10,
    };
    let mut ground = Ground::new("");
    for round in 0..kills {
        let when = when(round);
        let judged = ground.round(when).await;
        judged.unwrap_or_else(|wrong| panic!("server {round}, killed {when:?}: {wrong}"));
    }
    let counts = ground.settle().await.unwrap_or_else(|wrong| panic!("in the end: {wrong}"));
    println!("{counts:#?}");
    if kills >= 10 {
        check_not_idle(&counts);
    }
}

/// Each way to be killed in turn, at a random moment.
fn when(round: usize) -> When {
    let turn = round / WAYS;
    match round % WAYS {
        0 => When::Told(random_below(EFFECTS), Duration::from_micros(random_below(3_000))),
        1 => {
            let (point, times_max) = POINTS[turn % POINTS.len()];
            When::AtPoint(point, 1 + random_below(times_max))
        }
        2 => When::Visited,
        3 if turn % 2 == 1 => When::Called { is_look: true, times: 1 },
        3 => When::Called { is_look: false, times: 1 + random_below(20) as usize },
        _ => When::AtStart(Duration::from_micros(random_below(150_000))),
    }
}

/// That the kills have struck while work was under way, of every kind, or nothing was proved.
fn check_not_idle(counts: &Counts) {
    assert!(counts.struck * 2 > counts.kills, "most kills found nothing under way: {counts:#?}");
    for what in ["strikes", "chains", "retries", "calls", "surveys", "sweeps", "walks"] {
        assert!(counts.struck_in.contains_key(what), "no kill struck {what}: {counts:#?}");
    }
    for missed in ["skip", "one", "all"] {
        let ticks = counts.missed.get(missed);
        assert!(ticks.is_some_and(|ticks| *ticks > 0), "no tick was missed: {counts:#?}");
    }
    assert!(counts.repeated > 0, "no call was made twice: {counts:#?}");
}

/// What is said of servers that are `broken`, and killed in one of these ways after the other; asked many times, because a kill
/// may come when the break has done no harm.
async fn noticed(broken: &'static str, ways: &[When]) -> String {
    for _ in 0..WORLDS {
        // A young world, because what many servers have left goes the same way at each start.
        let mut ground = Ground::new(broken);
        for way in ways.iter().cycle().take(KILLS_PER_WORLD) {
            if let Err(wrong) = ground.round(*way).await {
                return wrong;
            }
        }
    }
    panic!("nobody has noticed this: {broken}");
}

const LATE: When = When::Told(EFFECTS, Duration::ZERO);
const HALF: When = When::Told(EFFECTS / 2, Duration::ZERO);
const LAST: When = When::Told(u64::MAX, Duration::ZERO);
const CALLING: [When; 3] =
    [When::AtPoint("call", 1), When::AtPoint("call", 3), When::AtPoint("call", 8)];
const INSIDE: [When; 3] = [
    When::AtPoint("before-epoch", 4),
    When::AtPoint("inside-epoch", 8),
    When::AtPoint("before-epoch", 12),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_stays_when_it_is_done_is_caught() {
    let wrong = noticed("task stays", &[LATE]).await;
    assert!(wrong.starts_with("twice: "), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_drifts_is_caught() {
    let wrong = noticed("tick drifts", &[LATE]).await;
    // Now and then a period from now is in phase.
    let is_seen = ["it is off its phase", "not each tick ran once", "not the next tick"];
    assert!(is_seen.iter().any(|sign| wrong.starts_with(sign)), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_try_that_leaves_something_is_caught() {
    let wrong = noticed("failed stays", &[LATE]).await;
    let is_seen = ["a failed try has left something", "twice: ", "nobody has asked for"];
    assert!(is_seen.iter().any(|sign| wrong.starts_with(sign)), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_set_aside_and_runs_is_caught() {
    let wrong = noticed("set aside runs", &[LAST]).await;
    assert!(wrong.starts_with("it was set aside, and has taken effect"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_for_what_is_not_on_disk_is_caught() {
    let wrong = noticed("call is early", &CALLING).await;
    assert!(wrong.starts_with("called for what is not on disk"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_with_another_key_is_caught() {
    let wrong = noticed("call key changes", &[LATE]).await;
    assert!(wrong.contains("key") || wrong.contains("does not belong"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_notes_apart_where_it_stands_is_caught() {
    let wrong = noticed("sweep notes apart", &[When::Visited, HALF]).await;
    assert!(wrong.starts_with("lost: the sweep is past chest"), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_that_forgets_where_it_stands_is_caught() {
    let wrong = noticed("walk forgets", &[When::Visited, HALF]).await;
    assert!(wrong.contains("where it has not come yet") || wrong.starts_with("twice: "), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_before_it_is_on_disk_is_caught() {
    let wrong = noticed("durable is early", &INSIDE).await;
    assert!(wrong.starts_with("lost: "), "{wrong}");
}

/// A random number below `bound`.
fn random_below(bound: u64) -> u64 {
    RandomState::new().build_hasher().finish() % bound
}

/// How many ways there are to be killed.
const WAYS: usize = 5;

/// What the store passes with every epoch, and how the outside world is called; and up to how many times of it are waited for.
const POINTS: [(&str, u64); 5] =
    [("before-epoch", 25), ("look", 3), ("inside-epoch", 25), ("call", 20), ("after-epoch", 25)];

/// In how many worlds a break is looked for, and how often in each.
const WORLDS: usize = 15;
const KILLS_PER_WORLD: usize = 4;
