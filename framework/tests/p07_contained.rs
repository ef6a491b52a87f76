//! P7: what goes wrong in one task is told to whoever asked for it, and harms no other.

mod bank;

use bank::{Event, OPENING_GOLD, Request, ask, join, serve};
use daystar_client::CallError;

#[tokio::test(flavor = "multi_thread")]
async fn panics_and_errors_of_one_client_leave_the_others_alone() {
    let server = serve();
    let (vandal, _vandal_events) = join(server.address(), "vandal").await;
    let (ann, _events) = join(server.address(), "ann").await;
    for round in 0..50 {
        let wrong = [Request::DoAllThenPanic, Request::DoAllThenFail, Request::BorrowTwice];
        let refused = vandal.call(&wrong[round % wrong.len()]).await;
        assert!(matches!(refused, Err(CallError::Refused(_))), "{refused:?}");
        let own = ask(&ann, Request::Look).await;
        assert_eq!(own, Event::Account { gold: OPENING_GOLD, joined: 1, left: 0 });
    }
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_in_the_game_is_named() {
    let server = serve();
    let (ann, _events) = join(server.address(), "ann").await;
    let refused = ann.call(&Request::BorrowTwice).await.expect_err("two mutable borrows");
    let told = refused.to_string();
    assert!(told.contains("Account #") && told.contains("`received` is changing"), "told: {told}");
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_no_client_takes_fails_its_task_and_nothing_else() {
    let server = serve();
    let (ann, _events) = join(server.address(), "ann").await;
    let refused =
        ann.call(&Request::SendLong { bytes: 2_000_000 }).await.expect_err("two megabytes");
    assert!(refused.to_string().contains("too long"), "told: {refused}");
    let own = ask(&ann, Request::Look).await;
    assert_eq!(own, Event::Account { gold: OPENING_GOLD, joined: 1, left: 0 });
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_task_that_fails_stops_nothing() {
    let server = serve();
    let (ann, _events) = join(server.address(), "ann").await;
    ann.call(&Request::FailLater { after_ms: 0 }).await.expect("scheduled");
    ann.call(&Request::Enter { entry: 1, after_ms: 0 }).await.expect("scheduled");
    while ask(&ann, Request::Entries).await != Event::Entries(vec![1]) {
        tokio::task::yield_now().await;
    }
    server.stop().expect("a clean end");
}
