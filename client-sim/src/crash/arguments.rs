//! The options of a server in a process of its own.

use std::fmt;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::duration;

/// How the demo's server runs.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct SeparateArgs {
    /// Run the server in a process of its own, as a real one does; its memory is shown in the end.
    #[arg(long)]
    pub separate: bool,
    /// Kill the server about so often (`kill -9`), start it again, and see that everything that a client was told is still true.
    #[arg(long, value_name = "TIME", value_parser = parse_crash_every)]
    pub crash_every: Option<Duration>,
    /// When the server tells clients of what has happened; `durable` where it is killed, unless set, and otherwise `committed`.
    #[arg(long, value_enum)]
    pub durability: Option<Level>,
}

/// When clients are told of what has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// At once. A crash may take back the last milliseconds, so what differs then is counted and is no error.
    Committed,
    /// When it is on disk. A crash must take back nothing.
    Durable,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Committed => "committed",
            Self::Durable => "durable",
        })
    }
}

impl SeparateArgs {
    /// Whether any of it needs a process of its own.
    pub fn is_separate(&self) -> bool {
        self.separate || self.crash_every.is_some() || self.durability.is_some()
    }

    /// When clients are told.
    pub fn level(&self) -> Level {
        let unless_set = if self.crash_every.is_some() { Level::Durable } else { Level::Committed };
        self.durability.unwrap_or(unless_set)
    }
}

fn parse_crash_every(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        time if time < CRASH_EVERY_MIN => Err(format!(
            "a server that lives for {text} has no time to serve: at least {} ms",
            CRASH_EVERY_MIN.as_millis()
        )),
        time => Ok(time),
    }
}

const CRASH_EVERY_MIN: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_killed_is_durable_unless_something_else_is_said() {
        let killed = SeparateArgs { crash_every: Some(CRASH_EVERY_MIN), ..SeparateArgs::default() };
        assert_eq!(killed.level(), Level::Durable);
        let lax = SeparateArgs { durability: Some(Level::Committed), ..killed };
        assert_eq!(lax.level(), Level::Committed);
        assert_eq!(SeparateArgs::default().level(), Level::Committed);
    }

    #[test]
    fn only_the_demo_in_one_process_needs_no_other() {
        assert!(!SeparateArgs::default().is_separate());
        assert!(SeparateArgs { separate: true, ..SeparateArgs::default() }.is_separate());
    }

    #[test]
    fn a_life_that_is_too_short_is_refused() {
        assert!(parse_crash_every("20s").is_ok());
        assert!(parse_crash_every("0s").expect_err("too short").contains("at least 100 ms"));
        assert!(parse_crash_every("20").is_err());
    }
}
