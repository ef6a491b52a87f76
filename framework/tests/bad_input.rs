//! What strangers and mistakes can do: each gets a clear error on its side, and nobody else is disturbed.

mod bank;

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use bank::{Bank, Client, Event, OPENING_GOLD, Request, ask, join, next_event, serve, try_join};
use daystar::prelude::*;
use daystar::{ServeError, Server};
use daystar_client::{CallError, Client as AnyClient, ConnectError, Disconnected, Incoming, Trust};

/// Whether a client that minds its own business is served as ever.
async fn assert_undisturbed(bystander: &Client) {
    let own = ask(bystander, Request::Look).await;
    assert_eq!(own, Event::Account { gold: OPENING_GOLD, joined: 1, left: 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_twice() {
    let server = serve();
    let (ann, _events) = join(server.address(), "ann").await;
    match try_join(server.address(), "ann").await {
        Err(ConnectError::Rejected { reason, .. }) => {
            assert!(reason.contains("someone called `ann` is here already"), "told: {reason}");
        }
        other => panic!("the second ann: {:?}", other.map(|_| "was let in")),
    }
    assert_undisturbed(&ann).await;
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_the_game_refuses() {
    let server = serve();
    let (ann, _events) = join(server.address(), "ann").await;
    for _ in 0..3 {
        // Each time for the game's reason: so the name was given back each time.
        match try_join(server.address(), "robber").await {
            Err(ConnectError::Rejected { reason, .. }) => {
                assert_eq!(reason, "robbers stay outside")
            }
            other => panic!("the robber: {:?}", other.map(|_| "was let in")),
        }
    }
    assert_undisturbed(&ann).await;
    server.stop().expect("a clean end");
}

/// What a client of another version might send.
#[message]
struct Newer(Vec<u8>);

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_request() {
    let server = serve();
    let (ann, _events) = join(server.address(), "ann").await;
    let builder = AnyClient::<Newer, Event>::builder(server.address());
    let builder = builder.game(Bank::NAME).name("newer").trust(Trust::Anyone);
    let (newer, mut newer_hears) = builder.connect().await.expect("joined");
    let garbage = Newer(vec![0xff; 40]);
    match newer.call(&garbage).await {
        Err(CallError::Refused(reason)) => {
            assert!(reason.contains("Request"), "told: {reason}");
        }
        other => panic!("an unknown request: {other:?}"),
    }
    newer.send(&garbage).await.expect("sent");
    match newer_hears.next().await {
        Some(Incoming::Refused(reason)) => assert!(reason.contains("Request"), "told: {reason}"),
        other => panic!("an unknown request: {other:?}"),
    }
    assert_undisturbed(&ann).await;
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_game() {
    let server = serve();
    let builder = Client::builder(server.address()).game("chess").name("ann");
    match builder.trust(Trust::Anyone).connect().await {
        Err(ConnectError::Rejected { reason, .. }) => {
            assert!(reason.contains("bank") && reason.contains("chess"), "told: {reason}");
        }
        other => panic!("a chess player: {:?}", other.map(|_| "was let in")),
    }
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_reads() {
    let server = serve();
    let (ann, mut ann_hears) = join(server.address(), "ann").await;
    let builder = Client::builder(server.address()).game(Bank::NAME).name("deaf");
    let builder = builder.trust(Trust::Anyone).waiting_events_bytes_max(usize::MAX);
    let (deaf, deaf_hears) = builder.connect().await.expect("joined");
    // More than the outbox holds, in one commit.
    deaf.send(&Request::Flood { messages: 100, bytes: 100_000 }).await.expect("sent");
    drop(deaf_hears);
    let dropped = loop {
        if let Err(CallError::Disconnected(why)) = deaf.call(&Request::Look).await {
            break why;
        }
    };
    // A close is one packet, which a client that is behind with reading may lose: then it learns only that
    // the server does not know it any more.
    assert!(matches!(dropped, Disconnected::TooSlow(_) | Disconnected::Lost(_)), "{dropped:?}");
    ann.send(&Request::Say(1)).await.expect("sent");
    assert_eq!(next_event(&mut ann_hears).await, Event::Said { who: "ann".to_owned(), number: 1 });
    assert_undisturbed(&ann).await;
    server.stop().expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_too_long() {
    let server = serve();
    let (ann, _events) = join(server.address(), "ann").await;
    // The client's own limit is lifted, so that the server's is met.
    let builder = Client::builder(server.address()).game(Bank::NAME).name("long");
    let builder = builder.trust(Trust::Anyone).request_bytes_max(usize::MAX);
    let (long, _long_events) = builder.connect().await.expect("joined");
    let to = "x".repeat(100 * 1024 * 1024);
    match long.call(&Request::Give { to, gold: 1 }).await {
        Err(CallError::Disconnected(Disconnected::Violation(reason))) => {
            assert!(reason.contains("bytes"), "told: {reason}");
        }
        other => panic!("a hundred megabytes: {other:?}"),
    }
    assert_undisturbed(&ann).await;
    server.stop().expect("a clean end");
}

#[test]
fn a_port_in_use() {
    let server = serve();
    match Server::builder(Bank).in_memory().listen(server.address()).start() {
        Err(cause @ ServeError::Listen { .. }) => {
            let told = cause.to_string();
            assert!(told.contains(&server.address().to_string()), "told: {told}");
            assert!(told.contains("already in use"), "told: {told}");
        }
        other => panic!("a second server: {:?}", other.map(|_| "listens")),
    }
    server.stop().expect("a clean end");
}

#[test]
fn a_data_folder_of_something_else() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("holiday.txt"), "sun").expect("a file");
    let cause = start_error(folder.path());
    assert!(cause.contains("not a Daystar world"), "told: {cause}");
    let kept =
        fs::read_to_string(folder.path().join("holiday.txt")).expect("the file is still there");
    assert_eq!(kept, "sun");
}

#[test]
fn a_data_folder_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::builder(Bank).data(folder.path()).start().expect("a server");
    let cause = start_error(folder.path());
    assert!(cause.contains("in use"), "told: {cause}");
    // Another process may look; this one has the world's files open already.
    let cause = daystar::verify(&Bank, folder.path()).expect_err("a world in use").to_string();
    assert!(cause.contains("open in this process already"), "told: {cause}");
    server.stop().expect("a clean end");
}

#[test]
fn a_world_that_is_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let cause = daystar::verify(&Bank, &folder.path().join("none")).expect_err("no world");
    assert!(cause.to_string().contains("no Daystar world"), "told: {cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens() {
    let nobody: SocketAddr = "127.0.0.1:9".parse().expect("an address");
    let builder = Client::builder(nobody).game(Bank::NAME).name("ann").trust(Trust::Anyone);
    let joined = builder.connect_timeout(Duration::from_millis(300)).connect().await;
    assert!(matches!(joined, Err(ConnectError::TimedOut { .. })), "{:?}", joined.err());
}

fn start_error(data: &std::path::Path) -> String {
    match Server::builder(Bank).data(data).start() {
        Err(cause) => cause.to_string(),
        Ok(_) => panic!("a server on {}", data.display()),
    }
}

/// A message that contains itself.
#[message]
#[derive(PartialEq, Eq)]
enum Nest {
    Empty,
    Within(Box<Nest>),
}

/// Each level takes a piece of the stack, and a stack that is used up ends the whole process.
#[test]
fn a_message_that_is_nested_without_end_is_refused() {
    let bytes = |depth: usize| [vec![1; depth], vec![0]].concat();
    let read = |depth| daystar_protocol::message::decode_message::<Nest>(&bytes(depth));
    assert!(read(60_000).is_err());
    let mut nest = read(100).expect("a hundred levels are few");
    let mut depth = 0;
    while let Nest::Within(inner) = nest {
        (nest, depth) = (*inner, depth + 1);
    }
    assert_eq!(depth, 100);
    // It is forgotten how deep that was.
    assert!(read(60_000).is_err() && read(100).is_ok());

    // And what would be refused is not made.
    let made = |depth| (0..depth).fold(Nest::Empty, |inner, _| Nest::Within(Box::new(inner)));
    let written = |depth| daystar_protocol::message::encode_message(&made(depth));
    // As many as the texts of both refusals say.
    assert!(written(128).is_ok() && read(128).is_ok());
    assert!(written(129).is_err() && read(129).is_err());
}
