//! What a contest showed: one attack after another, with what honest clients met meanwhile.

use std::time::Duration;

use crate::duration;
use crate::hostile::attack::Attack;
use crate::hostile::server::Metrics;
use crate::hostile::toll::SUCCEEDED;
use crate::outcome::Outcome;

/// What honest clients met during one attack, and in the calm before and behind it.
pub(super) struct Round {
    pub(super) attack: Attack,
    pub(super) before: Outcome,
    pub(super) during: Outcome,
    pub(super) behind: Outcome,
    /// What the attackers said of it.
    pub(super) toll: String,
    /// The server's memory in bytes before, and the most it has had until its end.
    pub(super) memory: Option<(u64, u64)>,
    /// By how much the counters of [`Attack::counted_in`] rose.
    pub(super) counted: Vec<(&'static str, f64)>,
}

/// How much slower the slowest hundredth of the honest requests may become.
pub(super) const SLOWER_MAX: f64 = 2.0;

/// How much memory one attack may cost the server: its limits on queues, connections and handshakes together are far below.
pub(super) const MEMORY_BYTES_MAX: u64 = 256 * 1024 * 1024;

impl Round {
    /// The calm's p99: the worse one, so that what the machine does besides does not pass for the attack's doing.
    fn calm_p99(&self) -> Duration {
        let [before, behind] =
            [&self.before, &self.behind].map(|outcome| outcome.counts.latency_at(0.99));
        before.max(behind)
    }

    fn slower(&self) -> f64 {
        let during = self.during.counts.latency_at(0.99).as_secs_f64();
        during / self.calm_p99().as_secs_f64().max(1e-6)
    }

    /// Several lines for people.
    pub(super) fn show(&self) -> String {
        let p99 = |outcome: &Outcome| duration::show(outcome.counts.latency_at(0.99));
        let mut lines = format!(
            "{:?}: p99 {} before, {} during, {} behind: {:.2} x; {} honest requests, {} errors\n",
            self.attack,
            p99(&self.before),
            p99(&self.during),
            p99(&self.behind),
            self.slower(),
            self.during.counts.requests(),
            self.during.counts.errors,
        );
        if let Some((before, most)) = self.memory {
            lines += &format!(
                "  server memory: {} MiB before, at most {} MiB\n",
                before >> 20,
                most >> 20
            );
        }
        for (name, rose) in &self.counted {
            lines += &format!("  {name}: +{rose}\n");
        }
        self.toll.lines().for_each(|line| lines += &format!("  attackers: {line}\n"));
        for (text, times) in &self.during.counts.error_texts {
            lines += &format!("  honest error {times} times: {text}\n");
        }
        lines
    }

    /// Everything that is not as it must be, in words.
    pub(super) fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let mut fail = |what: String| failures.push(format!("{:?}: {what}", self.attack));
        if self.slower() > SLOWER_MAX {
            fail(format!("honest p99 became {:.2} times what it was", self.slower()));
        }
        for outcome in [&self.before, &self.during, &self.behind] {
            outcome.failures(&Default::default()).into_iter().for_each(&mut fail);
            outcome.differences.iter().cloned().for_each(&mut fail);
        }
        match self.memory {
            Some((before, most)) if most > before + MEMORY_BYTES_MAX => {
                fail(format!("the server's memory grew by {} MiB", (most - before) >> 20));
            }
            _ => {}
        }
        for (name, rose) in &self.counted {
            if *rose <= 0.0 {
                fail(format!("{name} does not count it"));
            }
        }
        for line in self.toll.lines().filter(|line| line.starts_with(SUCCEEDED)) {
            fail(format!("the attackers {line}"));
        }
        if self.toll.starts_with("tried 0 times") || self.toll.is_empty() {
            fail("the attackers did nothing".to_owned());
        }
        failures
    }
}

/// By how much each of `names` rose.
pub(super) fn rises(
    names: &'static [&'static str],
    before: &Metrics,
    behind: &Metrics,
) -> Vec<(&'static str, f64)> {
    let value = |metrics: &Metrics, name| metrics.get(name).copied().unwrap_or(0.0);
    names.iter().map(|name| (*name, value(behind, *name) - value(before, *name))).collect()
}
