//! A server that is killed again and again while clients play. With `durable`, everything that a client was told is still true
//! afterwards; with `committed`, the game's rules hold at least. Everybody comes back, and the ledger finds what is made to differ.
//!
//! In full: `client-sim demo --clients 500 --duration 10m --crash-every 20s`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use client_sim::crash::arguments::Level;
use client_sim::crash::separate::{House, Played};
use client_sim::plan::{Class, Login, PATIENCE, Plan};
use client_sim::progress::Progress;
use client_sim::tideland;
use daystar_client::builder::Trust;
use sample_game::Tideland;

const PROGRAM: &str = env!("CARGO_BIN_EXE_client-sim");

const CLIENTS: u32 = 20;

const CRASHES: usize = 3;

/// Half of them give things away all the time.
fn plan(server: SocketAddr, trust: Trust) -> Plan {
    let class = |behaviour: &str| Class { rate: 10.0, ..Class::new(behaviour, CLIENTS / 2) };
    Plan {
        server,
        trust,
        login: Login::Name,
        duration: Duration::from_secs(5),
        seed: 3,
        patience: PATIENCE,
        ramp: None,
        server_may_crash: true,
        processes: 1,
        classes: vec![class("wanderer"), class("trader")],
    }
}

fn play(program: impl Into<PathBuf>, folder: &Path, level: Level, crashes: usize) -> Played {
    let house = House {
        program: program.into(),
        data: folder.to_owned(),
        crash_every: Some(Duration::from_millis(1500)),
        crashes_min: crashes,
        level,
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let cast = tideland::cast();
    runtime
        .block_on(house.play(|server, trust| Ok(plan(server, trust)), &cast, &mut Progress::Silent))
        .expect("a run")
}

fn assert_world_is_in_order(folder: &Path) {
    let verified = daystar::verify(&Tideland::default(), folder).expect("a world");
    assert_eq!(verified.problems, Vec::<String>::new());
}

#[test]
fn what_clients_were_told_survives_crashes() {
    let folder = tempfile::tempdir().expect("a folder");
    let played = play(PROGRAM, folder.path(), Level::Durable, CRASHES);
    assert_eq!(played.outcome.failures(&Default::default()), Vec::<String>::new());
    assert!(played.crashes.len() >= CRASHES, "{}", played.show());
    for crash in &played.crashes {
        assert_eq!(crash.audit.accounts, CLIENTS as usize);
    }
    // Everybody comes back after each crash, and compares in the end.
    let back = u64::from(CLIENTS) * played.crashes.len() as u64;
    assert_eq!(played.outcome.counts.reconnects, back);
    assert_eq!(played.outcome.settled, CLIENTS);
    assert!(played.outcome.counts.requests() > 0);
    assert_world_is_in_order(folder.path());
}

#[test]
fn a_server_that_promises_less_still_keeps_its_rules() {
    let folder = tempfile::tempdir().expect("a folder");
    let played = play(PROGRAM, folder.path(), Level::Committed, CRASHES);
    // What was told last may be taken back; that is no failure, but nothing else may differ.
    assert_eq!(played.outcome.failures(&Default::default()), Vec::<String>::new());
    assert!(played.crashes.len() >= CRASHES, "{}", played.show());
    assert_world_is_in_order(folder.path());
}

#[cfg(unix)]
#[test]
fn a_server_that_forgets_is_found_out() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().expect("a folder");
    let forgetful = folder.path().join("forgetful");
    // `serve --data FOLDER ...`: the world is gone whenever a server starts.
    let script = format!("#!/bin/sh\nrm -rf \"$3\"\nexec \"{PROGRAM}\" \"$@\"\n");
    std::fs::write(&forgetful, script).expect("a script");
    let may_run = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&forgetful, may_run).expect("may run");
    let played = play(forgetful, &folder.path().join("world"), Level::Durable, 1);
    let problems = &played.outcome.problems;
    assert!(problems.iter().any(|what| what.starts_with("after crash 1: ")), "{problems:?}");
    assert!(problems.iter().any(|what| what.contains("was told of shell #")), "{problems:?}");
}
