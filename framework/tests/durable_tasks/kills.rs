//! Exactly once, across `kill -9`: tasks that were told to be durable run, and none twice.
//!
//! `DAYSTAR_TASK_KILLS` sets how many servers are killed; 10 if it is not set. Each is given 50 tasks: 200 kills are 10,000
//! tasks. With `--nocapture` it is printed how many there were.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use daystar::{Breaks, Server};

use crate::game::{Event, Request, Workshop, ask, client};

const VICTIM: &str = "DAYSTAR_TASKS_VICTIM";
const BROKEN: &str = "DAYSTAR_TASKS_BROKEN";
const TASKS: u64 = 50;

/// A server in a process of its own.
struct Victim {
    process: Child,
    address: SocketAddr,
}

impl Victim {
    fn start(data: &Path, is_broken: bool) -> Self {
        let program = env::current_exe().expect("the test's own program");
        let mut process = Command::new(program)
            .args(["--exact", "kills::victim", "--nocapture", "--ignored"])
            .env(VICTIM, data)
            .env(BROKEN, if is_broken { "yes" } else { "" })
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a second process");
        let output = process.stdout.take().expect("its output");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
        let address = lines
            .find_map(|line| line.split("address ").nth(1)?.trim().parse().ok())
            .expect("the server's address");
        Self { process, address }
    }

    /// As `kill -9` does.
    fn kill(mut self) {
        self.process.kill().expect("kill");
        self.process.wait().expect("wait");
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "run by other tests, as a process to be killed"]
fn victim() {
    let Some(data) = env::var_os(VICTIM) else { return };
    let task_stays = env::var(BROKEN).as_deref() == Ok("yes");
    let builder = Server::builder(Workshop).data(data).workers(2);
    let builder = builder.broken(Breaks { task_stays, ..Breaks::default() });
    let server = builder.start().expect("the victim's server");
    println!("address {}", server.address());
    std::io::stdout().flush().expect("flush");
    // Its standard input ends with the first process, should that die before it kills this one.
    let _ = std::io::stdin().lines().count();
    std::process::exit(0);
}

/// Kills `kills` servers, each with tasks that run at about that time. How often each task that must run did, and how many others.
async fn killed(kills: u64, is_broken: bool) -> (BTreeMap<u64, usize>, usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut durable = Vec::new();
    for round in 0..kills {
        let server = Victim::start(folder.path(), is_broken);
        let ann = client(server.address).await;
        for part in 0..5 {
            let (first, count) = (round * TASKS + part * 10, 10);
            let request = Request::Many { first, count, after_ms: part * 5 };
            // The last of them may be lost, and may not.
            match part {
                4 => drop(ann.call(&request).await),
                _ => {
                    ann.call_durable(&request).await.expect("on disk");
                    durable.extend(first..first + count);
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(round * 7 % 30)).await;
        server.kill();
    }
    let server = Victim::start(folder.path(), is_broken);
    let ann = client(server.address).await;
    let mut times = BTreeMap::new();
    // A crash moves the world's clock on by some seconds, so that all are due at once; or in a moment.
    for _ in 0..2_000 {
        let Event::Log(log) = ask(&ann, Request::Log).await else { panic!("no log") };
        times = BTreeMap::new();
        for (label, _) in log {
            *times.entry(label.parse::<u64>().expect("a number")).or_insert(0) += 1;
        }
        if durable.iter().all(|task| times.contains_key(task)) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.kill();
    let others = times.keys().filter(|task| !durable.contains(task)).count();
    for task in durable {
        times.entry(task).or_insert(0);
    }
    (times, others)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_task_takes_effect_once_however_often_the_server_is_killed() {
    let kills = match env::var("DAYSTAR_TASK_KILLS") {
        Ok(kills) => kills.parse().expect("DAYSTAR_TASK_KILLS must be a number"),
        Err(_) => 10,
    };
    let (times, others) = killed(kills, false).await;
    let wrong: Vec<_> = times.iter().filter(|(_, times)| **times != 1).collect();
    assert!(wrong.is_empty(), "tasks, and how often they took effect: {wrong:?}");
    println!(
        "{kills} kills, {} tasks ran once each, {others} of them not told to be durable",
        times.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_stays_in_the_list_when_it_is_done_is_caught() {
    let (times, _) = killed(3, true).await;
    assert!(times.values().any(|times| *times > 1), "the break was not seen");
}
