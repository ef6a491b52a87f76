//! Hostile clients, in short: each attack on a server of its own, until the server has counted it, while a few honest clients come, play
//! and go. They must meet no error, the server's memory must stay bounded, and the attackers must get nothing that they may not.
//!
//! How much slower it gets for the honest ones is only printed here, where other tests run on the same machine; and that who does not read
//! is dropped after half a minute is not waited for. `client-sim hostile` does the same with more of them and for longer, and fails for
//! those too.

use std::time::Duration;

use client_sim::hostile::arguments::HostileArgs;
use client_sim::hostile::attack::Attack;
use client_sim::hostile::contest;

fn withstand(attack: Attack) {
    let args = HostileArgs {
        clients: 10,
        duration: Duration::from_secs(1),
        attacks: vec![attack],
        seed: 5,
        p99_is_only_shown: true,
        program: Some(env!("CARGO_BIN_EXE_client-sim").into()),
    };
    let failures = contest::hold(&args).expect("a contest");
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn garbage() {
    withstand(Attack::Garbage);
}

#[test]
fn datagrams() {
    withstand(Attack::Datagrams);
}

#[test]
fn half_open_handshakes() {
    withstand(Attack::HalfOpen);
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
    withstand(Attack::HugeLengths);
}

#[test]
fn stolen_secrets() {
    withstand(Attack::StolenSecrets);
}

#[test]
fn logins() {
    withstand(Attack::Logins);
}

#[test]
fn passwords() {
    withstand(Attack::Passwords);
}
