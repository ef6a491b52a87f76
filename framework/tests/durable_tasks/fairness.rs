//! No kind of task, however many there are, keeps the others or a session from being served.

use daystar::Breaks;

use crate::game::{BEGIN_MS, Event, Request, Shop};

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_kind_of_task_lets_another_kind_and_a_session_through() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    for first in 0..4 {
        shop.ask(Request::Many { first: first * 1_000, count: 1_000, after_ms: 10 }).await;
    }
    shop.pass(10);
    // Behind four thousand in time, but not in the queue.
    shop.ask(Request::Fickle { label: "other".to_owned(), panics: false }).await;
    let (place, length) = loop {
        let Event::Log(log) = shop.ask(Request::Log).await else { panic!("no log") };
        if let Some(place) = log.iter().position(|(label, _)| label == "other") {
            break (place, log.len());
        }
    };
    assert!(place < 3_000, "it came after {place} others, and the session saw {length}");
    shop.close();
}
