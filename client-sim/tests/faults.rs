//! The soak in short: players on a network that delays, loses, doubles and reorders packets, and is cut now and then. Whatever
//! it does, the ledger balances, and every session is heard and told in order, nothing lost and nothing twice.
//!
//! In full: `client-sim demo --clients 500 --duration 10m --delay 20ms --jitter 100ms --loss 5% --duplicate 1% --reorder 5%`,
//! with `--break-every 30s` besides, and with `--partition 2m,45s`, which is longer than a silent connection lives.

use std::time::Duration;

use client_sim::crowd::run;
use client_sim::network::conditions::{Conditions, Partition};
use client_sim::outcome::Outcome;
use client_sim::plan::{Class, PATIENCE, Plan};
use client_sim::progress::Progress;
use client_sim::stage::Stage;
use client_sim::table;
use client_sim::tideland;
use daystar::{Breaks, Server};
use daystar_client::builder::Trust;
use sample_game::Tideland;

fn bad() -> Conditions {
    Conditions {
        delay: Duration::from_millis(10),
        jitter: Duration::from_millis(50),
        loss: 0.05,
        duplicate: 0.02,
        reorder: 0.05,
        ..Conditions::default()
    }
}

/// Forty players, three in four of them wanderers on the first network, the others traders on the second.
fn play(networks: [Conditions; 2], break_every: Option<Duration>, breaks: Breaks) -> Outcome {
    let is_broken = breaks.received_is_ignored || breaks.retained_is_forgotten;
    let server = Server::builder(Tideland::default()).in_memory().broken(breaks);
    let server = server.start().expect("the server starts");
    let class = |behaviour, clients, network| Class {
        rate: 5.0,
        break_every,
        network: Some(network),
        ..Class::new(behaviour, clients)
    };
    let [wanderers, traders] = networks;
    let classes = vec![class("wanderer", 30, wanderers), class("trader", 10, traders)];
    let trust = Trust::Fingerprint(server.fingerprint());
    let plan = Plan {
        duration: Duration::from_secs(5),
        seed: 11,
        // Who waits for an answer that was forgotten waits so long.
        patience: if is_broken { Duration::from_secs(3) } else { PATIENCE },
        ..Plan::new(server.address(), trust, classes)
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (cast, stage) = (tideland::cast(), Stage::default());
    let outcome = runtime.block_on(run(&plan, &cast, &mut Progress::Silent, &stage));
    server.stop().expect("a clean end");
    outcome.expect("a run")
}

#[test]
fn the_ledger_balances_and_order_holds_on_a_bad_network() {
    let outcome = play([bad(), bad()], None, Breaks::default());
    assert_eq!(
        outcome.failures(&Default::default()),
        Vec::<String>::new(),
        "{}",
        table::render(&outcome)
    );
    assert_eq!(outcome.settled, 40);
    let network = outcome.network.expect("a network");
    for way in [network.up, network.down] {
        assert!(way.lost > 0 && way.duplicated > 0 && way.strayed > 0, "{way:?}");
    }
}

#[test]
fn short_cuts_of_the_network_are_lived_through() {
    let partition =
        Partition { every: Duration::from_secs(3), lasting: Duration::from_millis(700) };
    let cut = Conditions { partition: Some(partition), ..bad() };
    let outcome = play([Conditions::default(), cut], None, Breaks::default());
    assert_eq!(
        outcome.failures(&Default::default()),
        Vec::<String>::new(),
        "{}",
        table::render(&outcome)
    );
    let network = outcome.network.expect("a network");
    assert!(network.up.cut > 0 && network.down.cut > 0, "{network:?}");
}

/// Often enough for each session to go on over a handful of connections.
const BREAK_EVERY: Duration = Duration::from_millis(1500);

#[test]
fn sessions_go_on_over_other_connections_with_nothing_lost_or_twice() {
    let outcome = play([bad(), bad()], Some(BREAK_EVERY), Breaks::default());
    assert_eq!(
        outcome.failures(&Default::default()),
        Vec::<String>::new(),
        "{}",
        table::render(&outcome)
    );
    assert!(outcome.counts.resumed > 20, "{}", table::render(&outcome));
}

#[test]
fn a_server_that_sends_twice_or_forgets_is_found_out() {
    for is_forgetful in [false, true] {
        let breaks = Breaks {
            received_is_ignored: !is_forgetful,
            retained_is_forgotten: is_forgetful,
            ..Breaks::default()
        };
        let outcome = play([bad(), bad()], Some(BREAK_EVERY), breaks);
        assert!(!outcome.failures(&Default::default()).is_empty(), "{}", table::render(&outcome));
    }
}
