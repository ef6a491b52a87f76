//! How far a run is: a bar in a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::duration;
use crate::figures::per_s;
use crate::outcome::Second;
use crate::record::Record;

/// Plain lines come this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far a run is.
pub enum Progress {
    /// Redraws one line.
    Bar(ProgressBar),
    /// Prints a line from time to time.
    Lines {
        /// How many clients the last line said were connected, if it was about that.
        connected: Option<u32>,
        /// The time of the last line about playing.
        last: Duration,
    },
    /// Shows nothing.
    Silent,
}

impl Progress {
    /// What suits standard output.
    pub fn for_stdout() -> Self {
        if !std::io::stdout().is_terminal() {
            return Self::Lines { connected: None, last: Duration::ZERO };
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stdout());
        // The template is a constant; should it ever be wrong, the standard one serves.
        if let Ok(style) = ProgressStyle::with_template("{prefix:>10} [{bar:30}] {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        Self::Bar(bar)
    }

    /// So many of so many clients are connected.
    pub fn connecting(&mut self, connected: u32, clients: u32) {
        match self {
            Self::Bar(bar) => {
                bar.set_prefix("connecting");
                bar.set_length(clients.into());
                bar.set_position(connected.into());
                bar.set_message(format!("{connected} of {clients} clients"));
            }
            Self::Lines { connected: last, .. } => {
                let step = (clients / 10).max(1);
                if connected == clients || last.is_none_or(|last| connected >= last + step) {
                    println!("connecting: {connected} of {clients} clients");
                    *last = Some(connected);
                }
            }
            Self::Silent => {}
        }
    }

    /// The clients have played for `elapsed` of `duration`. `record` has what they counted, its last second first of all.
    pub(crate) fn playing(
        &mut self,
        elapsed: Duration,
        duration: Duration,
        record: &Record,
        clients: u32,
    ) {
        let Some(Second { lasted, all: now, .. }) = record.seconds.last() else { return };
        let (refusals, errors, reconnects) = record.troubles();
        let message = format!(
            "{:.0} of {:.0} s: {} of {clients} clients, {:.0} requests/s, {:.0} events/s, p50 {}, p99 {}, {refusals} refused, \
             {errors} errors, {reconnects} reconnects",
            elapsed.as_secs_f64(),
            duration.as_secs_f64(),
            now.clients,
            now.requests_per_s,
            per_s(now.events, *lasted),
            duration::show_us(now.p50_us),
            duration::show_us(now.p99_us),
        );
        match self {
            Self::Bar(bar) => {
                bar.set_prefix("playing");
                bar.set_length(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
                bar.set_position(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX));
                bar.set_message(message);
            }
            Self::Lines { last, .. } => {
                if elapsed.saturating_sub(*last) + *lasted / 2 >= LINE_EVERY {
                    println!("playing: {message}");
                    *last = elapsed;
                }
            }
            Self::Silent => {}
        }
    }

    /// The run is over.
    pub fn finish(&mut self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}
