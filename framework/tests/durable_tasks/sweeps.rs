//! Sweeps: every object once, across restarts, and an end.

use daystar::Breaks;

use crate::game::{BEGIN_MS, Event, Request, Shop};

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
