//! Tasks that fail: tried again, then set aside, while nothing else stops; and programs that cannot run a task that waits.

use daystar::Breaks;

use crate::game::{BEGIN_MS, Request, Shop};
use crate::told::tasks;

fn fickle(label: &str, panics: bool) -> Request {
    Request::Fickle { label: label.to_owned(), panics }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_try_that_leaves_something_is_caught() {
    let folder = tempfile::tempdir().expect("a folder");
    let breaks = Breaks { failed_stays: true, ..Breaks::default() };
    let shop = Shop::open(folder.path(), BEGIN_MS, breaks).await;
    shop.ask(Request::Break { is_broken: true }).await;
    shop.ask(fickle("late", false)).await;
    shop.settle().await;
    assert!(shop.count("late").await > 0, "the break was not seen");
    shop.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_fails_is_tried_again_and_takes_effect_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    shop.ask(Request::Break { is_broken: true }).await;
    shop.ask(fickle("late", false)).await;
    // What failed has left nothing, and its next try is later.
    shop.expect(&[("late", 0)]).await;
    shop.ask(Request::Break { is_broken: false }).await;
    shop.expect(&[("late", 0)]).await;
    shop.pass(10);
    shop.expect(&[("late", 1)]).await;
    shop.pass(1_000);
    shop.expect(&[("late", 1)]).await;
    shop.close();
    assert_eq!(tasks(folder.path()), Vec::<String>::new(), "nothing is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_keeps_failing_is_set_aside_with_its_cause_and_stays_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    shop.ask(Request::Break { is_broken: true }).await;
    shop.ask(fickle("loose", false)).await;
    shop.ask(fickle("snapped", true)).await;
    for _ in 0..8 {
        shop.settle().await;
        shop.pass(20);
    }
    shop.ask(Request::Once { label: "after".to_owned(), after_ms: 0 }).await;
    // All others go on.
    shop.expect(&[("after", 1)]).await;
    let closed = shop.close();
    let found = tasks(folder.path());
    assert_eq!(found.len(), 2, "{found:?}");
    let has = |text: &str| found.iter().filter(|task| task.contains(text)).count();
    assert_eq!((has("the spring is loose"), has("the spring has snapped")), (1, 1), "{found:?}");
    assert_eq!((has("\"again\":null"), has("\"tries\":3")), (2, 2), "{found:?}");
    assert_eq!(has("game.rs:"), 1, "where it panicked is told: {found:?}");

    let mut shop = Shop::open(folder.path(), closed, Breaks::default()).await;
    shop.ask(Request::Break { is_broken: false }).await;
    shop.pass(60_000);
    // It waits for an operator.
    shop.expect(&[("loose", 0), ("snapped", 0)]).await;
    shop.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_run_though_it_was_set_aside_is_caught() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    shop.ask(Request::Break { is_broken: true }).await;
    shop.ask(fickle("loose", false)).await;
    for _ in 0..8 {
        shop.settle().await;
        shop.pass(20);
    }
    let closed = shop.close();
    assert!(tasks(folder.path())[0].contains("\"again\":null"), "it was set aside");
    let breaks = Breaks { set_aside_runs: true, ..Breaks::default() };
    // As the test above, up to here; there it does not run any more.
    let mut shop = Shop::open(folder.path(), closed, breaks).await;
    shop.ask(Request::Break { is_broken: false }).await;
    shop.pass(60_000);
    // The start may have tried it before that, and tries it again at the next.
    let mut closed = shop.close();
    for _ in 0..3 {
        let shop = Shop::open(folder.path(), closed, breaks).await;
        shop.settle().await;
        if shop.count("loose").await > 0 {
            shop.close();
            return;
        }
        closed = shop.close();
    }
    panic!("the break was not seen");
}

/// More of them than there are workers: none of those may have gone.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_that_cannot_be_shown_harms_nobody_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    for _ in 0..100 {
        shop.ask(Request::Mute).await;
    }
    shop.settle().await;
    shop.ask(Request::Once { label: "after".to_owned(), after_ms: 0 }).await;
    shop.expect(&[("after", 1)]).await;
    shop.close();
    let found = tasks(folder.path());
    let told = found.iter().filter(|task| task.contains("cannot be shown")).count();
    assert_eq!((found.len(), told), (100, 100), "each was set aside with what there is to be said");
}
