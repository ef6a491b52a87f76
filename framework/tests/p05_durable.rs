//! P5. `kill -9` in the middle of gifts between accounts leaves a world that was so at one moment: all gold is there, in
//! accounts that can be read, and the next run goes on from it. At the level `durable`, every gift is there that a client was told
//! of; and a message is never sent for what is not on disk.

mod bank;
mod stage;

use std::fs;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use daystar::{Breaks, Durability, Server};
use daystar_client::{CallError, Events, Incoming};
use tokio::task::JoinSet;

use bank::{
    Bank, Client, Event, OPENING_GOLD, Request, Victim, ask, be_victim, join, join_again,
    next_event, try_join,
};
use stage::{Mood, Stage};

/// Not a test: the server of the tests below, when it runs in a process of its own.
#[test]
fn victim() {
    be_victim();
}

const CLIENTS: usize = 6;
const ROUNDS: u64 = 4;

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_comes_back_with_all_its_gold() {
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..ROUNDS {
        let server = Victim::start(folder.path());
        let clients = join_all(&server).await;
        let total = ask(&clients[0].0, Request::Total).await;
        assert_eq!(total, Event::Total(CLIENTS as u64 * OPENING_GOLD), "in round {round}");
        let given = Arc::new(AtomicU64::new(0));
        let mut giving = JoinSet::new();
        for (number, (client, events)) in clients.into_iter().enumerate() {
            let given = Arc::clone(&given);
            giving.spawn(async move {
                let _events = events;
                loop {
                    if client.call(&gift_of(number)).await.is_ok() {
                        given.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        tokio::time::sleep(Duration::from_millis(100 + 70 * round)).await;
        server.kill();
        // They would notice by themselves, but only when the connection has been silent for long enough.
        giving.shutdown().await;
        assert!(given.load(Ordering::Relaxed) > 0, "killed before anything happened");
        let verified = daystar::verify(&Bank, folder.path()).expect("a world");
        assert_eq!(verified.problems, Vec::<String>::new(), "after round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_comes_back_with_every_gift_that_it_said_was_durable() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut at_least = [0; CLIENTS];
    for round in 0..ROUNDS {
        let server = Victim::start(folder.path());
        let clients = join_all(&server).await;
        for (number, (client, _)) in clients.iter().enumerate() {
            let Event::Gifts(gifts) = ask(client, Request::Gifts).await else { panic!("no gifts") };
            // One more may have been on its way when the server was killed.
            let told = at_least[number];
            assert!((told..=told + 1).contains(&gifts), "told of {told}, there are {gifts}");
            at_least[number] = gifts;
        }
        let told: Vec<Arc<AtomicU64>> = (0..CLIENTS).map(|_| Arc::default()).collect();
        let mut giving = JoinSet::new();
        for (number, (client, events)) in clients.into_iter().enumerate() {
            let told = Arc::clone(&told[number]);
            giving.spawn(async move {
                let _events = events;
                loop {
                    if client.call_durable(&gift_of(number)).await.is_ok() {
                        told.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        // By the work done, not by the clock, so that a slow disk does not make this an empty test.
        while told.iter().any(|told| told.load(Ordering::Relaxed) < 5 + round) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        server.kill();
        giving.shutdown().await;
        for (at_least, told) in at_least.iter_mut().zip(&told) {
            *at_least += told.load(Ordering::Relaxed);
        }
    }
}

async fn join_all(server: &Victim) -> Vec<(Client, Events<Event>)> {
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        clients.push(join_again(server.address, &format!("client {number}")).await);
    }
    clients
}

/// A gift to the next in the ring.
fn gift_of(number: usize) -> Request {
    Request::Give { to: format!("client {}", (number + 1) % CLIENTS), gold: 1 }
}

/// Long enough for anything that is under way to arrive on this machine; a wait for what must not come.
const QUIET: Duration = Duration::from_millis(150);

async fn is_quiet(events: &mut Events<Event>) -> bool {
    tokio::time::timeout(QUIET, events.next()).await.is_err()
}

fn tell_bob(number: u32, is_durable: bool) -> Request {
    Request::Tell { to: "bob".to_owned(), number, is_durable }
}

/// What bob hears while the disk is busy with what he is told of first.
async fn told_too_early(is_broken: bool) -> bool {
    let store = Stage::new();
    let builder = Server::builder(Bank).store(store.clone());
    let breaks = Breaks { durable_is_early: is_broken, ..Breaks::default() };
    let server = builder.broken(breaks).start().expect("a server");
    let _well = store.well_at_last();
    let (ann, _ann_hears) = join(server.address(), "ann").await;
    let (_bob, mut bob_hears) = join(server.address(), "bob").await;
    store.set(Mood::Waiting);
    ann.call(&tell_bob(1, false)).await.expect("told");
    assert_eq!(next_event(&mut bob_hears).await, Event::Told(1), "this need not wait");
    ann.call(&tell_bob(2, true)).await.expect("told");
    let is_early = !is_quiet(&mut bob_hears).await;
    store.set(Mood::Well);
    server.stop().expect("a clean end");
    is_early
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_durable_is_told_before_it_is_stored() {
    assert!(!told_too_early(false).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_too_early_is_caught() {
    assert!(told_too_early(true).await, "the break was not seen");
}

/// Whether an operator is told that an account has been made while the disk is still busy with it.
fn operator_is_told_too_early(is_broken: bool) -> bool {
    let (store, folder) = (Stage::new(), tempfile::tempdir().expect("a folder"));
    let builder = Server::builder(Bank).data(folder.path()).store(store.clone());
    let breaks = Breaks { durable_is_early: is_broken, ..Breaks::default() };
    let server = builder.broken(breaks).start().expect("a server");
    let _well = store.well_at_last();
    store.set(Mood::Waiting);
    // As the command line leaves it for a server that runs.
    let orders = folder.path().join("orders");
    fs::create_dir_all(&orders).expect("a folder");
    let order = orders.join("1");
    let text = r#"[{"Account":{"name":"ann","change":{"Add":{"hash":"","roles":[]}}}}]"#;
    fs::write(&order, text).expect("an order");
    fs::rename(&order, order.with_extension("order")).expect("an order");
    let (taken, done) = (order.with_extension("taken"), order.with_extension("done"));
    let wait_until = |is_so: &dyn Fn() -> bool| {
        (0..4_000).any(|_| {
            std::thread::sleep(Duration::from_millis(5));
            is_so()
        })
    };
    assert!(wait_until(&|| taken.exists() || done.exists()), "nobody takes the order");
    std::thread::sleep(4 * QUIET);
    let is_early = done.exists();
    store.set(Mood::Well);
    let answer = || fs::read_to_string(&done).unwrap_or_default();
    assert!(wait_until(&|| answer().contains("\"done\":1")), "told: {}", answer());
    server.stop().expect("a clean end");
    is_early
}

#[test]
fn an_operator_is_told_what_is_stored() {
    assert!(!operator_is_told_too_early(false));
}

#[test]
fn an_operator_who_is_told_too_early_is_caught() {
    assert!(operator_is_told_too_early(true), "the break was not seen");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_is_told_stays_in_order_whatever_waits_for_the_disk() {
    let store = Stage::new();
    let server = Server::builder(Bank).store(store.clone()).start().expect("a server");
    let _well = store.well_at_last();
    let (ann, _ann_hears) = join(server.address(), "ann").await;
    let (_bob, mut bob_hears) = join(server.address(), "bob").await;
    store.set(Mood::Waiting);
    for number in 0..10 {
        ann.call(&tell_bob(number, number % 3 == 1)).await.expect("told");
    }
    assert_eq!(next_event(&mut bob_hears).await, Event::Told(0));
    assert!(is_quiet(&mut bob_hears).await, "all behind the first that is held must wait");
    ann.send(&Request::SayDurably(10)).await.expect("sent");
    ann.send(&Request::Say(11)).await.expect("sent");
    ann.send(&tell_bob(12, false)).await.expect("sent");
    assert!(is_quiet(&mut bob_hears).await, "what a channel is told waits behind it too");
    store.set(Mood::Well);
    for number in 1..10 {
        assert_eq!(next_event(&mut bob_hears).await, Event::Told(number));
    }
    for number in 10..12 {
        let who = "ann".to_owned();
        assert_eq!(next_event(&mut bob_hears).await, Event::Said { who, number });
    }
    assert_eq!(next_event(&mut bob_hears).await, Event::Told(12));
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_call_waits_for_the_disk_and_others_do_not() {
    let store = Stage::new();
    let server = Server::builder(Bank).store(store.clone()).start().expect("a server");
    let _well = store.well_at_last();
    let (ann, _ann_hears) = join(server.address(), "ann").await;
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    let (carol, _carol_hears) = join(server.address(), "carol").await;
    store.set(Mood::Waiting);
    let gift = |gold| Request::Give { to: "bob".to_owned(), gold };
    let given = tokio::spawn({
        let ann = ann.clone();
        async move { ann.call_durable(&gift(5)).await }
    });
    while ask(&bob, Request::Look).await != (Event::Account { gold: 105, joined: 1, left: 0 }) {
        tokio::task::yield_now().await;
    }
    // A refusal tells of what it has seen, which is not on disk either.
    let refused = tokio::spawn(async move { carol.call_durable(&gift(1_000)).await });
    tokio::time::sleep(QUIET).await;
    assert!(!given.is_finished() && !refused.is_finished(), "answered before it was stored");
    store.set(Mood::Well);
    assert_eq!(given.await.expect("a call").expect("given"), None);
    let refusal = refused.await.expect("a call").expect_err("too much gold");
    assert_eq!(refusal.to_string(), "you have only 100 gold");
    let status = server.journal();
    server.wait_until_durable(daystar_model::CommitNumber(status.last_committed)).expect("stored");
    server.stop().expect("a clean end");
}

/// What a durable server answers although its disk is busy; the test fails if it does not.
async fn at_commit(answer: impl Future<Output = Answer>) -> Answer {
    let answer = tokio::time::timeout(Duration::from_secs(30), answer).await;
    answer.expect("it waits for the disk, or for ever")
}

type Answer = Result<Option<Event>, CallError>;

#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_a_durable_server_is_answered_at_commit_if_its_client_wants_that() {
    let store = Stage::new();
    let builder = Server::builder(Bank).store(store.clone()).durability(Durability::Durable);
    let server = builder.start().expect("a server");
    let _well = store.well_at_last();
    let (ann, _ann_hears) = join(server.address(), "ann").await;
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    let (carol, _carol_hears) = join(server.address(), "carol").await;
    store.set(Mood::Waiting);
    let gift = |gold| Request::Give { to: "bob".to_owned(), gold };
    let account = |gold| Some(Event::Account { gold, joined: 1, left: 0 });

    // That it is done, that it is refused, and what the game replies.
    assert_eq!(at_commit(ann.call_committed(&gift(5))).await.expect("given"), None);
    let refusal = at_commit(ann.call_committed(&gift(1_000))).await.expect_err("too much gold");
    assert_eq!(refusal.to_string(), "you have only 95 gold");
    let looked = at_commit(ann.call_committed(&Request::Look)).await.expect("an account");
    assert_eq!(looked, account(95));

    // It waits behind what its session is told before it, and for the disk if the game says so.
    let plain = ann.begin(&Request::Look).await.expect("sent");
    let behind_a_call = ann.begin_committed(&Request::Look).await.expect("sent");
    let behind_a_gift = bob.begin_committed(&Request::Look).await.expect("sent");
    let durably = carol.begin_committed(&Request::LookDurably).await.expect("sent");
    let mut plain = pin!(plain.outcome());
    let mut behind_a_call = pin!(behind_a_call.outcome());
    let mut behind_a_gift = pin!(behind_a_gift.outcome());
    let mut durably = pin!(durably.outcome());
    let early = tokio::select! {
        _ = &mut plain => "a plain call",
        _ = &mut behind_a_call => "what is behind a plain call",
        _ = &mut behind_a_gift => "what is behind a gift",
        _ = &mut durably => "what the game says durably",
        () = tokio::time::sleep(QUIET) => "nothing",
    };
    assert_eq!(early, "nothing", "answered before it was stored");
    store.set(Mood::Well);
    for (answer, gold) in [
        (plain.await, 95),
        (behind_a_call.await, 95),
        (behind_a_gift.await, 105),
        (durably.await, 100),
    ] {
        assert_eq!(answer.expect("an account"), account(gold));
    }
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_durable_server_tells_nothing_that_is_not_stored() {
    let store = Stage::new();
    let builder = Server::builder(Bank).store(store.clone()).durability(Durability::Durable);
    let server = builder.start().expect("a server");
    let _well = store.well_at_last();
    let (ann, mut ann_hears) = join(server.address(), "ann").await;
    store.set(Mood::Waiting);
    let to = "ann".to_owned();
    ann.send(&Request::Tell { to, number: 1, is_durable: true }).await.expect("sent");
    ann.send(&Request::Say(2)).await.expect("sent");
    ann.send(&Request::Leave { is_durable: true }).await.expect("sent");
    let address = server.address();
    let joining = tokio::spawn(async move { try_join(address, "bob").await });
    assert!(is_quiet(&mut ann_hears).await && !joining.is_finished());
    store.set(Mood::Well);
    assert_eq!(next_event(&mut ann_hears).await, Event::Told(1));
    assert_eq!(next_event(&mut ann_hears).await, Event::Said { who: "ann".to_owned(), number: 2 });
    let end = ann_hears.next().await;
    let is_told =
        matches!(&end, Some(Incoming::Closed(why)) if why.to_string().contains("as you wish"));
    assert!(is_told, "{end:?}");
    joining.await.expect("a task").expect("joined, now that it is stored");
    server.stop().expect("a clean end");
}
