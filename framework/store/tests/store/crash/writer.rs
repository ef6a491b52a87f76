//! The process that is killed: it applies numbered batches as fast as it can, says of each that it was acknowledged, and
//! reads its own world beside that.

use std::convert::Infallible;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::thread;

use daystar_model::ids::CommitNumber;
use daystar_model::store::Store;
use daystar_store::{Breaks, LmdbStore, Options};

use super::ledger::{nth, whole};
use crate::support::*;

/// A writer that runs.
pub(super) struct Writer {
    process: Child,
    told: BufReader<ChildStdout>,
    /// The last batch that it said was acknowledged.
    pub(super) acknowledged: u64,
}

/// How a writer came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It died at the point where it was to.
    AtPoint,
    Killed,
}

impl Writer {
    /// Starts a writer on `world`, which has all up to `stored`. It dies at the fail point `die_at`, if there is one, and
    /// is broken as `broken` says.
    pub(super) fn start(world: &Path, stored: u64, die_at: &str, broken: &str) -> Self {
        let mut writer = child("crash::writer::child_that_writes", world);
        writer.env("DAYSTAR_DIE_AT", die_at).env(BROKEN, broken);
        let mut process = writer.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let told = BufReader::new(process.stdout.take().unwrap());
        Self { process, told, acknowledged: stored }
    }

    /// Waits for the next batch to be acknowledged; `false` when none comes any more. A line that was cut off when the
    /// process died does not count.
    pub(super) fn goes_on(&mut self) -> bool {
        let mut line = String::new();
        while self.told.read_line(&mut line).unwrap() > 0 {
            if let Some(n) = line.strip_suffix('\n').and_then(|l| l.strip_prefix("acknowledged ")) {
                self.acknowledged = n.parse().unwrap();
                return true;
            }
            line.clear();
        }
        false
    }

    /// Kills it, if it lives, and listens to what it still had to say.
    pub(super) fn kill(mut self) -> (End, u64) {
        self.process.kill().unwrap();
        self.end()
    }

    /// Waits until it has died.
    pub(super) fn end(mut self) -> (End, u64) {
        while self.goes_on() {}
        let status = self.process.wait().unwrap();
        use std::os::unix::process::ExitStatusExt;
        let end = match status.signal() {
            Some(SIGABRT) => End::AtPoint,
            Some(SIGKILL) => End::Killed,
            _ => panic!("the writer ended by itself: {status}"),
        };
        (end, self.acknowledged)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // A test that fails must not leave it behind. If it has ended already, there is nothing to be killed.
        let _ended_already = self.process.kill().and_then(|()| self.process.wait());
    }
}

#[test]
#[ignore = "run by another test, as a process to be killed"]
fn child_that_writes() {
    let Some(world) = child_folder() else { return };
    // Short, so that epochs, checkpoints and cuts are always under way together.
    let broken = std::env::var(BROKEN).unwrap_or_default();
    let options = Options {
        checkpoint_bytes: 200 << 10,
        journal_bytes_max: JOURNAL_BYTES_MAX,
        breaks: breaks(&broken),
        ..Options::default()
    };
    let store = LmdbStore::open(world, options).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            // One that is broken would see so itself, and it is for those who come after to notice.
            while broken.is_empty() {
                if let Err(wrong) = whole_moment(&store) {
                    give_up(&wrong);
                }
            }
        });
        let Err(wrong) = write_for_ever(&store);
        give_up(&wrong.to_string());
    });
}

/// Ends when nobody listens any more.
fn write_for_ever(store: &LmdbStore) -> Result<Infallible, Box<dyn Error>> {
    let CommitNumber(mut n) = store.last_commit()?;
    let mut out = std::io::stdout().lock();
    loop {
        n += 1;
        store.apply(&nth(n))?;
        out.write_all(format!("\nacknowledged {n}\n").as_bytes())?;
        out.flush()?;
    }
}

/// Ends the process at once, whatever its other threads do: whoever started it waits for its end.
fn give_up(wrong: &str) -> ! {
    eprintln!("the writer: {wrong}");
    std::process::exit(1)
}

fn whole_moment(store: &LmdbStore) -> Result<u64, String> {
    whole(&store.moment().map_err(|error| error.to_string())?)
}

fn breaks(name: &str) -> Breaks {
    let none = Breaks::default();
    match name {
        "" => none,
        "cut_before_checkpoint" => Breaks { cut_before_checkpoint: true, ..none },
        "epoch_not_prefix" => Breaks { epoch_not_prefix: true, ..none },
        other => panic!("no break is called {other}"),
    }
}

/// How long the writer lets its journal grow.
pub(super) const JOURNAL_BYTES_MAX: u64 = 2 << 20;
const BROKEN: &str = "DAYSTAR_TEST_BROKEN";
// The same numbers on every Unix.
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
