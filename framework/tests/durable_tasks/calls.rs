//! Calls of the outside world: after the commit, until there is an answer, which arrives once.

use daystar::Breaks;

use crate::game::{BEGIN_MS, KEYS, Request, Shop};

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
