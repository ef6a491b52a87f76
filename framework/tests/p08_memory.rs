//! P8: a server with hardly any memory for its world serves it all the same, from its folder: what a client is told is what
//! one with enough would be told.

mod bank;

use bank::{Bank, Event, OPENING_GOLD, Request, ask, join};
use daystar::Server;

const CLIENTS: usize = 8;
const GIFTS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_world_larger_than_memory_is_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::builder(Bank).data(folder.path()).memory(1).start().expect("a server");
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        clients.push(join(server.address(), &format!("client {number}")).await);
    }
    for gift in 0..GIFTS {
        let to = format!("client {}", (gift + 1) % CLIENTS);
        let (client, _events) = &clients[gift % CLIENTS];
        client.call(&Request::Give { to, gold: 1 }).await.expect("the gift is made");
        let total = ask(client, Request::Total).await;
        assert_eq!(total, Event::Total(CLIENTS as u64 * OPENING_GOLD), "after gift {gift}");
    }
    let counts = server.counts();
    assert!(counts.evictions > 0 && counts.loads > 0, "everything stayed in memory: {counts:?}");
    drop(clients);
    server.stop().expect("everything is written");
    let verified = daystar::verify(&Bank, folder.path()).expect("a world");
    assert_eq!(verified.problems, Vec::<String>::new());
}
