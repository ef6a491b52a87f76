//! P1: a task that did a bit of everything and then failed has done nothing: no object changed, no name
//! bound or unbound, no message sent, no channel joined or left, no task spawned, nobody let go.

mod bank;

use bank::{Client, Event, OPENING_GOLD, Request, ask, join, next_event, serve};
use daystar_client::CallError;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_returns_an_error_has_done_nothing() {
    nothing_has_happened(Request::DoAllThenFail, "it was all for nothing").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_panics_has_done_nothing() {
    nothing_has_happened(Request::DoAllThenPanic, "the server failed at this request").await;
}

async fn nothing_has_happened(request: Request, told: &str) {
    let server = serve();
    let (ann, mut ann_hears) = join(server.address(), "ann").await;
    let (bob, mut bob_hears) = join(server.address(), "bob").await;
    match ann.call(&request).await {
        Err(CallError::Refused(reason)) => assert!(reason.contains(told), "told: {reason}"),
        other => panic!("instead of a refusal came {other:?}"),
    }

    let untouched = Event::Account { gold: OPENING_GOLD, joined: 1, left: 0 };
    assert_eq!(ask(&ann, Request::Look).await, untouched);
    // The book has its name still, and no entry.
    assert_eq!(ask(&bob, Request::Entries).await, Event::Entries(vec![]));
    assert_eq!(ask(&bob, Request::Total).await, Event::Total(2 * OPENING_GOLD));
    assert_refused(&ann, Request::Give { to: "extra".to_owned(), gold: 1 }, "nothing is called")
        .await;
    // The first that anyone hears is what is said now: so nothing was sent, and ann is in the hall.
    bob.send(&Request::Say(1)).await.expect("sent");
    let said = Event::Said { who: "bob".to_owned(), number: 1 };
    assert_eq!(next_event(&mut ann_hears).await, said);
    assert_eq!(next_event(&mut bob_hears).await, said);
    server.stop().expect("a clean end");
}

async fn assert_refused(client: &Client, request: Request, told: &str) {
    match client.call(&request).await {
        Err(CallError::Refused(reason)) => assert!(reason.contains(told), "told: {reason}"),
        other => panic!("instead of a refusal came {other:?}"),
    }
}
