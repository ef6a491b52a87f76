//! When a task runs, how often, and how often it is tried: [`Plan`], [`Missed`], [`Retry`].

use std::time::Duration;

use daystar_macros::managed;
use daystar_model::{Dial, Timestamp};

/// When a task is to run, for [`Ctx::plan`](crate::Ctx::plan).
///
/// ```
/// use daystar::prelude::*;
///
/// #[task]
/// pub struct Feast {}
///
/// impl Task for Feast {
///     fn run(&self, _ctx: &Ctx) -> Result<()> {
///         Ok(())
///     }
/// }
///
/// /// Every day by the clock on the wall; one that fell into an outage is not made up for.
/// fn announce(ctx: &Ctx, first: Timestamp) -> Result<TaskHandle> {
///     let daily = Plan::every(Duration::from_secs(24 * 60 * 60));
///     ctx.plan(daily.starting_at(first).by_wall_time().missed(Missed::Skip), Feast {})
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Plan {
    pub(crate) first: First,
    pub(crate) period: Option<Duration>,
    pub(crate) missed: Missed,
    pub(crate) dial: Dial,
}

/// When a plan begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    In(Duration),
    At(Timestamp),
}

impl Plan {
    /// Once, when `delay` has passed.
    pub fn after(delay: Duration) -> Self {
        let (missed, dial) = (Missed::One, Dial::World);
        Self { first: First::In(delay), period: None, missed, dial }
    }

    /// Once, at the time `at`, or as soon as may be if that has passed.
    pub fn at(at: Timestamp) -> Self {
        Self { first: First::At(at), ..Self::after(Duration::ZERO) }
    }

    /// Again and again, first when one `period` has passed. Tick `n` is due at the first one's time and `n` periods, however
    /// late those before it were. Of a whole number of milliseconds, one at least.
    pub fn every(period: Duration) -> Self {
        Self { period: Some(period), ..Self::after(period) }
    }

    /// The first time is at `at`.
    pub fn starting_at(self, at: Timestamp) -> Self {
        Self { first: First::At(at), ..self }
    }

    /// Goes by the machine's clock, which goes on while the server is down; not by the world's, which stands still then.
    pub fn by_wall_time(self) -> Self {
        Self { dial: Dial::Wall, ..self }
    }

    /// What becomes of ticks that were missed; of a task that runs once, this says nothing.
    pub fn missed(self, missed: Missed) -> Self {
        Self { missed, ..self }
    }
}

/// What becomes of the ticks of a periodic task that were missed: because the server was down at their time, which by the
/// world's clock cannot be, or so busy that a later one's time has come too.
#[managed(name = "daystar.Missed")]
#[derive(Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// They are left out; what is due next runs next.
    Skip,
    /// One run stands for all of them.
    #[default]
    One,
    /// Each is made up for, one after the other.
    All,
}

/// How often a durable task is tried that fails, and how far apart: for [`Task::RETRY`](crate::Task::RETRY). Each pause
/// is twice the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// How often it is tried in all, before it is set aside; `None`: until it succeeds.
    pub tries: Option<u32>,
    /// The pause after the first try.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Retry {
    /// Five tries, from one second apart to a minute.
    pub const DEFAULT: Self =
        Self { tries: Some(5), first: Duration::from_secs(1), longest: Duration::from_secs(60) };
    /// Set aside when it has failed once.
    pub const NEVER: Self = Self { tries: Some(1), ..Self::DEFAULT };
    /// Tried until it succeeds, at last every five minutes.
    pub const FOREVER: Self =
        Self { tries: None, longest: Duration::from_secs(300), ..Self::DEFAULT };

    /// How long to wait when it has failed `failed` times; `None`: no longer.
    pub(crate) fn pause(self, failed: u32) -> Option<Duration> {
        if self.tries.is_some_and(|tries| failed >= tries) {
            return None;
        }
        let factor = 2_u32.saturating_pow(failed.saturating_sub(1));
        Some(self.first.saturating_mul(factor).min(self.longest))
    }
}

/// How a periodic task goes on.
#[managed(name = "daystar.Every")]
#[derive(Copy)]
pub(crate) struct Every {
    pub(crate) period_ms: u64,
    pub(crate) missed: Missed,
}

/// What is to be done about a tick whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tick {
    pub(crate) runs: bool,
    pub(crate) next: Timestamp,
}

impl Every {
    /// What to do about the tick that was due at `due`, now that it is `now`, on a server that has served since `opened`;
    /// all by the same clock.
    pub(crate) fn tick(self, due: Timestamp, now: Timestamp, opened: Timestamp) -> Tick {
        let period = self.period_ms.max(1);
        let after = |ticks: u64| Timestamp {
            unix_ms: due.unix_ms.saturating_add(period.saturating_mul(ticks)),
        };
        let passed = now.unix_ms.saturating_sub(due.unix_ms) / period;
        match self.missed {
            Missed::All => Tick { runs: true, next: after(1) },
            Missed::One => Tick { runs: true, next: after(passed + 1) },
            // The newest whose time has come may itself be of the time before the server was here.
            Missed::Skip => Tick { runs: after(passed) >= opened, next: after(passed + 1) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(unix_ms: u64) -> Timestamp {
        Timestamp { unix_ms }
    }

    fn tick(missed: Missed, due: u64, now: u64, opened: u64) -> (bool, u64) {
        let every = Every { period_ms: 100, missed };
        let Tick { runs, next } = every.tick(at(due), at(now), at(opened));
        (runs, next.unix_ms)
    }

    #[test]
    fn a_tick_keeps_the_phase_however_late_it_is() {
        for missed in [Missed::Skip, Missed::One, Missed::All] {
            for late in 0..100 {
                assert_eq!(tick(missed, 1_007, 1_007 + late, 0), (true, 1_107), "{missed:?}");
            }
        }
    }

    #[test]
    fn missed_ticks_are_skipped_or_made_up_for_by_one_or_by_all() {
        // Ticks at 1007, 1107, 1207; the server came back at 1250, and it is 1260.
        assert_eq!(tick(Missed::One, 1_007, 1_260, 1_250), (true, 1_307));
        assert_eq!(tick(Missed::Skip, 1_007, 1_260, 1_250), (false, 1_307));
        let mut due = 1_007;
        for _ in 0..3 {
            let (runs, next) = tick(Missed::All, due, 1_260, 1_250);
            assert!(runs);
            due = next;
        }
        assert_eq!(due, 1_307, "three runs for three ticks");
        // It was only busy: the newest tick is not missed.
        assert_eq!(tick(Missed::Skip, 1_007, 1_260, 1_000), (true, 1_307));
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_end() {
        let pauses: Vec<_> = (1..=5).map(|failed| Retry::DEFAULT.pause(failed)).collect();
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(pauses, [seconds(1), seconds(2), seconds(4), seconds(8), None]);
        assert_eq!(Retry::FOREVER.pause(1_000), seconds(300));
        assert_eq!(Retry::NEVER.pause(1), None);
    }
}
