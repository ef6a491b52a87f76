//! Requests, answers, refusals and events: all arrive, in order, at the right one.

use daystar_client::{CallError, Incoming};

use crate::net::tests::stand_in::{Event, Report, Request, StandIn, event, soon};

fn echo(text: &str) -> Request {
    Request::Echo(text.to_owned())
}

#[tokio::test]
async fn a_call_brings_the_answer_nothing_or_the_reason() {
    let server = StandIn::start();
    let (ann, _events) = server.join("ann").await;
    let answer = soon(ann.call(&echo("hello"))).await.unwrap();
    assert_eq!(answer, Some(Event::Echo("hello".to_owned())));
    assert_eq!(soon(ann.call(&Request::Nod)).await.unwrap(), None);
    let refused = soon(ann.call(&Request::Refuse("too poor".to_owned()))).await;
    assert!(
        matches!(&refused, Err(CallError::Refused(reason)) if reason == "too poor"),
        "{refused:?}"
    );
}

#[tokio::test]
async fn requests_arrive_in_the_order_they_were_made() {
    let mut server = StandIn::start();
    let (ann, mut events) = server.join("ann").await;
    assert_eq!(server.report().await, Report::Opened("ann".to_owned()));
    for number in 0..1000 {
        soon(ann.send(&Request::Refuse(number.to_string()))).await.unwrap();
    }
    for number in 0..1000 {
        let asked = Request::Refuse(number.to_string());
        assert_eq!(server.report().await, Report::Received("ann".to_owned(), asked));
        let refused = soon(events.next()).await;
        assert_eq!(refused, Some(Incoming::Refused(number.to_string())));
    }
}

#[tokio::test]
async fn many_calls_under_way_each_get_their_own_answer() {
    let server = StandIn::start();
    let (ann, _events) = server.join("ann").await;
    let calls: Vec<_> = (0..500)
        .map(|number: u32| {
            let ann = ann.clone();
            tokio::spawn(async move {
                let text = number.to_string();
                if number.is_multiple_of(3) {
                    let refused = ann.call(&Request::Refuse(text.clone())).await;
                    assert!(matches!(refused, Err(CallError::Refused(reason)) if reason == text));
                } else {
                    let answer = ann.call(&echo(&text)).await.unwrap();
                    assert_eq!(answer, Some(Event::Echo(text)));
                }
            })
        })
        .collect();
    for call in calls {
        soon(call).await.unwrap();
    }
}

#[tokio::test]
async fn an_answer_comes_behind_the_events_that_were_sent_before_it() {
    let server = StandIn::start();
    let (ann, mut events) = server.join("ann").await;
    soon(ann.call(&Request::Flood { events: 50, bytes: 10 })).await.unwrap();
    // All are here already: the answer came behind them on the same stream.
    for number in 0..50 {
        let next = tokio::time::timeout(std::time::Duration::ZERO, events.next()).await;
        assert_eq!(next, Ok(Some(Incoming::Event(Event::Flood(number, vec![0; 10])))));
    }
}

#[tokio::test]
async fn large_events_and_small_ones_keep_their_order() {
    let server = StandIn::start();
    let (ann, mut events) = server.join("ann").await;
    for bytes in [5, 3000, 100, 200_000, 1, 900_000] {
        soon(ann.call(&Request::Flood { events: 1, bytes })).await.unwrap();
        soon(ann.call(&Request::Flood { events: 2, bytes: 1 })).await.unwrap();
        assert_eq!(event(&mut events).await, Event::Flood(0, vec![0; bytes]));
        assert_eq!(event(&mut events).await, Event::Flood(0, vec![0; 1]));
        assert_eq!(event(&mut events).await, Event::Flood(1, vec![0; 1]));
    }
}

#[tokio::test]
async fn a_channel_reaches_its_members_and_nobody_else() {
    let server = StandIn::start();
    let (ann, mut anns) = server.join("ann").await;
    let (bob, mut bobs) = server.join("bob").await;
    let (cid, mut cids) = server.join("cid").await;
    let enter = |channel: &str| Request::Enter(channel.to_owned());
    let tell = |channel: &str, text: &str| {
        let (channel, text) = (channel.to_owned(), text.to_owned());
        Request::Tell { channel, text }
    };
    let told = |text: &str| Event::Told(text.to_owned());
    for client in [&ann, &bob] {
        soon(client.call(&enter("village"))).await.unwrap();
        soon(client.call(&enter("village"))).await.unwrap(); // twice is once
    }
    soon(cid.call(&enter("harbour"))).await.unwrap();
    soon(cid.call(&tell("village", "one"))).await.unwrap();
    soon(bob.call(&Request::Exit("village".to_owned()))).await.unwrap();
    soon(bob.call(&tell("village", "two"))).await.unwrap();
    soon(ann.call(&tell("harbour", "three"))).await.unwrap();
    soon(ann.call(&tell("nowhere", "four"))).await.unwrap();
    assert_eq!(event(&mut anns).await, told("one"));
    assert_eq!(event(&mut anns).await, told("two"));
    assert_eq!(event(&mut bobs).await, told("one"));
    assert_eq!(event(&mut cids).await, told("three"));
    // A call answered behind whatever else was sent: so nothing else was.
    for (client, events) in [(&ann, &mut anns), (&bob, &mut bobs), (&cid, &mut cids)] {
        soon(client.call(&Request::Flood { events: 1, bytes: 0 })).await.unwrap();
        assert_eq!(event(events).await, Event::Flood(0, vec![]));
    }
}

#[tokio::test]
async fn a_session_that_has_left_is_in_no_channel() {
    let mut server = StandIn::start();
    let (ann, mut anns) = server.join("ann").await;
    let (bob, _bobs) = server.join("bob").await;
    for client in [&ann, &bob] {
        soon(client.call(&Request::Enter("village".to_owned()))).await.unwrap();
    }
    soon(bob.close()).await;
    assert_eq!(server.closed().await.0, "bob");
    let (channel, text) = ("village".to_owned(), "still here".to_owned());
    soon(ann.call(&Request::Tell { channel, text })).await.unwrap();
    assert_eq!(event(&mut anns).await, Event::Told("still here".to_owned()));
}

#[tokio::test]
async fn a_call_whose_answer_nobody_wants_any_more_harms_no_other() {
    let mut server = StandIn::start();
    let (ann, _events) = server.join("ann").await;
    let held = tokio::spawn({
        let ann = ann.clone();
        async move { ann.call(&Request::Hold(1)).await.map(drop) }
    });
    while server.report().await != Report::Received("ann".to_owned(), Request::Hold(1)) {}
    held.abort();
    assert_eq!(server.release(), 1);
    let answer = soon(ann.call(&echo("next"))).await.unwrap();
    assert_eq!(answer, Some(Event::Echo("next".to_owned())));
}
