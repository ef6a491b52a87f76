//! The server that is killed: a process of its own, which is this test's program once more.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use daystar::{Breaks, Durability, Server};
use daystar_store::{LmdbStore, Options};

use crate::game::Town;

/// How a server is to run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Orders {
    /// Everything is durable, not only what says so.
    pub(crate) is_durable: bool,
    /// At which of the store's fail points it is to die, and at which passing of it: `point:times`.
    pub(crate) die_at: String,
    /// What of it is broken on purpose.
    pub(crate) broken: &'static str,
}

/// A server that was started.
pub(crate) struct Victim {
    process: Child,
    /// Whether it had died before it could say so.
    died: Option<ExitStatus>,
}

/// How a server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It died where it was to.
    AtPoint,
    Killed,
    /// It stopped, as it was told.
    Stopped,
}

impl Victim {
    /// Starts a server on the world in `data`, and returns at once.
    pub(crate) fn launch(data: &Path, orders: &Orders) -> Self {
        let program = env::current_exe().expect("the test's own program");
        let process = Command::new(program)
            .args(["--exact", "victim::victim", "--nocapture", "--ignored"])
            .env(DATA, data)
            .env(DURABLE, if orders.is_durable { "yes" } else { "" })
            .env(BROKEN, orders.broken)
            .env("DAYSTAR_DIE_AT", &orders.die_at)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a second process");
        Self { process, died: None }
    }

    /// Waits until it serves; `None` if it dies before. To be called once. Blocks.
    pub(crate) fn address(&mut self) -> Option<SocketAddr> {
        let output = self.process.stdout.take().expect("its output, which nobody has taken");
        let mut lines = BufReader::new(output).lines().map_while(Result::ok);
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
    pub(crate) fn kill(mut self) -> End {
        self.process.kill().expect("kill");
        self.end()
    }

    /// Has it stop.
    pub(crate) fn stop(mut self) -> End {
        drop(self.process.stdin.take());
        self.end()
    }

    fn end(&mut self) -> End {
        use std::os::unix::process::ExitStatusExt;
        let status = self.process.wait().expect("its end");
        match (status.signal(), status.code()) {
            (Some(SIGABRT), _) => End::AtPoint,
            (Some(SIGKILL), _) => End::Killed,
            (_, Some(0)) => End::Stopped,
            _ => panic!("the server ended by itself: {status}"),
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
    let Some(data) = env::var_os(DATA) else { return };
    let broken = env::var(BROKEN).unwrap_or_default();
    let store = Arc::new(LmdbStore::open(data, options(&broken)).expect("a world"));
    let durability = match env::var(DURABLE).as_deref() {
        Ok("yes") => Durability::Durable,
        _ => Durability::Committed,
    };
    let builder = Server::builder(Town).store(store).durability(durability).workers(2);
    let server = builder.broken(breaks(&broken)).start().expect("the victim's server");
    println!("address {}", server.address());
    std::io::stdout().flush().expect("flush");
    // Its standard input ends when it is to stop, and with the first process, should that die.
    let _ = std::io::stdin().lines().count();
    server.stop().expect("a clean end");
    // Not by way of the test harness, which has something to say, and nobody to listen.
    std::process::exit(0);
}

/// What the store is broken by, if `broken` is one of its breaks. It is set so that epochs, checkpoints and cuts are always
/// under way together, and that the journal is full now and then.
fn options(broken: &str) -> Options {
    let mut options = Options {
        checkpoint_bytes: 48 << 10,
        checkpoint_time: Duration::from_millis(100),
        journal_bytes_max: 1 << 20,
        ..Options::default()
    };
    options.breaks.cut_before_checkpoint = broken == "cut before checkpoint";
    options.breaks.epoch_not_prefix = broken == "epoch not a prefix";
    options
}

fn breaks(broken: &str) -> Breaks {
    Breaks {
        durable_is_early: broken == "durable is early",
        left_skipped: broken == "left skipped",
        left_twice: broken == "left twice",
        ..Breaks::default()
    }
}

const DATA: &str = "DAYSTAR_TEST_VICTIM";
const DURABLE: &str = "DAYSTAR_TEST_DURABLE";
const BROKEN: &str = "DAYSTAR_TEST_BROKEN";
// The same numbers on every Unix.
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
