//! Sweeps: every object once, across restarts, and an end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use daystar::Breaks;

use crate::game::{BEGIN_MS, BROKEN_VISITS, Event, Request, Shop};

async fn pots(shop: &Shop) {
    for _ in 0..20 {
        shop.ask(Request::Pots { count: 100 }).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_visits_each_object_once_also_when_the_server_is_stopped_in_between() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    pots(&shop).await;
    shop.ask(Request::Visit { makes_more: false }).await;
    let mut now = shop.close();
    let mut restarts = 0;
    loop {
        let shop = Shop::open(folder.path(), now, Breaks::default()).await;
        let Event::Visits(visits) = shop.ask(Request::Visits).await else { panic!("no visits") };
        assert_eq!(visits[2], 0, "no pot twice: {visits:?}");
        let is_done = shop.count("dusted").await == 1;
        if is_done || restarts == 50 {
            assert_eq!(shop.ask(Request::Visits).await, Event::Visits([0, 2_000, 0]));
            shop.close();
            break;
        }
        restarts += 1;
        now = shop.close();
    }
    println!("{restarts} restarts in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_makes_more_of_what_it_visits_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    pots(&shop).await;
    shop.ask(Request::Visit { makes_more: true }).await;
    assert_eq!(shop.log(1).await, ["dusted"]);
    assert_eq!(shop.ask(Request::Visits).await, Event::Visits([0, 2_000, 0]));
    shop.close();
}

/// How often pots were visited by a sweep whose first slice fails once.
async fn visits_after_a_failure(breaks: Breaks) -> [u32; 3] {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, breaks).await;
    pots(&shop).await;
    shop.ask(Request::Break { is_broken: true }).await;
    let failed = BROKEN_VISITS.load(Ordering::SeqCst);
    shop.ask(Request::Visit { makes_more: false }).await;
    while BROKEN_VISITS.load(Ordering::SeqCst) == failed {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let Event::Visits(none) = shop.ask(Request::Visits).await else { panic!("no visits") };
    assert_eq!(none, [2_000, 0, 0], "what failed has left nothing");
    shop.ask(Request::Break { is_broken: false }).await;
    shop.pass_until("dusted").await;
    let Event::Visits(visits) = shop.ask(Request::Visits).await else { panic!("no visits") };
    shop.close();
    visits
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_goes_on_with_the_slice_that_failed_and_one_that_moves_on_apart_is_caught() {
    assert_eq!(visits_after_a_failure(Breaks::default()).await, [0, 2_000, 0]);
    let breaks = Breaks { sweep_notes_apart: true, ..Breaks::default() };
    let visits = visits_after_a_failure(breaks).await;
    assert!(visits[0] > 0, "the break was not seen: {visits:?}");
}
