//! Clients spread over processes: one run, one ledger, one report, whichever process a client is in.

use std::process::{Command, Stdio};

use daystar::Server;
use sample_game::Tideland;
use serde_json::Value;

const MIX: &str = "
[[class]]
behaviour = \"wanderer\"
clients = 20

[[class]]
name = \"far\"
behaviour = \"trader\"
clients = 13
delay = \"5ms\"
";

#[test]
fn two_processes_make_one_report() {
    let server = Server::builder(Tideland::default()).in_memory().start().expect("a server");
    let folder = tempfile::tempdir().expect("a folder");
    let [mix, json, html] =
        ["mix.toml", "report.json", "report.html"].map(|name| folder.path().join(name));
    std::fs::write(&mix, MIX).expect("a mix");
    let output = Command::new(env!("CARGO_BIN_EXE_client-sim"))
        .args(["run", "--server", &server.address().to_string()])
        .args(["--fingerprint", &server.fingerprint().to_string()])
        .args(["--processes", "2", "--duration", "3s", "--rate", "5"])
        .args(["--require", "connected=33,errors=0,far.requests/s>1,wanderer.requests/s>1"])
        .arg("--mix")
        .arg(&mix)
        .arg("--json")
        .arg(&json)
        .arg("--html")
        .arg(&html)
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}\n{wrong}");
    assert!(told.contains("balanced for 33 clients"), "{told}");

    let report = std::fs::read_to_string(&json).expect("a report");
    let report: Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!((&report["connected"], &report["settled"]), (&33.into(), &33.into()));
    assert_eq!(report["classes"]["far"]["clients"], 13);
    assert!(report["network"]["up"]["packets"].as_u64() > Some(0), "{}", report["network"]);
    let seconds = report["seconds"].as_array().expect("seconds");
    let last = seconds.last().expect("a second");
    assert_eq!(last["classes"]["wanderer"]["clients"], 20);
    assert!(std::fs::read_to_string(&html).expect("a page").contains("33 clients of tideland"));
}

#[test]
fn a_server_that_is_not_there_is_told_through_processes_too() {
    let output = Command::new(env!("CARGO_BIN_EXE_client-sim"))
        .args(["run", "--server", "127.0.0.1:1", "--clients", "4", "--processes", "2"])
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    assert!(!output.status.success());
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(wrong.contains("could not connect to 127.0.0.1:1"), "{wrong}");
}

#[test]
fn a_part_that_nobody_tells_what_to_run_says_so() {
    let output = Command::new(env!("CARGO_BIN_EXE_client-sim"))
        .arg("part")
        .stdin(Stdio::null())
        .output()
        .expect("the program runs");
    assert!(!output.status.success());
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(wrong.contains("what to run is not known"), "{wrong}");
}
