//! P5, the level `committed`: `kill -9` in the middle of gifts between accounts leaves a world that was so at one
//! moment: all gold is there, in accounts that can be read, and the next run goes on from it.

mod bank;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use bank::{Bank, Event, OPENING_GOLD, Request, Victim, ask, be_victim, join_again};

/// Not a test: the server of the test below, when it runs in a process of its own.
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
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            clients.push(join_again(server.address, &format!("client {number}")).await);
        }
        let total = ask(&clients[0].0, Request::Total).await;
        assert_eq!(total, Event::Total(CLIENTS as u64 * OPENING_GOLD), "in round {round}");
        let given = Arc::new(AtomicU64::new(0));
        let mut giving = JoinSet::new();
        for (number, (client, events)) in clients.into_iter().enumerate() {
            let given = Arc::clone(&given);
            giving.spawn(async move {
                let _events = events;
                let to = format!("client {}", (number + 1) % CLIENTS);
                loop {
                    if client.call(&Request::Give { to: to.clone(), gold: 1 }).await.is_ok() {
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
