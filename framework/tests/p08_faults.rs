//! P8, when the disk is full, too slow, or cannot be read: what would change the world is refused with the cause and what only looks goes on;
//! nothing that was told is lost, nothing is done twice, and all goes on by itself when there is room again. A disk
//! that is too slow slows the game down, and how far it is behind has a limit and can be seen.

mod bank;
mod stage;

use std::sync::Arc;
use std::time::Duration;

use daystar::{Breaks, JournalLimits, Server};
use daystar_client::{ConnectError, RejectCode};
use daystar_model::{Space, Store};

use bank::{Bank, Event, Request, ask, join, try_join};
use stage::{Mood, Stage};

/// A server on a store with moods, which is well again when the guard goes.
fn serve(store: &Arc<Stage>) -> (Server, stage::WellAtLast) {
    serve_broken(store, false)
}

/// The same; or one that, broken on purpose, forgets what is to wait for the end of a fault.
fn serve_broken(store: &Arc<Stage>, parked_is_lost: bool) -> (Server, stage::WellAtLast) {
    let builder = Server::builder(Bank).store(store.clone()).workers(2);
    let breaks = Breaks { parked_is_lost, ..Breaks::default() };
    (builder.broken(breaks).start().expect("a server"), store.well_at_last())
}

/// Waits until something is so; it must become so.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    waited.unwrap_or_else(|_| panic!("in vain: {what}"));
}

fn gift() -> Request {
    Request::Give { to: "bob".to_owned(), gold: 1 }
}

/// Writes 9 into the book.
fn note() -> Request {
    Request::Tell { to: "bob".to_owned(), number: 9, is_durable: false }
}

