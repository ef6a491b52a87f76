//! Hostile clients, in short: each attack for a moment, while honest clients come, play and go. Each must do something, and
//! be answered as it deserves, and the honest ones must not notice.
//!
//! In full, with their latencies and the server's memory: `client-sim hostile`.

use std::sync::Arc;
use std::time::Duration;

use client_sim::crowd::run;
use client_sim::hostile::attack::Attack;
use client_sim::hostile::contest::{self, HOSTILE_ADDRESS};
use client_sim::hostile::toll::Toll;
use client_sim::mix::Overrides;
use client_sim::plan::Plan;
use client_sim::progress::Progress;
use client_sim::stage::Stage;
use client_sim::table;
use client_sim::tideland;
use daystar::Server;
use daystar_client::builder::Trust;
use sample_game::Tideland;

/// Lets honest clients play while the attack goes on, and gives what the attackers met.
fn withstand(attack: Attack) -> Arc<Toll> {
    let server =
        Server::builder(Tideland::default()).in_memory().start().expect("the server starts");
    let target = contest::tideland(server.address(), HOSTILE_ADDRESS).expect("attackers");
    let toll = Arc::<Toll>::default();
    let overrides = Overrides { clients: Some(10), rate: Some(5.0), ..Overrides::default() };
    let classes = tideland::standard_classes(&overrides).expect("classes");
    let trust = Trust::Fingerprint(server.fingerprint());
    let plan = Plan::new(server.address(), trust, classes);
    let plan = Plan { duration: Duration::from_secs(2), seed: 5, ..plan };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let outcome = runtime.block_on(async {
        let honest = async {
            // They are to come into the middle of it.
            tokio::time::sleep(Duration::from_millis(300)).await;
            let (cast, stage) = (tideland::cast(), Stage::default());
            run(&plan, &cast, &mut Progress::Silent, &stage).await.expect("a run")
        };
        tokio::select! {
            biased;
            outcome = honest => outcome,
            () = attack.run(&target, Duration::from_secs(600), &toll) => panic!("it ended"),
        }
    });
    server.stop().expect("a clean end");
    let failures = outcome.failures(&Default::default());
    assert_eq!(failures, Vec::<String>::new(), "{}\n{toll}", table::render(&outcome));
    assert!(toll.attempts() > 0 && toll.successes().is_empty(), "{toll}");
    toll
}

/// Whether the server ended an attempt with these words.
fn was_told(toll: &Toll, words: &str) -> bool {
    toll.ends().keys().any(|end| end.contains(words))
}

#[test]
fn garbage() {
    let toll = withstand(Attack::Garbage);
    assert!(was_told(&toll, "do not exist in this direction"), "{toll}");
}

#[test]
fn half_open_handshakes() {
    let toll = withstand(Attack::HalfOpen);
    assert!(toll.attempts() > 300, "{toll}");
}

#[test]
fn slow_readers() {
    withstand(Attack::SlowReaders);
}

#[test]
fn slow_writers() {
    withstand(Attack::SlowWriters);
}

#[test]
fn a_flood() {
    withstand(Attack::Flood);
}

#[test]
fn huge_lengths() {
    let toll = withstand(Attack::HugeLengths);
    assert!(was_told(&toll, "a frame of N bytes is too long"), "{toll}");
    assert!(was_told(&toll, "a frame of no bytes"), "{toll}");
}

#[test]
fn stolen_secrets() {
    let toll = withstand(Attack::StolenSecrets);
    assert!(was_told(&toll, "the session went on"), "{toll}");
    assert!(was_told(&toll, "the session is over, or was never yours"), "{toll}");
}

#[test]
fn logins() {
    let toll = withstand(Attack::Logins);
    assert!(was_told(&toll, "welcome"), "{toll}");
    assert!(was_told(&toll, "at most N are allowed"), "{toll}");
}
