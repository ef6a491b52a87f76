//! Tasks that run again and again: their phase, the ticks that they missed, and their end.

use daystar::Breaks;

use crate::game::{BEGIN_MS, Event, Request, Shop};

const SKIP: u8 = 0;
const ONE: u8 = 1;
const ALL: u8 = 2;

fn every(label: &str, missed: u8, by_wall: bool) -> Request {
    Request::Every { label: label.to_owned(), period_ms: 100, missed, by_wall }
}

/// How many ticks of 100 ms there are in 30 steps of 37 ms, each of which is waited for.
async fn ticks_in_small_steps(breaks: Breaks) -> Vec<usize> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, breaks).await;
    shop.ask(every("beat", ONE, false)).await;
    let mut missing = Vec::new();
    for step in 1..=30_usize {
        shop.pass(37);
        let wanted = step * 37 / 100;
        let found = shop.log(wanted).await.len();
        missing.push(wanted.abs_diff(found));
        if found < wanted {
            break;
        }
    }
    shop.close();
    missing
}

#[tokio::test(flavor = "multi_thread")]
async fn a_periodic_task_keeps_its_phase() {
    let missing = ticks_in_small_steps(Breaks::default()).await;
    assert!(missing.iter().all(|missing| *missing == 0), "ticks too many or too few: {missing:?}");
    assert_eq!(missing.len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_periodic_task_that_drifts_is_caught() {
    let missing = ticks_in_small_steps(Breaks { tick_drifts: true, ..Breaks::default() }).await;
    assert!(missing.iter().any(|missing| *missing > 0), "the break was not seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn missed_ticks_are_skipped_or_made_up_for_as_each_task_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    for (label, missed, by_wall) in
        [("skip", SKIP, true), ("one", ONE, true), ("all", ALL, true), ("world", ALL, false)]
    {
        shop.ask(every(label, missed, by_wall)).await;
    }
    shop.pass(100);
    assert_eq!(shop.log(4).await.len(), 4, "each has had its first tick");
    shop.pass(20);
    // Down from 120 to 450: the ticks at 200, 300 and 400 are missed on the wall, and none in the world.
    let closed = shop.close();
    let mut shop = Shop::open(folder.path(), closed + 330, Breaks::default()).await;
    shop.expect(&[("skip", 1), ("one", 2), ("all", 4), ("world", 1)]).await;
    // The phase is what it was: on the wall 500 is the next, and the world stands 330 behind.
    shop.pass(50);
    shop.expect(&[("skip", 2), ("one", 3), ("all", 5), ("world", 1)]).await;
    // 200 ms of the world's time have passed.
    shop.pass(30);
    shop.expect(&[("skip", 2), ("world", 2)]).await;
    shop.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worlds_clock_stands_still_while_the_server_is_down_and_never_goes_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    shop.pass(700);
    let Event::Time(world, wall) = shop.ask(Request::Time).await else { panic!("no time") };
    assert_eq!((world, wall), (BEGIN_MS + 700, BEGIN_MS + 700));
    let closed = shop.close();
    let shop = Shop::open(folder.path(), closed + 3_600_000, Breaks::default()).await;
    let Event::Time(world, wall) = shop.ask(Request::Time).await else { panic!("no time") };
    assert_eq!((world, wall), (BEGIN_MS + 700, BEGIN_MS + 3_600_700));
    shop.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handle_is_good_through_all_ticks_and_cancels_those_to_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    shop.ask(every("beat", ONE, false)).await;
    shop.ask(Request::Once { label: "never".to_owned(), after_ms: 250 }).await;
    shop.ask(Request::Once { label: "early".to_owned(), after_ms: 0 }).await;
    shop.pass(100);
    shop.log(2).await;
    let closed = shop.close();
    let mut shop = Shop::open(folder.path(), closed, Breaks::default()).await;
    shop.pass(100);
    shop.expect(&[("beat", 2), ("early", 1), ("never", 0)]).await;
    let cancel = |label: &str| Request::Cancel { label: label.to_owned() };
    assert_eq!(shop.ask(cancel("never")).await, Event::Cancelled(true));
    assert_eq!(shop.ask(cancel("beat")).await, Event::Cancelled(true));
    assert_eq!(shop.ask(cancel("early")).await, Event::Cancelled(false), "it has run");
    shop.pass(1_000);
    shop.expect(&[("beat", 2), ("never", 0)]).await;
    shop.close();
}

/// By the world's clock nothing is missed while the server is down; a tick that has failed is tried again after a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_failed_before_a_restart_is_tried_again_and_not_taken_for_missed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    shop.ask(Request::Break { is_broken: true }).await;
    let label = "skip".to_owned();
    shop.ask(Request::FickleEvery { label, period_ms: 100, missed: SKIP }).await;
    shop.pass(105);
    shop.settle().await;
    shop.ask(Request::Break { is_broken: false }).await;
    let closed = shop.close();
    let mut shop = Shop::open(folder.path(), closed, Breaks::default()).await;
    shop.pass(10);
    shop.expect(&[("skip", 1)]).await;
    shop.pass(90);
    shop.expect(&[("skip", 2)]).await;
    shop.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_period_that_would_drift_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    for period_us in [0, 999, 1_500, 16_667] {
        let told = shop.refused(Request::EveryUs { period_us }).await;
        assert!(told.contains("ms"), "{told}");
    }
    shop.ask(Request::EveryUs { period_us: 16_000 }).await;
    shop.close();
}