/// Fills the disk, and makes a commit that finds it so.
async fn fill(store: &Stage, server: &Server, client: &bank::Client, last: &Request) {
    // What waits now would find it first.
    client.call_durable(&Request::Look).await.expect("an answer");
    store.set(Mood::Full);
    client.call(last).await.expect("nobody knows yet");
    until("the server notices", || server.journal().refusing.is_some()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_what_changes_the_world_and_loses_nothing() {
    let store = Stage::new();
    let (server, _well) = serve(&store);
    let (ann, _ann_hears) = join(server.address(), "ann").await;
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    fill(&store, &server, &ann, &gift()).await;

    let refused = ann.call(&gift()).await.expect_err("the disk is full");
    assert!(refused.to_string().contains("no space is left"), "{refused}");
    let rejected = try_join(server.address(), "carol").await;
    let Err(ConnectError::Rejected { code, reason }) = rejected else { panic!("{rejected:?}") };
    assert_eq!(code, RejectCode::Busy, "it may pass");
    assert!(reason.contains("no space is left"), "{reason}");
    let account = |gold| Event::Account { gold, joined: 1, left: 0 };
    assert_eq!(ask(&bob, Request::Look).await, account(101), "looking goes on");
    let waits = tokio::spawn({
        let bob = bob.clone();
        async move { bob.call_durable(&Request::Look).await }
    });
    until("the same batch is tried again and again", || store.refused().len() >= 3).await;
    assert!(!waits.is_finished(), "what it tells of is not on disk");

    store.set(Mood::Well);
    let told = waits.await.expect("a call").expect("an answer");
    assert_eq!(told, Some(account(101)));
    until("the server takes changes again", || server.journal().refusing.is_none()).await;
    ann.call(&gift()).await.expect("there is room again");
    ann.call_durable(&gift()).await.expect("there is room again");
    let refused = store.refused();
    assert!(refused.iter().all(|batch| *batch == refused[0]), "not the same: {refused:?}");
    assert!(store.kept().contains(&refused[0]), "what was acknowledged is there");
    server.stop().expect("a clean end");

    let (server, _well) = serve(&store);
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    assert_eq!(ask(&bob, Request::Look).await, Event::Account { gold: 103, joined: 2, left: 1 });
    server.stop().expect("a clean end");
}

/// Bob and carol are in memory, since they have joined; ann's account, and the book, are not.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused_and_all_else_goes_on() {
    let store = Stage::new();
    let (server, _well) = serve(&store);
    for name in ["ann", "bob", "carol"] {
        join(server.address(), name).await.0.close().await;
    }
    server.stop().expect("a clean end");

    let (server, _well) = serve(&store);
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    let (carol, _carol_hears) = join(server.address(), "carol").await;
    // What is kept about all tasks is in memory then.
    bob.call(&Request::Enter { entry: 8, after_ms: 3_600_000 }).await.expect("scheduled");
    store.set(Mood::Unreadable);
    let refused = bob.call(&Request::Give { to: "ann".to_owned(), gold: 1 }).await;
    let refused = refused.expect_err("nobody knows what she has").to_string();
    assert!(refused.contains("the disk cannot be read"), "{refused}");
    let rejected = try_join(server.address(), "ann").await;
    let Err(ConnectError::Rejected { code, reason }) = rejected else { panic!("{rejected:?}") };
    assert_eq!(code, RejectCode::Busy, "it may pass");
    assert!(reason.contains("the disk cannot be read"), "{reason}");
    bob.call(&Request::Enter { entry: 7, after_ms: 0 }).await.expect("scheduled");
    for _ in 0..50 {
        bob.call_durable(&Request::Give { to: "carol".to_owned(), gold: 1 }).await.expect("given");
    }
    let account = |gold| Event::Account { gold, joined: 2, left: 1 };
    assert_eq!(ask(&carol, Request::Look).await, account(150));

    store.set(Mood::Well);
    until_entered(&bob, 7).await;
    bob.call(&Request::Give { to: "ann".to_owned(), gold: 1 }).await.expect("she is there");
    let (ann, _ann_hears) = join(server.address(), "ann").await;
    assert_eq!(ask(&ann, Request::Look).await, account(101), "the refused ones did nothing");
    server.stop().expect("a clean end");
}

/// Waits until there is just this entry in the book.
async fn until_entered(client: &bank::Client, entry: u32) {
    let waiting = async {
        while entries_of(client).await.is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("the task runs");
    assert_eq!(entries_of(client).await, [entry]);
}

/// Ann leaves while the disk is full, and there is room again: her account, when she is back; `None` if her name is not free
/// when the server has taken bob's changes again.
async fn leave_while_full(parked_is_lost: bool) -> Option<Event> {
    let store = Stage::new();
    let (server, _well) = serve_broken(&store, parked_is_lost);
    let (ann, ann_hears) = join(server.address(), "ann").await;
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    fill(&store, &server, &bob, &note()).await;
    ann.close().await;
    drop(ann_hears);
    // Her name is free when she has left, and she cannot have, yet.
    let refused = store.refused().len();
    until("some time passes", || store.refused().len() >= refused + 2).await;
    let rejected = try_join(server.address(), "ann").await.expect_err("she is still there");
    if !parked_is_lost {
        assert!(rejected.to_string().contains("is here already"), "{rejected}");
    }
    store.set(Mood::Well);
    until("the server takes changes again", || server.journal().refusing.is_none()).await;
    for _ in 0..TRIES {
        bob.call_durable(&Request::Look).await.expect("an answer");
        if let Ok((ann, _ann_hears)) = try_join(server.address(), "ann").await {
            return Some(ask(&ann, Request::Look).await);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_the_disk_is_full_has_left_once() {
    let once = Event::Account { gold: 100, joined: 2, left: 1 };
    assert_eq!(leave_while_full(false).await, Some(once));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leave_that_is_forgotten_is_caught() {
    // Her name is free, since what was forgotten held it, but nobody was told that she left.
    let not_once = Event::Account { gold: 100, joined: 2, left: 0 };
    assert_eq!(leave_while_full(true).await, Some(not_once));
}

/// Five tasks are due while the disk is full; what is in the book some time after there is room again, and after another start.
async fn due_while_full(parked_is_lost: bool) -> (Vec<u32>, Vec<u32>) {
    let store = Stage::new();
    let (server, _well) = serve_broken(&store, parked_is_lost);
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    for entry in 0..5 {
        bob.call(&Request::Enter { entry, after_ms: 300 }).await.expect("scheduled");
    }
    fill(&store, &server, &bob, &note()).await;
    let refused = store.refused().len();
    until("the tasks have been due", || store.refused().len() >= refused + 4).await;
    store.set(Mood::Well);
    until("the server takes changes again", || server.journal().refusing.is_none()).await;
    let mut entries = Vec::new();
    for _ in 0..TRIES {
        bob.call_durable(&Request::Look).await.expect("an answer");
        entries = entries_of(&bob).await;
        if entries.len() >= 6 {
            break;
        }
    }
    server.stop().expect("a clean end");
    (entries, entries_after_restart(&store).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_due_while_the_disk_is_full_runs_once() {
    let all = vec![0, 1, 2, 3, 4, 9];
    assert_eq!(due_while_full(false).await, (all.clone(), all), "and none runs at the next start");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_task_that_is_forgotten_is_caught() {
    let (entries, _) = due_while_full(true).await;
    assert_eq!(entries, [9], "the break was not seen");
}

/// A task fails while the disk is full, so that it cannot be set aside; why it has been, some time after there is room again.
async fn set_aside_while_full(parked_is_lost: bool) -> Option<String> {
    let store = Stage::new();
    let (server, _well) = serve_broken(&store, parked_is_lost);
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    bob.call(&Request::FailLater { after_ms: 300 }).await.expect("scheduled");
    fill(&store, &server, &bob, &note()).await;
    let refused = store.refused().len();
    until("the task has been due", || store.refused().len() >= refused + 4).await;
    assert_eq!(set_aside(&store), None, "nothing can be written");
    store.set(Mood::Well);
    until("the server takes changes again", || server.journal().refusing.is_none()).await;
    for _ in 0..TRIES {
        bob.call_durable(&Request::Look).await.expect("an answer");
    }
    server.stop().expect("a clean end");
    set_aside(&store)
}

/// Why the only task in the store has been set aside.
fn set_aside(store: &Stage) -> Option<String> {
    let mut reasons = Vec::new();
    let scanned = store.scan(Space::Task.first(), Space::Task.last(), &mut |_, task| {
        let (_, task) = task.expect("a record");
        reasons.push(task.to_json()["trouble"]["cause"].as_str().map(str::to_owned));
    });
    scanned.expect("a store that can be read");
    assert_eq!(reasons.len(), 1);
    reasons.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_fails_while_the_disk_is_full_is_set_aside_afterwards() {
    let reason = set_aside_while_full(false).await;
    assert!(reason.as_ref().is_some_and(|why| why.contains("always fails")), "{reason:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_task_that_is_forgotten_is_caught() {
    assert_eq!(set_aside_while_full(true).await, None, "the break was not seen");
}

/// What is in the book after another start.
async fn entries_after_restart(store: &Arc<Stage>) -> Vec<u32> {
    let (server, _well) = serve(store);
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    let entries = entries_of(&bob).await;
    server.stop().expect("a clean end");
    entries
}

/// What is in the book.
async fn entries_of(client: &bank::Client) -> Vec<u32> {
    let Event::Entries(mut entries) = ask(client, Request::Entries).await else {
        panic!("no entries")
    };
    entries.sort_unstable();
    entries
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_on_a_full_disk_says_so_and_ends() {
    let store = Stage::new();
    let (server, _well) = serve(&store);
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    fill(&store, &server, &bob, &note()).await;
    let stopped = tokio::task::spawn_blocking(move || server.stop()).await.expect("it ends");
    let cause = stopped.expect_err("not all could be written");
    assert!(cause.to_string().contains("no space is left"), "{cause}");

    store.set(Mood::Well);
    let (server, _well) = serve(&store);
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    assert!(entries_of(&bob).await.is_empty(), "the note was lost, as was said");
    let seen = ask(&bob, Request::Look).await;
    assert_eq!(seen, Event::Account { gold: 100, joined: 2, left: 1 });
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_slows_the_game_down() {
    const WAITING_MAX: usize = 40;
    let store = Stage::new();
    let journal = JournalLimits { waiting_objects_max: WAITING_MAX, ..JournalLimits::default() };
    let builder = Server::builder(Bank).store(store.clone()).workers(2).journal(journal);
    let server = builder.start().expect("a server");
    let _well = store.well_at_last();
    let (ann, _ann_hears) = join(server.address(), "ann").await;
    let (_bob, _bob_hears) = join(server.address(), "bob").await;
    ann.call_durable(&Request::Look).await.expect("an answer");
    assert_eq!(server.journal().commits_waiting, 0);
    store.set(Mood::Waiting);
    let mut gifts = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let ann = ann.clone();
        gifts.spawn(async move { ann.call(&gift()).await });
    }
    // Two accounts change in each, so half as many may wait, beside those that are being written.
    until("too many wait", || server.journal().commits_waiting >= WAITING_MAX as u64 / 2).await;
    until("the oldest gets older", || server.journal().oldest_ms > 100.0).await;
    let status = server.journal();
    assert!(status.commits_waiting <= WAITING_MAX as u64 + 4, "no end to it: {status:?}");
    assert!(status.bytes_waiting > 0 && status.last_durable < status.last_committed);
    store.set(Mood::Well);
    while let Some(given) = gifts.join_next().await {
        given.expect("a call").expect("a gift, late as it is");
    }
    ann.call_durable(&Request::Look).await.expect("an answer");
    let after = server.journal();
    assert!(after.last_durable > status.last_committed && after.epochs > status.epochs);
    assert!(
        after.changes > after.objects_written,
        "ann's account was written less often than changed"
    );
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_far_the_disk_is_behind_is_shown_as_metrics() {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder();
    let metrics = metrics.expect("the only recorder of this program");
    let store = Stage::new();
    let (server, _well) = serve(&store);
    let (bob, _bob_hears) = join(server.address(), "bob").await;
    bob.call_durable(&note()).await.expect("noted");
    fill(&store, &server, &bob, &note()).await;
    for name in [
        "daystar_journal_commits_waiting",
        "daystar_journal_bytes_waiting",
        "daystar_journal_lag_seconds",
        "daystar_journal_last_committed",
        "daystar_journal_last_durable",
        "daystar_journal_epochs_total",
        "daystar_journal_changes_total",
        "daystar_journal_objects_written_total",
        "daystar_journal_bytes_written_total",
        "daystar_journal_refusals_total",
        "daystar_journal_write_seconds_count",
    ] {
        let is_positive = || {
            let shown = metrics.render();
            let value = shown.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            value.is_some_and(|value: f64| value > 0.0)
        };
        until(name, is_positive).await;
    }
    for name in ["daystar_store_journal_bytes 0", "daystar_store_checkpoints_failing 0"] {
        until(name, || metrics.render().lines().any(|line| line == name)).await;
    }
    server.stop().expect_err("the disk is still full");
}

/// How often is looked for what happens by itself once there is room again. It waits in a queue already, so the first look nearly
/// always finds it.
const TRIES: usize = 200;
