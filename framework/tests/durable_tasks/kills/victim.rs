//! A server that is to be killed: a process of its own, which is this test's program once more.

use std::env;
use std::fs::{File, read_to_string};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use daystar::{Breaks, Server};
use daystar_store::{LmdbStore, Options};

use crate::kills::outside;
use crate::kills::works::Works;

/// How a server is to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Orders<'a> {
    /// Which server it is.
    pub(crate) round: u64,
    /// What of it is broken on purpose.
    pub(crate) broken: &'a str,
    /// At which of the store's fail points it is to die, and at which passing of it: `point:times`; or at which of its calls and
    /// looks ([`outside::End`]).
    pub(crate) die_at: &'a str,
}

pub(crate) struct Victim {
    process: Child,
    /// It is to die at a fail point, if nobody kills it before.
    is_to_die: bool,
    died: Option<ExitStatus>,
    /// Kept open: the test harness in it says something when it has run for a minute, and ends if nobody listens.
    output: Option<BufReader<ChildStdout>>,
}

impl Victim {
    /// Starts a server on the world in `folder`, and returns at once.
    pub(crate) fn launch(folder: &Path, orders: Orders<'_>) -> Self {
        let program = env::current_exe().expect("the test's own program");
        let errors = File::options().append(true).create(true).open(folder.join(ERRORS));
        let process = Command::new(program)
            .args(["--exact", "kills::victim::victim", "--nocapture", "--ignored"])
            .env(FOLDER, folder)
            .env(ROUND, orders.round.to_string())
            .env(BROKEN, orders.broken)
            .env(DIE_AT, orders.die_at)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Tasks that panic on purpose are told there.
            .stderr(errors.expect("a file for what it complains of"))
            .spawn()
            .expect("a second process");
        Self { process, is_to_die: !orders.die_at.is_empty(), died: None, output: None }
    }

    /// Waits until it serves; `None` if it dies before. To be called once. Blocks.
    pub(crate) fn address(&mut self) -> Option<SocketAddr> {
        let output = self.process.stdout.take().expect("its output, which nobody has taken");
        let output = self.output.insert(BufReader::new(output));
        let mut lines = output.lines().map_while(Result::ok);
        lines.find_map(|line| line.split("address ").nth(1)?.trim().parse().ok())
    }

    /// Whether it has died by itself.
    pub(crate) fn has_died(&mut self) -> bool {
        if self.died.is_none() {
            self.died = self.process.try_wait().expect("its state");
        }
        self.died.is_some()
    }

    /// Kills it, as `kill -9` does, if it lives.
    ///
    /// # Errors
    /// It ended by itself otherwise than at its fail point: what it complained of.
    pub(crate) fn kill(mut self, folder: &Path) -> Result<(), String> {
        self.process.kill().expect("kill");
        let status = self.process.wait().expect("its end");
        match status.signal() {
            Some(SIGKILL) => Ok(()),
            Some(SIGABRT) if self.is_to_die => Ok(()),
            _ => {
                let errors = read_to_string(folder.join(ERRORS)).unwrap_or_default();
                let last: Vec<_> = errors.lines().rev().take(20).collect();
                Err(format!("the server ended by itself: {status}; from the end: {last:#?}"))
            }
        }
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
    let Some(folder) = env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let round = env::var(ROUND).ok().and_then(|round| round.parse().ok());
    let end = env::var(DIE_AT).ok().and_then(|wish| outside::End::of(&wish));
    outside::open(&folder.join(CALLS), round.expect("which server it is"), end);
    let broken = env::var(BROKEN).unwrap_or_default();
    let store = LmdbStore::open(folder.join(WORLD), options()).expect("a world");
    let builder = Server::builder(Works).store(Arc::new(store)).workers(2);
    let server = builder.broken(breaks(&broken)).start().expect("the victim's server");
    println!("address {}", server.address());
    std::io::stdout().flush().expect("flush");
    // Its standard input ends with the first process, should that die before it kills this one.
    let _ = std::io::stdin().lines().count();
    std::process::exit(0);
}

/// So that kills strike checkpoints too, and what a start has to go through stays short.
fn options() -> Options {
    let (checkpoint_bytes, checkpoint_time) = (256 << 10, Duration::from_millis(100));
    Options { checkpoint_bytes, checkpoint_time, ..Options::default() }
}

fn breaks(broken: &str) -> Breaks {
    Breaks {
        durable_is_early: broken == "durable is early",
        task_stays: broken == "task stays",
        tick_drifts: broken == "tick drifts",
        failed_stays: broken == "failed stays",
        set_aside_runs: broken == "set aside runs",
        call_is_early: broken == "call is early",
        call_key_changes: broken == "call key changes",
        sweep_notes_apart: broken == "sweep notes apart",
        walk_forgets: broken == "walk forgets",
        ..Breaks::default()
    }
}

/// What there is in the folder: the world, and outside of it what was called and complained of.
pub(crate) const WORLD: &str = "world";
pub(crate) const CALLS: &str = "calls";
const ERRORS: &str = "errors";

/// Of the store's making, which takes no notice of points that it has not.
const DIE_AT: &str = "DAYSTAR_DIE_AT";
const FOLDER: &str = "DAYSTAR_TASKS_VICTIM";
const ROUND: &str = "DAYSTAR_TASKS_ROUND";
const BROKEN: &str = "DAYSTAR_TASKS_BROKEN";
// The same numbers on every Unix.
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
