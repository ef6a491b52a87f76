//! How far a command is: a bar in a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use daystar_store::lmdb::Step;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

/// Shows how far a command is, on standard error; gone when it is dropped.
pub(super) struct Progress {
    what: &'static str,
    shown: Shown,
}

enum Shown {
    Bar(ProgressBar),
    /// Since the last line.
    Lines(Instant),
}

impl Progress {
    /// Begins to show how far `what` is ("copying").
    pub(super) fn of(what: &'static str) -> Self {
        let style = "{prefix} [{bar:30}] {human_pos} of {human_len} objects, {eta} left";
        Self::in_style(what, style)
    }

    /// Begins to show how far `what` is, of which nobody knows how much there is.
    pub(super) fn without_end(what: &'static str) -> Self {
        let style = "{prefix} {spinner} {human_pos} objects, for {elapsed}";
        let progress = Self::in_style(what, style);
        if let Shown::Bar(bar) = &progress.shown {
            // It moves also while there is nothing to tell.
            bar.enable_steady_tick(TICK_EVERY);
        }
        progress
    }

    fn in_style(what: &'static str, style: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self { what, shown: Shown::Lines(Instant::now()) };
        }
        let bar = ProgressBar::new(0).with_prefix(what);
        // The template is a constant; should it ever be wrong, the standard one serves.
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style.progress_chars("=> "));
        }
        Self { what, shown: Shown::Bar(bar) }
    }

    /// So many objects of about so many are done.
    pub(super) fn tell(&mut self, done: u64, all: u64) {
        match &mut self.shown {
            Shown::Bar(bar) => {
                bar.set_length(all);
                bar.set_position(done);
            }
            Shown::Lines(last) => {
                if is_due(last) {
                    eprintln!("{}: {} of {} objects", self.what, HumanCount(done), HumanCount(all));
                }
            }
        }
    }

    /// So many objects are done.
    pub(super) fn count(&mut self, done: u64) {
        match &mut self.shown {
            Shown::Bar(bar) => bar.set_position(done),
            Shown::Lines(last) => {
                if is_due(last) {
                    eprintln!("{}: {} objects", self.what, HumanCount(done));
                }
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
        }
    }
}

/// Shows how far a copy is, step by step; its writing is called `writing`.
pub(super) fn of_copy(writing: &'static str) -> impl FnMut(Step, u64, u64) {
    let called = move |step| match step {
        Step::Copying => writing,
        Step::Comparing => "comparing",
    };
    let (mut shown, mut progress) = (Step::Copying, Progress::of(writing));
    move |step, done, all| {
        if step != shown {
            shown = step;
            // With which the one before is gone, before this is drawn: two would write over each other.
            progress = Progress::of(called(step));
        }
        progress.tell(done, all);
    }
}

/// Whether a line is due; if so, it is the last from now on.
fn is_due(last: &mut Instant) -> bool {
    let is_due = last.elapsed() >= LINE_EVERY;
    if is_due {
        *last = Instant::now();
    }
    is_due
}

/// Who waits for long wants to know; a log should not fill with it.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// As fast as an eye wants to see that something goes on.
const TICK_EVERY: Duration = Duration::from_millis(100);
