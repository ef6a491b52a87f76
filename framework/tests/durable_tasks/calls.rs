//! Calls of the outside world: after the commit, until there is an answer, which arrives once.

use std::sync::Arc;

use daystar::{Breaks, Server};
use daystar_model::{ManualClock, Timestamp};

use crate::game::{BEGIN_MS, Event, KEYS, Request, Shop, Workshop, ask, client};
use crate::stage::{Mood, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_repeated_with_its_key_until_it_is_answered_and_its_answer_arrives_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    // The first of them panics, the second finds nobody, the third is answered.
    shop.ask(Request::Call { label: "bell".to_owned(), fails: 2 }).await;
    shop.ask(Request::Call { label: "gong".to_owned(), fails: 0 }).await;
    shop.pass_until("bell 3").await;
    shop.expect(&[("bell 3", 1), ("gong 1", 1)]).await;
    shop.pass(1_000_000);
    shop.expect(&[("bell 3", 1), ("gong 1", 1)]).await;
    shop.close();
    let keys = KEYS.lock();
    let of = |label: &str| -> Vec<_> {
        keys.iter().filter(|(of, _)| of == label).map(|(_, key)| *key).collect()
    };
    let (bell, gong) = (of("bell"), of("gong"));
    assert_eq!((bell.len(), gong.len()), (3, 1), "no call is made that was answered");
    assert!(bell.iter().all(|key| *key == bell[0]), "each time with the same key: {bell:?}");
    assert_ne!(bell[0], gong[0]);
    assert_eq!(bell[0].to_string().len(), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_waits_for_its_next_try_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    shop.ask(Request::Call { label: "horn".to_owned(), fails: 1 }).await;
    shop.settle().await;
    let closed = shop.close();
    let mut shop = Shop::open(folder.path(), closed, Breaks::default()).await;
    shop.pass_until("horn 2").await;
    shop.expect(&[("horn 2", 1)]).await;
    shop.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_nobody_answers_is_given_up_and_made_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, Breaks::default()).await;
    shop.ask(Request::Hush { label: "hush".to_owned() }).await;
    shop.pass_until("hush 2").await;
    shop.expect(&[("hush 2", 1)]).await;
    shop.close();
}

/// How many keys three tries of the same call have had.
async fn keys_of_three_tries(label: &str, breaks: Breaks) -> usize {
    let folder = tempfile::tempdir().expect("a folder");
    let mut shop = Shop::open(folder.path(), BEGIN_MS, breaks).await;
    shop.ask(Request::Call { label: label.to_owned(), fails: 2 }).await;
    shop.pass_until(&format!("{label} 3")).await;
    shop.close();
    let keys = KEYS.lock();
    let own: Vec<_> = keys.iter().filter(|(of, _)| of == label).map(|(_, key)| key).collect();
    assert_eq!(own.len(), 3);
    own.iter().collect::<std::collections::HashSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_whose_key_changes_is_caught() {
    assert_eq!(keys_of_three_tries("chime", Breaks::default()).await, 1);
    let breaks = Breaks { call_key_changes: true, ..Breaks::default() };
    let keys = keys_of_three_tries("chimera", breaks).await;
    assert!(keys > 1, "the break was not seen");
}

/// How often a call is made while the disk does not get on, and how often in all.
async fn calls_while_the_disk_waits(label: &str, breaks: Breaks) -> (usize, usize) {
    let (store, clock) =
        (Stage::new(), Arc::new(ManualClock::new(Timestamp { unix_ms: BEGIN_MS })));
    let builder = Server::builder(Workshop).store(store.clone()).workers(2).clock(clock);
    let server = builder.broken(breaks).start().expect("a server");
    let _well = store.well_at_last();
    let ann = client(server.address()).await;
    let calls = || KEYS.lock().iter().filter(|(of, _)| of == label).count();
    // So that this client's beginning is on disk.
    ann.call_durable(&Request::Time).await.expect("on disk");
    store.set(Mood::Waiting);
    ask(&ann, Request::Call { label: label.to_owned(), fails: 0 }).await;
    for _ in 0..500 {
        ask(&ann, Request::Time).await;
    }
    let early = calls();
    store.set(Mood::Well);
    for _ in 0..2_000 {
        let Event::Log(log) = ask(&ann, Request::Log).await else { panic!("no log") };
        if log.iter().any(|(of, _)| *of == format!("{label} 1")) {
            break;
        }
    }
    drop(ann);
    server.stop().expect("a clean end");
    (early, calls())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_waits_until_what_asked_for_it_is_on_disk() {
    assert_eq!(calls_while_the_disk_waits("drum", Breaks::default()).await, (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_does_not_wait_for_the_disk_is_caught() {
    let breaks = Breaks { call_is_early: true, ..Breaks::default() };
    let (early, _) = calls_while_the_disk_waits("early drum", breaks).await;
    assert_eq!(early, 1, "the break was not seen");
}
