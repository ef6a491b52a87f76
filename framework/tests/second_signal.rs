//! A second signal ends a stop that hangs, at once and with the code that a shell expects.
#![cfg(target_os = "linux")]

mod bank;
mod stage;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use bank::{Bank, Request, join};
use daystar::Server;
use stage::{Mood, Stage};

const HANGING: &str = "DAYSTAR_TEST_HANGS";

/// Not a test: a server whose store keeps nothing any more, in a process of its own. It cannot stop.
#[test]
fn hanging() {
    if env::var_os(HANGING).is_none() {
        return;
    }
    let store = Stage::new();
    let server = Server::builder(Bank).store(store.clone()).workers(2).start().expect("a server");
    store.set(Mood::Waiting);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let (ann, _events) = join(server.address(), "ann").await;
        ann.call(&Request::Look).await.expect("an answer");
    });
    println!("now running");
    server.wait_for_signal().expect("a signal");
    println!("now stopping");
    server.stop().expect("it never gets here");
    println!("now stopped");
}

struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn signal(process: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &process.id().to_string()]).status();
    assert!(sent.expect("kill").success());
}

/// A signal that nobody listens for yet would end the process.
fn until_it_listens(process: &Child) {
    const SIGTERM: u64 = 15;
    let listens = || {
        let status = fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
        u64::from_str_radix(caught.trim(), 16).ok().map(|caught| caught & 1 << (SIGTERM - 1) != 0)
    };
    while !listens().expect("what signals it listens for") {
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_second_signal_ends_a_stop_that_hangs() {
    for (second, code) in [("-INT", 130), ("-TERM", 143)] {
        let program = env::current_exe().expect("the test's own program");
        let process = Command::new(program)
            .args(["--exact", "hanging", "--nocapture"])
            .env(HANGING, "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a second process");
        let mut victim = Victim(process);
        let output = victim.0.stdout.take().expect("its output");
        let mut lines = BufReader::new(output).lines().map_while(std::result::Result::ok);
        assert!(lines.any(|line| line.contains("now running")), "it does not run");
        until_it_listens(&victim.0);
        signal(&victim.0, "-TERM");
        assert!(lines.any(|line| line.contains("now stopping")), "the first signal is not heard");
        signal(&victim.0, second);
        let ended = victim.0.wait().expect("its end");
        assert_eq!(ended.code(), Some(code), "{second}");
        assert!(!lines.any(|line| line.contains("now stopped")), "it did not hang");
    }
}
