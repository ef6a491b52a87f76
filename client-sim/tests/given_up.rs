//! A client that comes back over so slow a network that it gives an attempt up when the server has already let its session go on
//! there: giving up must not say goodbye, and the next attempt finds the session alive.

use std::time::Duration;

use client_sim::network::conditions::Conditions;
use client_sim::network::relay::Relay;
use daystar::Server;
use daystar_client::{Client, ConnectionState, Trust};
use sample_game::Tideland;
use sample_game::messages::{Event, Request};
use tokio::time::{sleep, timeout};

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_is_given_up_does_not_end_the_session() {
    let server =
        Server::builder(Tideland::default()).in_memory().start().expect("the server starts");
    let relay = Relay::start(server.address(), Conditions::default(), 1).expect("a relay");
    let builder = Client::<Request, Event>::builder(relay.address()).game("tideland").name("ann");
    let trust = Trust::Fingerprint(server.fingerprint());
    let (client, _events) = builder.trust(trust).connect().await.expect("joined");

    // The greeting reaches the server behind three trips, 4.2 s; its answer would reach the client behind four, 5.6 s; the
    // client waits for 5 s.
    relay.set(Conditions { delay: Duration::from_millis(1400), ..Conditions::default() });
    client.break_connection();
    // Until what the client says when it gives up has come, too.
    sleep(Duration::from_millis(7500)).await;
    relay.set(Conditions::default());
    let answer =
        timeout(Duration::from_secs(20), client.call(&Request::Me)).await.expect("in time");
    assert!(matches!(answer, Ok(Some(Event::You { .. }))), "{answer:?}");
    assert_eq!(*client.state().borrow(), ConnectionState::Resumed);
    // Its runtime must not be waited for inside another one.
    tokio::task::spawn_blocking(move || server.stop())
        .await
        .expect("no panic")
        .expect("a clean end");
}
