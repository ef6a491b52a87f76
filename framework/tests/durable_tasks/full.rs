//! P8 for tasks: no more of them wait than may, and who asks for one more is told.

use std::sync::Arc;

use daystar::{Limits, Server};
use daystar_client::CallError;
use daystar_model::{ManualClock, Timestamp};

use crate::game::{BEGIN_MS, Event, Request, Workshop, ask, client};

#[tokio::test(flavor = "multi_thread")]
async fn a_task_beyond_the_limit_is_refused_until_others_have_run() {
    let clock = Arc::new(ManualClock::new(Timestamp { unix_ms: BEGIN_MS }));
    let limits = Limits { tasks_waiting_max: 3, ..Limits::default() };
    let builder = Server::builder(Workshop).workers(2).clock(clock.clone()).limits(limits);
    let server = builder.start().expect("a server");
    let ann = client(server.address()).await;
    let once = |label: &str| Request::Once { label: label.to_owned(), after_ms: 100 };
    // All three, or none: what a task asks for counts before it is there.
    let many = |count| Request::Many { first: 0, count, after_ms: 100 };
    let Err(CallError::Refused(reason)) = ann.call(&many(4)).await else { panic!("four") };
    assert!(reason.contains("no more than 3 may"), "{reason}");
    assert_eq!(ask(&ann, many(2)).await, Event::Done);
    assert_eq!(ask(&ann, once("third")).await, Event::Done);
    let Err(CallError::Refused(reason)) = ann.call(&once("fourth")).await else {
        panic!("a fourth")
    };
    assert!(reason.contains("3 wait"), "{reason}");

    clock.set(Timestamp { unix_ms: BEGIN_MS + 100 });
    let mut entries = Vec::new();
    for _ in 0..2_000 {
        let Event::Log(log) = ask(&ann, Request::Log).await else { panic!("no log") };
        entries = log.into_iter().map(|(label, _)| label).collect();
        if entries.len() == 3 {
            break;
        }
    }
    entries.sort();
    assert_eq!(entries, ["0", "1", "third"], "what was refused has left nothing");
    assert_eq!(ask(&ann, many(3)).await, Event::Done, "there is room again");
    drop(ann);
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_cancelled_makes_room_at_once() {
    let clock = Arc::new(ManualClock::new(Timestamp { unix_ms: BEGIN_MS }));
    let limits = Limits { tasks_waiting_max: 3, ..Limits::default() };
    let builder = Server::builder(Workshop).workers(2).clock(clock).limits(limits);
    let server = builder.start().expect("a server");
    let ann = client(server.address()).await;
    for number in 0..50 {
        let label = format!("time-out {number}");
        let put_off = Request::Once { label: label.clone(), after_ms: 86_400_000 };
        assert_eq!(ask(&ann, put_off).await, Event::Done, "the limit is of those that wait");
        assert_eq!(ask(&ann, Request::Cancel { label }).await, Event::Cancelled(true));
    }
    drop(ann);
    server.stop().expect("a clean end");
}
