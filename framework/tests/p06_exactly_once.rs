//! P6: a scheduled task survives restarts, also by `kill -9`, and takes effect exactly once.

mod bank;

use bank::{Bank, Event, Request, Victim, ask, be_victim, join, join_again};
use daystar::Server;

/// Not a test: the server of the tests below, when it runs in a process of its own.
#[test]
fn victim() {
    be_victim();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_scheduled_before_a_restart_runs_once_after_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::builder(Bank).data(folder.path()).start().expect("a server");
    let (ann, _events) = join(server.address(), "ann").await;
    for entry in 0..20 {
        let after_ms = if entry % 2 == 0 { 0 } else { 3_600_000 };
        ann.call(&Request::Enter { entry, after_ms }).await.expect("scheduled");
    }
    server.stop().expect("a clean end");

    let server = Server::builder(Bank).data(folder.path()).start().expect("a server again");
    let (ann, _events) = join(server.address(), "ann").await;
    let entries = loop {
        let Event::Entries(entries) = ask(&ann, Request::Entries).await else { continue };
        if entries.len() >= 10 {
            break entries;
        }
        tokio::task::yield_now().await;
    };
    let mut sorted = entries.clone();
    sorted.sort_unstable();
    let due: Vec<u32> = (0..20).step_by(2).collect();
    assert_eq!(sorted, due, "each task that was due has run once, and none that was not");
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_task_runs_twice_however_often_the_server_is_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..5 {
        let server = Victim::start(folder.path());
        let (ann, _events) = join_again(server.address, "ann").await;
        for entry in 0..40 {
            let scheduled =
                Request::Enter { entry: round * 40 + entry, after_ms: u64::from(entry) };
            ann.call(&scheduled).await.expect("scheduled");
        }
        assert_no_duplicates(&ann).await;
        server.kill();
    }
    let server = Victim::start(folder.path());
    let (ann, _events) = join_again(server.address, "ann").await;
    assert_no_duplicates(&ann).await;
    server.kill();
    let verified = daystar::verify(&Bank, folder.path()).expect("a world");
    assert_eq!(verified.problems, Vec::<String>::new());
}

async fn assert_no_duplicates(client: &bank::Client) {
    let Event::Entries(entries) = ask(client, Request::Entries).await else { panic!("no entries") };
    let mut unique = entries.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), entries.len(), "an entry was made twice: {entries:?}");
}
