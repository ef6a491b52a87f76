//! P2: clients of a bank give, look, talk, fail and schedule, all at once. Running the committed tasks again, one
//! after the other on one thread, comes to the same objects and the same messages, bit for bit. A record in which one
//! task is missing does not.

mod bank;
mod oracle;

use std::sync::Arc;

use bank::{Bank, Client, Event, OPENING_GOLD, Request, ask, join};
use daystar::Server;
use daystar_engine::{History, Recorded, rerun};
use daystar_store::MemoryStore;
use tokio::task::JoinSet;

const CLIENTS: u32 = 6;
const ROUNDS: u32 = 60;

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_bank_comes_to_the_same_one_task_at_a_time() {
    let history = Arc::new(History::default());
    let server = busy_bank(&history).await;
    oracle::stop_and_compare(server, &history);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_without_one_of_its_tasks_is_caught() {
    let history = Arc::new(History::default());
    let server = busy_bank(&history).await;
    let (engine, mut records) = oracle::stop(server, &history);
    let gift = records.iter().position(is_gift).expect("somebody gave something");
    let gift = records.remove(gift);
    let compared = rerun(&engine, &records, Arc::new(MemoryStore::new()));
    let difference = compared.expect_err("a missing task");
    // One that left nothing has the number of the commit that it saw, which may be this one's.
    assert!(difference.number >= gift.number, "{difference}");
}

/// A request that changes two objects: giver and taker.
fn is_gift(recorded: &Recorded) -> bool {
    recorded.job.kind() == "received" && recorded.changes.len() == 2
}

/// A bank that many clients have used at once, and in which the gold was all there whenever someone looked.
async fn busy_bank(history: &Arc<History>) -> Server {
    let builder = Server::builder(Bank).in_memory().workers(4).recorder(history.clone());
    let server = builder.start().expect("a server in memory");
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        clients.push(join(server.address(), &format!("client {number}")).await);
    }
    let mut busy = JoinSet::new();
    for (number, (client, events)) in (0..).zip(clients) {
        busy.spawn(async move {
            let _events = events;
            for round in 0..ROUNDS {
                do_something(&client, number, round).await;
            }
        });
    }
    while let Some(done) = busy.join_next().await {
        done.expect("a client");
    }
    server
}

/// One request of each kind in turn; of neighbours, each another.
async fn do_something(client: &Client, number: u32, round: u32) {
    match (number + round) % 6 {
        0..=2 => {
            let to = format!("client {}", (number + 1 + round % 3) % CLIENTS);
            // May be refused, for want of gold or because one does not give to oneself; that is recorded too.
            let _ = client.call(&Request::Give { to, gold: u64::from(7 + round) }).await;
        }
        3 => {
            let all = Event::Total(u64::from(CLIENTS) * OPENING_GOLD);
            assert_eq!(ask(client, Request::Total).await, all);
        }
        4 => {
            let entry = number * ROUNDS + round;
            client.call(&Request::Enter { entry, after_ms: 0 }).await.expect("scheduled");
            client.send(&Request::Say(round)).await.expect("sent");
        }
        _ if round.is_multiple_of(2) => {
            client.send(&Request::FailLater { after_ms: 0 }).await.expect("sent")
        }
        _ if round < 6 => {
            client.call(&Request::DoAllThenPanic).await.expect_err("it panics");
        }
        _ => {
            client.call(&Request::DoAllThenFail).await.expect_err("it fails");
        }
    }
}
