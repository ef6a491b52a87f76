//! The outside world, as the servers that are killed call it: it writes each call into a file, which no crash of theirs
//! takes back, and gives each a ticket.

use std::fs::{File, read_to_string};
use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use daystar::Result;

/// One call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Of which order.
    pub(crate) number: u64,
    /// [`LOOK`], if it was a survey's look.
    pub(crate) key: String,
    /// No two calls have the same.
    pub(crate) ticket: u64,
}

impl Call {
    /// The server that has called.
    pub(crate) fn round(&self) -> u64 {
        self.ticket / TICKETS_PER_ROUND
    }

    pub(crate) fn is_look(&self) -> bool {
        self.key == LOOK
    }
}

/// What stands in the place of a key when a survey looks.
pub(crate) const LOOK: &str = "look";

/// The outside world of this process.
struct Outside {
    file: File,
    round: u64,
    calls: AtomicU64,
    /// After how many calls the process is to die.
    end: Option<End>,
}

/// When a process that calls is to die.
pub(crate) struct End {
    is_look: bool,
    /// How many of these are left.
    left: AtomicU64,
}

impl End {
    /// What `wish` says: `call:3` is the third call that is no look, `look:1` the first look. `None`: something else.
    pub(crate) fn of(wish: &str) -> Option<Self> {
        let (what, times) = wish.split_once(':')?;
        let is_look = what == LOOK;
        let left = AtomicU64::new(times.parse().ok()?);
        (is_look || what == "call").then_some(Self { is_look, left })
    }
}

static OUTSIDE: OnceLock<Outside> = OnceLock::new();

/// Says which server this process is, where its calls are written to, and after how many it is to die.
pub(crate) fn open(path: &Path, round: u64, end: Option<End>) {
    let file = File::options().append(true).create(true).open(path).expect("a file for calls");
    let _ = OUTSIDE.set(Outside { file, round, calls: AtomicU64::new(0), end });
}

/// Which server this process is.
pub(crate) fn round() -> u64 {
    outside().round
}

/// Calls; the call's ticket. It is written down before the caller hears of it.
pub(crate) fn call(number: u64, key: &str) -> Result<u64> {
    let Outside { file, round, calls, end } = outside();
    let ticket = round * TICKETS_PER_ROUND + calls.fetch_add(1, Ordering::Relaxed);
    // In one piece, so that a crash leaves no half of it.
    (&mut &*file).write_all(format!("{number} {key} {ticket}\n").as_bytes())?;
    if let Some(End { is_look, left }) = end
        && *is_look == (key == LOOK)
        && left.fetch_sub(1, Ordering::SeqCst) == 1
    {
        // As if by `kill -9`: called, and nothing else.
        std::process::abort();
    }
    Ok(ticket)
}

/// All calls that were ever made, in their order.
pub(crate) fn read(path: &Path) -> Vec<Call> {
    let calls = read_to_string(path).unwrap_or_default();
    let call = |line: &str| {
        let mut parts = line.split(' ');
        let mut next = || parts.next().expect("three parts in a line");
        let (number, key, ticket) = (next(), next().to_owned(), next());
        let number_of = |text: &str| text.parse().expect("a number");
        Call { number: number_of(number), key, ticket: number_of(ticket) }
    };
    // Another process may be writing the last line.
    calls.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')).map(call).collect()
}

fn outside() -> &'static Outside {
    OUTSIDE.get().expect("the process of a server that is to be killed")
}

const TICKETS_PER_ROUND: u64 = 1_000_000;
