//! How far a command is: a bar in a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// Shows how far a command is, on standard error; gone when it is dropped.
pub(super) enum Progress {
    Bar(ProgressBar),
    Lines { what: &'static str, last: Instant },
}

impl Progress {
    /// Begins to show how far `what` is ("copying").
    pub(super) fn of(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines { what, last: Instant::now() };
        }
        let bar = ProgressBar::new(0).with_prefix(what);
        let style = "{prefix} [{bar:30}] {human_pos} of {human_len} objects, {eta} left";
        // The template is a constant; should it ever be wrong, the standard one serves.
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self::Bar(bar)
    }

    /// So many objects of about so many are done.
    pub(super) fn tell(&mut self, done: u64, all: u64) {
        match self {
            Self::Bar(bar) => {
                bar.set_length(all);
                bar.set_position(done);
            }
            Self::Lines { what, last } => {
                if last.elapsed() >= LINE_EVERY {
                    eprintln!("{what}: {} of {} objects", HumanCount(done), HumanCount(all));
                    *last = Instant::now();
                }
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// Who waits for long wants to know; a log should not fill with it.
const LINE_EVERY: Duration = Duration::from_secs(10);
